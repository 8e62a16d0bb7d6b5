/** What a merged network reads. Where its members read pictures in different orders, it reads rows and columns at once. */
import type { Preprocessing } from '../../data/input-kind.js';
import type { InputPlace } from '../../model/merge.js';
import type { Checkpoint } from './checkpoint.js';

export interface MergedInputs {
  preprocessing: Preprocessing;
  /** Values of a step. */
  inputSize: number;
  /** [C] which of them each member reads. */
  places: InputPlace[];
}

/** What of a checkpoint says how it reads. */
type Reader = Pick<Checkpoint, 'model' | 'preprocessing'>;

/** The order in which it reads pictures; null if it reads none. */
function scanOf({ preprocessing }: Reader) {
  return preprocessing.kind === 'images' ? (preprocessing.scan ?? 'rows') : null;
}

/** Whether both read pictures, in different orders. */
export function scanDiffers(one: Reader, other: Reader): boolean {
  const [scan, otherScan] = [scanOf(one), scanOf(other)];
  return scan !== null && otherScan !== null && scan !== otherScan;
}

/** The same as if it read rows, to compare it with a network of another order: the values of one scan a step. */
export function asRows<R extends Reader>(reader: R): R {
  const { model, preprocessing } = reader;
  if (preprocessing.kind !== 'images') return reader;
  const { scan, ...rest } = preprocessing;
  const inputSize = scan === 'both' ? model.inputSize / 2 : model.inputSize;
  return { ...reader, model: { ...model, inputSize }, preprocessing: { ...rest, inputSize } };
}

/** @param members which agree in everything but the order in which they read pictures */
export function mergedInputs(members: readonly Reader[]): MergedInputs {
  const [first] = members;
  const { preprocessing } = first;
  if (preprocessing.kind !== 'images' || !members.some((member) => scanDiffers(first, member))) {
    const { inputSize } = first.model;
    const places = members.map(() => ({ first: 0, size: inputSize }));
    return { preprocessing, inputSize, places };
  }
  const half = asRows(first).model.inputSize;
  const inputSize = 2 * half;
  const ofScan = {
    rows: { first: 0, size: half },
    columns: { first: half, size: half },
    both: { first: 0, size: inputSize },
  };
  return {
    preprocessing: { ...preprocessing, scan: 'both', inputSize },
    inputSize,
    places: members.map((member) => ofScan[scanOf(member)!]),
  };
}
