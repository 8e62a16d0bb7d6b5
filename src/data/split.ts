/**
 * Splits examples into training and validation, and orders the training examples of an epoch.
 * Functions of the seed (and the epoch) alone, so that a resumed run sees the same batches.
 */

import { Random } from '../random.js';
import { UserError } from '../user-error.js';

/** Separate these random numbers from all others of the same seed. */
const SPLIT_STREAM = 0x73706c74; // 'splt'
const ORDER_STREAM = 0x6f726472; // 'ordr'
const BATCH_STREAM = 0x62617463; // 'batc'
const BLOCK_STREAM = 0x626c636b; // 'blck'

/**
 * How many of `count` examples are for training: `fraction` of them, rounded (5/6 of 60,000 is 50,000).
 * @throws UserError if the fraction is not between 0 and 1, or leaves training or validation empty
 */
export function trainCountOf(count: number, fraction: number): number {
  if (!(fraction > 0 && fraction < 1)) {
    throw new UserError(`train split: expected a share between 0 and 1, found ${fraction}; use e.g. 0.8333`);
  }
  const trainCount = Math.round(count * fraction);
  checkParts(count, trainCount);
  return trainCount;
}

/**
 * Splits the examples 0 … count − 1 into two parts by one permutation.
 * @returns train [trainCount] and validation [count − trainCount], in the permutation's order
 * @throws UserError if a part would be empty
 */
export function splitIndices(
  count: number,
  trainCount: number,
  seed: number,
): { train: Int32Array; validation: Int32Array } {
  checkParts(count, trainCount);
  const order = firstIndices(count);
  new Random(seed, SPLIT_STREAM).shuffle(order);
  return { train: order.slice(0, trainCount), validation: order.slice(trainCount) };
}

/** Training examples to split. The last of them may be changed copies of others. */
export interface SplitExamples {
  train: {
    count: number;
    /** [count] */
    labels: ArrayLike<number>;
  };
  /** [V] the examples for validation, ascending, where the data set says so. */
  validation?: Int32Array;
  /** [C] the original of each of the last C examples, which are copies or of a later set; −1: none. */
  originals?: Int32Array;
  /** [S] index of the first made example of each set; epochs read the sets in turn. Left out: one set. */
  sets?: readonly number[];
}

/**
 * Splits training examples, for training as the first epoch reads them.
 * @throws UserError as trainCountOf
 */
export function splitExamples(
  examples: SplitExamples,
  fraction: number,
  seed: number,
): { train: Int32Array; validation: Int32Array } {
  const { train, validation } = splitIntoEpochs(examples, fraction, seed);
  return { train: train[0], validation };
}

/**
 * Splits training examples. A class with two examples or more has one at least in each part: where chance leaves a class
 * out of a part, as it does among few examples, one is moved there. Copies whose original is trained on are trained on,
 * too; the others are left out, so that validation never sees what training has seen. Of the made examples, validation
 * has some of the first set.
 * @returns train: [S] what an epoch reads of each set, with the data set's own examples; all of one length
 * @throws UserError as trainCountOf
 */
export function splitIntoEpochs(
  { train: { count, labels }, originals = new Int32Array(0), sets = [0], validation: given }: SplitExamples,
  fraction: number,
  seed: number,
): { train: Int32Array[]; validation: Int32Array } {
  if (given) return { train: epochsOf(othersThan(given, count), sets), validation: given };
  const own = count - originals.length;
  const split = splitIndices(own, trainCountOf(own, fraction), seed);
  const [train, validation] = withEveryClass(split.train, split.validation, labels);
  const isTrained = new Uint8Array(own);
  for (const i of train) isTrained[i] = 1;
  const copies = firstIndices(originals.length).filter(
    (n) => originals[n] < 0 || isTrained[originals[n]] === 1,
  );
  const all = new Int32Array(train.length + copies.length);
  all.set(train);
  all.set(
    copies.map((n) => own + n),
    train.length,
  );
  return { train: epochsOf(all, sets), validation };
}

/** What an epoch reads of each set. The last examples of larger sets are left out. */
function epochsOf(train: Int32Array, sets: readonly number[]): Int32Array[] {
  const [own] = sets;
  const epochs = sets.map((first, set) => {
    const end = sets[set + 1] ?? Number.POSITIVE_INFINITY;
    return train.filter((i) => i < own || (i >= first && i < end));
  });
  const count = Math.min(...epochs.map(({ length }) => length));
  return epochs.map((epoch) => epoch.subarray(0, count));
}

/** The indices below `count` that are not among the ascending ones. */
function othersThan(ascending: Int32Array, count: number): Int32Array {
  const others = new Int32Array(count - ascending.length);
  for (let i = 0, next = 0, n = 0; i < count; i++) {
    if (next < ascending.length && ascending[next] === i) next++;
    else others[n++] = i;
  }
  return others;
}

/** Moves the last example of a class to the part that has none of it, if the other part has two or more. */
function withEveryClass(
  train: Int32Array,
  validation: Int32Array,
  labels: ArrayLike<number>,
): [train: Int32Array, validation: Int32Array] {
  const moved = [classesMissing(validation, train, labels), classesMissing(train, validation, labels)];
  if (moved.every(({ size }) => size === 0)) return [train, validation];
  const [toValidation, toTrain] = moved.map((examples) => new Set(examples.values()));
  return [exchanged(train, toValidation, toTrain), exchanged(validation, toTrain, toValidation)];
}

/** A part without what leaves it, then what comes. */
function exchanged(part: Int32Array, leaving: Set<number>, coming: Set<number>): Int32Array {
  const stays = part.filter((index) => !leaving.has(index));
  const result = new Int32Array(stays.length + coming.size);
  result.set(stays);
  result.set([...coming], stays.length);
  return result;
}

/** The last example of each class that `part` lacks and of which `other` has two or more, by class. */
function classesMissing(part: Int32Array, other: Int32Array, labels: ArrayLike<number>): Map<number, number> {
  const known = new Set<number>();
  for (const index of part) known.add(labels[index]);
  const seen = new Set<number>();
  const last = new Map<number, number>();
  for (const index of other) {
    const label = labels[index];
    if (known.has(label)) continue;
    if (seen.has(label)) last.set(label, index);
    seen.add(label);
  }
  return last;
}

function checkParts(count: number, trainCount: number): void {
  if (Number.isInteger(trainCount) && trainCount >= 1 && trainCount < count) return;
  throw new UserError(
    `train split: of ${count} examples, ${trainCount} are for training and ${count - trainCount} for validation; ` +
      'each part needs at least one. Add examples, or choose another share for training',
    { settings: ['trainSplit'] },
  );
}

/** The training examples in the order of an epoch: a shuffled copy that depends on seed and epoch only. */
export function epochOrder(indices: Int32Array, seed: number, epoch: number, ...pool: number[]): Int32Array {
  return new Random(seed, ORDER_STREAM, epoch, ...pool).shuffle(indices.slice());
}

/** Batches in a pool: enough sequences of similar length, few enough to stay shuffled. */
const POOL = 32;

/**
 * The training examples in the order of an epoch, for sequences of different lengths: shuffled, sorted by length within
 * every pool of batches, cut into batches, and the batches shuffled. The sequences of a batch have similar lengths, so
 * steps at which few sequences run, which are slow, are rare.
 *
 * @param batchSize sequences in a batch; an incomplete batch comes last
 * @param pool left out where the indices are all of the epoch: separates the random numbers of its pools of blocks
 */
export function epochOrderByLength(
  indices: Int32Array,
  lengthOf: (index: number) => number,
  batchSize: number,
  seed: number,
  epoch: number,
  ...pool: number[]
): Int32Array {
  const order = epochOrder(indices, seed, epoch, ...pool);
  const whole = Math.floor(order.length / batchSize);
  for (let first = 0; first < whole; first += POOL) {
    const pool = order.subarray(first * batchSize, Math.min(whole, first + POOL) * batchSize);
    pool.sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  }
  const batches = new Random(seed, BATCH_STREAM, epoch, ...pool).shuffle(firstIndices(whole));
  const result = order.slice();
  batches.forEach((from, to) => {
    result.set(order.subarray(from * batchSize, (from + 1) * batchSize), to * batchSize);
  });
  return result;
}

/** Blocks whose examples are shuffled together: 262,144 drawings of 1,024 a block. */
const POOL_BLOCKS = 256;

/**
 * The training examples in the order of an epoch, for examples that are read from a file: the blocks are shuffled; those
 * of a pool of blocks become one list, which is shuffled, sorted by length and cut into batches as by
 * `epochOrderByLength`. So a batch has examples of 256 blocks at most, and the next batches of the same ones.
 *
 * @param batchSize sequences in a batch; an incomplete batch comes last
 * @param blockOf examples i with the same whole part of i / blockOf are a block
 */
export function epochOrderByBlocks(
  indices: Int32Array,
  lengthOf: (index: number) => number,
  batchSize: number,
  blockOf: number,
  seed: number,
  epoch: number,
): Int32Array {
  const sorted = indices.slice().sort();
  const starts: number[] = [];
  for (let n = 0; n < sorted.length; n++) {
    if (n === 0 || Math.floor(sorted[n] / blockOf) !== Math.floor(sorted[n - 1] / blockOf)) starts.push(n);
  }
  const blocks = new Random(seed, BLOCK_STREAM, epoch).shuffle(firstIndices(starts.length));
  const result = new Int32Array(indices.length);
  let at = 0;
  const add = (block: number) => {
    const examples = sorted.subarray(starts[block], starts[block + 1]);
    result.set(examples, at);
    at += examples.length;
  };
  let from = 0;
  for (let first = 0; first < blocks.length; first += POOL_BLOCKS) {
    blocks.subarray(first, first + POOL_BLOCKS).forEach(add);
    // Whole batches, so that one incomplete batch at most is left, at the end; the others begin the next pool.
    const isLast = first + POOL_BLOCKS >= blocks.length;
    const end = isLast ? at : from + Math.floor((at - from) / batchSize) * batchSize;
    const pool = result.subarray(from, end);
    pool.set(epochOrderByLength(pool, lengthOf, batchSize, seed, epoch, first));
    from = end;
  }
  return result;
}

/**
 * The indices sorted by length, for passes whose result does not depend on the order.
 */
export function sortedByLength(indices: Int32Array, lengthOf: (index: number) => number): Int32Array {
  return indices.slice().sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
}

/** 0, 1, 2 … */
export function firstIndices(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, index) => index);
}
