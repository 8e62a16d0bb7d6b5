/** Runs the reference's verbs on 16-bit floats: widens them to numbers before, and rounds what was written afterwards. */

import { halfToNumber, numberToHalf } from '../../half.js';
import { bfloatToNumber, numberToBfloat } from '../bfloat.js';

/** The arguments of a verb, none of which are 16-bit floats. */
export type OnFloats<A> = { [K in keyof A]: Exclude<A[K], Uint16Array | Int16Array> };

interface Format {
  widen: (bits: number) => number;
  narrow: (value: number) => number;
}
const HALVES: Format = { widen: halfToNumber, narrow: numberToHalf };
const BFLOATS: Format = { widen: bfloatToNumber, narrow: numberToBfloat };

/** Runs a verb on numbers instead of 16-bit floats; rounds the buffers `writes` afterwards. */
export function onFloats<A extends object, K extends keyof A>(
  args: A,
  reads: K[],
  writes: K[],
  verb: (args: OnFloats<A>) => void,
): void {
  const wide: Partial<Record<K, Float64Array>> = {};
  for (const name of [...reads, ...writes]) {
    const stored = args[name];
    if (stored instanceof Uint16Array) wide[name] = Float64Array.from(stored, HALVES.widen);
    else if (stored instanceof Int16Array) wide[name] = Float64Array.from(stored, BFLOATS.widen);
  }
  verb({ ...args, ...wide } as OnFloats<A>);
  for (const name of writes) {
    const stored = args[name] as Uint16Array | Int16Array;
    const { widen, narrow } = stored instanceof Int16Array ? BFLOATS : HALVES;
    wide[name]?.forEach((value, n) => {
      if (!Object.is(value, widen(stored[n]))) stored[n] = narrow(value);
    });
  }
}
