/** Sequences from arrays that a program gives. */
import { sharedBytes, shareInts } from '../../shared-memory.js';
import { UserError } from '../../user-error.js';
import { checkPadded, type PaddedBatch } from './batch.js';
import type { SequenceSource } from './sequence.js';

/** The data of ArraySequences, in memory that threads can share; can be posted to a worker thread. */
export interface ArraySequencesData {
  /** [count, T, I] */
  inputs: Float32Array;
  /** [count] 1 to T. */
  lengths: Int32Array;
  /** [count] */
  labels: Int32Array;
  /** T */
  steps: number;
  /** I */
  inputSize: number;
}

/**
 * Copies all examples, given as one padded batch.
 * @throws UserError if sizes do not fit together, or a label is not one of `classes`
 */
export function shareArrays(
  examples: PaddedBatch & { labels: Int32Array },
  classes: number,
): ArraySequencesData {
  checkPadded(examples);
  const { batchSize, steps, inputSize, labels } = examples;
  labels.forEach((label, i) => {
    if (label >= 0 && label < classes) return;
    throw new UserError(`examples: label ${label} of sequence ${i} is not one of 0 to ${classes - 1}`);
  });
  const inputs = new Float32Array(sharedBytes(4 * examples.inputs.length));
  inputs.set(examples.inputs);
  const lengths = shareInts(examples.lengths ?? new Int32Array(batchSize).fill(steps));
  return { inputs, lengths, labels: shareInts(labels), steps, inputSize };
}

export class ArraySequences implements SequenceSource {
  readonly count: number;
  readonly inputSize: number;
  readonly maxSteps: number;
  readonly #data: ArraySequencesData;

  constructor(data: ArraySequencesData) {
    this.count = data.labels.length;
    this.inputSize = data.inputSize;
    this.maxSteps = data.steps;
    this.#data = data;
  }

  lengthOf(i: number): number {
    return this.#data.lengths[i];
  }

  labelOf(i: number): number {
    return this.#data.labels[i];
  }

  read(i: number, target: Float32Array, rowStarts: Int32Array, column: number): void {
    const { inputs, lengths, steps, inputSize } = this.#data;
    for (let t = 0; t < lengths[i]; t++) {
      const from = (i * steps + t) * inputSize;
      target.set(inputs.subarray(from, from + inputSize), (rowStarts[t] + column) * inputSize);
    }
  }
}
