/** Runs the reference's verbs on halves: widens them to numbers before, and rounds what was written afterwards. */
import { halfToNumber, numberToHalf } from '../half.js';

/** The arguments of a verb, none of which are halves. */
export type OnFloats<A> = { [K in keyof A]: Exclude<A[K], Uint16Array> };

/** Runs a verb on numbers instead of halves; rounds the buffers `writes` to halves afterwards. */
export function onFloats<A extends object, K extends keyof A>(
  args: A,
  reads: K[],
  writes: K[],
  verb: (args: OnFloats<A>) => void,
): void {
  const wide: Partial<Record<K, Float64Array>> = {};
  for (const name of [...reads, ...writes]) {
    const stored = args[name];
    if (stored instanceof Uint16Array) wide[name] = Float64Array.from(stored, halfToNumber);
  }
  verb({ ...args, ...wide } as OnFloats<A>);
  for (const name of writes) {
    const stored = args[name] as Uint16Array;
    wide[name]?.forEach((value, n) => {
      if (!Object.is(value, halfToNumber(stored[n]))) stored[n] = numberToHalf(value);
    });
  }
}
