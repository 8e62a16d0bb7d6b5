/**
 * From sequences to a packed batch, the layout that the kernels read: sorted by length, longest first, time-major, with
 * no padding (see backends/backend.ts). The buffers belong to the caller and are reused for every batch; packing
 * allocates only a few small views.
 *
 * Letters: B sequences, T steps of the longest, N = sum of lengths (rows), I input size.
 */

import { requireNumbers } from '../../formats/argument.js';
import { shown } from '../../formats/shape.js';
import { UserError } from '../../user-error.js';
import type { SequenceSource } from './sequence.js';

/** Buffers for a batch; they may be larger than needed. */
export interface BatchBuffers {
  /** [N, I] at least */ inputs: Float32Array;
  /** [T] at least */ batchSizes: Int32Array;
  /** [T] at least */ rowStarts: Int32Array;
  /** [B] at least */ labels: Int32Array;
  /** [B] at least */ order: Int32Array;
}

/** A packed batch: views of the buffers with the size of the batch. */
export interface PackedBatch {
  /** B */ batchSize: number;
  /** T */ steps: number;
  /** N */ rows: number;
  /** [N, I] */ inputs: Float32Array;
  /** [T] how many sequences are still running at each step. */ batchSizes: Int32Array;
  /** [T] first row of each step. */ rowStarts: Int32Array;
  /** [B] in packed order; −1 where none was given. */ labels: Int32Array;
  /** [B] packed sequence b is the caller's sequence order[b]. */ order: Int32Array;
}

/** A batch with padding, as users of the library give it. */
export interface PaddedBatch {
  /** [B, T, I] */ inputs: Float32Array;
  batchSize: number;
  steps: number;
  inputSize: number;
  /** [B] 1 … T each; all T when left out. */ lengths?: Int32Array;
  /** [B] */ labels?: Int32Array;
}

/**
 * Packs the sequences `indices` of a source.
 * @returns `order[b]` is a position in `indices`
 * @throws Error if a buffer is too small
 */
export function packBatch(source: SequenceSource, indices: Int32Array, target: BatchBuffers): PackedBatch {
  const packed = arrange(indices.length, (b) => source.lengthOf(indices[b]), source, target);
  const { order, labels, inputs, rowStarts } = packed;
  for (let b = 0; b < order.length; b++) {
    const i = indices[order[b]];
    labels[b] = source.labelOf(i);
    source.read(i, inputs, rowStarts, b);
  }
  return packed;
}

/**
 * Packs a padded batch; values past the end of a sequence are ignored.
 * @returns `order[b]` is a position in the padded batch
 * @throws UserError if sizes and lengths do not fit together, stating both
 * @throws Error if a buffer is too small
 */
export function packPadded(batch: PaddedBatch, target: BatchBuffers): PackedBatch {
  checkPadded(batch);
  const { inputs: source, batchSize, steps, inputSize, lengths, labels: given } = batch;
  const shape = { inputSize, maxSteps: steps };
  const packed = arrange(batchSize, (b) => (lengths ? lengths[b] : steps), shape, target);
  const { order, labels, inputs, rowStarts, batchSizes } = packed;
  for (let b = 0; b < batchSize; b++) labels[b] = given ? given[order[b]] : -1;
  for (let t = 0; t < packed.steps; t++) {
    for (let b = 0; b < batchSizes[t]; b++) {
      let from = (order[b] * steps + t) * inputSize;
      const start = (rowStarts[t] + b) * inputSize;
      for (let to = start; to < start + inputSize; to++) inputs[to] = source[from++];
    }
  }
  return packed;
}

/** @throws UserError if sizes and lengths do not fit together, stating both */
export function checkPadded({ inputs, batchSize, steps, inputSize, lengths, labels }: PaddedBatch): void {
  for (const [name, value] of Object.entries({ batchSize, steps, inputSize })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new UserError(`batch: ${name} must be a whole number from 1, found ${shown(value)}`);
    }
  }
  requireNumbers('batch: inputs', inputs);
  for (const [name, list] of Object.entries({ lengths, labels })) {
    if (list !== undefined) requireNumbers(`batch: ${name}`, list);
  }
  const expected = batchSize * steps * inputSize;
  if (inputs.length !== expected) {
    throw new UserError(
      `batch: ${batchSize} sequences × ${steps} steps × input size ${inputSize} = ${expected} values, ` +
        `but inputs has ${inputs.length}`,
    );
  }
  for (const [name, list] of Object.entries({ lengths, labels })) {
    if (list !== undefined && list.length !== batchSize) {
      throw new UserError(`batch: ${batchSize} sequences, but ${name} has ${list.length} entries`);
    }
  }
  lengths?.forEach((length, b) => {
    if (!Number.isInteger(length) || length < 1 || length > steps) {
      throw new UserError(`batch: the length of sequence ${b} is ${length}; expected 1 to ${steps} (steps)`);
    }
  });
}

/**
 * Sorts the sequences by length with a stable counting sort and lays out the rows. While it runs, `batchSizes` holds
 * the counts and `rowStarts` the positions at which the next sequence of each length goes.
 */
function arrange(
  batchSize: number,
  lengthOf: (b: number) => number,
  { inputSize, maxSteps }: { inputSize: number; maxSteps: number },
  target: BatchBuffers,
): PackedBatch {
  atLeast('labels', target.labels, batchSize);
  atLeast('order', target.order, batchSize);
  let steps = 0;
  let rows = 0;
  for (let b = 0; b < batchSize; b++) {
    const length = lengthOf(b);
    if (!(length >= 1 && length <= maxSteps)) {
      throw new Error(`batch: sequence ${b} has length ${length}, expected 1 to ${maxSteps}`);
    }
    if (length > steps) steps = length;
    rows += length;
  }
  atLeast('batchSizes', target.batchSizes, steps);
  atLeast('rowStarts', target.rowStarts, steps);
  atLeast('inputs', target.inputs, rows * inputSize);
  const batchSizes = target.batchSizes.subarray(0, steps);
  const rowStarts = target.rowStarts.subarray(0, steps);
  const order = target.order.subarray(0, batchSize);

  // Sequences of each length, then summed from the longest: how many are longer than t, that is, running at step t.
  batchSizes.fill(0);
  for (let b = 0; b < batchSize; b++) batchSizes[lengthOf(b) - 1]++;
  for (let t = steps - 2; t >= 0; t--) batchSizes[t] += batchSizes[t + 1];
  // Those of length t + 1 come after all that are longer.
  for (let t = 0; t < steps; t++) rowStarts[t] = t + 1 < steps ? batchSizes[t + 1] : 0;
  for (let b = 0; b < batchSize; b++) order[rowStarts[lengthOf(b) - 1]++] = b;

  let row = 0;
  for (let t = 0; t < steps; t++) {
    rowStarts[t] = row;
    row += batchSizes[t];
  }
  const inputs = target.inputs.subarray(0, rows * inputSize);
  const labels = target.labels.subarray(0, batchSize);
  return { batchSize, steps, rows, inputs, batchSizes, rowStarts, labels, order };
}

function atLeast(name: string, array: { length: number }, needed: number): void {
  if (array.length < needed) {
    throw new Error(`batch: the buffer ${name} has room for ${array.length}, but ${needed} are needed`);
  }
}
