/**
 * How a batch is cut into units of work. A thread takes one unit after another; gradient-sum.ts tells how the units'
 * gradients become the same sum for any number of threads.
 */
import { PASS_SIZE } from './team-protocol.js';

/** Bytes of all buffers for units, where one for each thread and one more take less: more units mean fewer barriers. */
export const BUFFER_BYTES = 5 * 2 ** 24;

/**
 * How much longer a sequence takes in a sum than in a pass: products of few rows use the registers less, and the weights
 * are read for each sum. `strokes` measured 1.5 times with 4 sequences, `quick` 1.1 to 1.2 times with 8.
 */
function costOfSums(sumSize: number): number {
  return 1 + 2 / sumSize;
}

export interface Units {
  /** Units of the batch. */
  count: number;
  /** Sequences of a unit: of a pass or of a sum; the last one may have fewer. */
  size: number;
  /** Units whose gradients are one pass's: 1 where a unit is a pass. */
  perPass: number;
  /** Sequences of a sum. */
  sumSize: number;
}

/** Sequences of a sum: a sixteenth of the batch, at least 4 and at most a pass. */
function sumSizeFor(batchSize: number): number {
  return Math.min(PASS_SIZE, Math.max(4, Math.ceil(batchSize / 16)));
}

/**
 * Units of a batch of `count` sequences. A sequence belongs to the same sum and pass for any number of threads.
 * @param batchSize of the training; the last batch of an epoch has fewer sequences
 */
export function cutBatch(count: number, batchSize: number, threads: number): Units {
  const sumSize = sumSizeFor(batchSize);
  const perPass = sumsPerPass(sumSize);
  const asSums = sumsAreFaster(batchSize, sumSize, threads);
  const size = asSums ? sumSize : perPass * sumSize;
  return { count: Math.ceil(count / size), size, perPass: asSums ? perPass : 1, sumSize };
}

/** Sums of a whole pass. */
export function sumsPerPass(sumSize: number): number {
  return Math.floor(PASS_SIZE / sumSize);
}

/** Whether threads compute `sequences` faster as sums than as passes, because more of them have work. */
export function sumsAreFaster(sequences: number, sumSize: number, threads: number): boolean {
  // Sequences of the thread that computes most.
  const most = (size: number) => Math.ceil(Math.ceil(sequences / size) / threads) * Math.min(size, sequences);
  return most(sumSize) * costOfSums(sumSize) < most(sumsPerPass(sumSize) * sumSize);
}

/** Threads that find work in a batch. */
export function usefulThreads(batchSize: number, threads: number): number {
  return Math.min(threads, Math.ceil(batchSize / sumSizeFor(batchSize)));
}
