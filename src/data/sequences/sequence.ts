/** `SequenceSource`, the interface from which batches are packed. */

/** Limit for steps of all sequences of a model, as its configuration and its preprocessing say them. */
export const MAX_SEQUENCE_LENGTH = 2 ** 20;

/** Sequences by index, each written into a packed batch on demand. */
export interface SequenceSource {
  readonly count: number;
  /** I */
  readonly inputSize: number;
  /** The longest length. */
  readonly maxSteps: number;
  /** Steps of sequence i, at least 1. */
  lengthOf(i: number): number;
  labelOf(i: number): number;
  /**
   * Writes every step t of sequence i to `target[(rowStarts[t] + column) · I …]`.
   * @param rowStarts [T] first packed row of each step
   * @param column index of the sequence in the batch
   */
  read(i: number, target: Float32Array, rowStarts: Int32Array, column: number): void;
}

/** Sequences that are varied from epoch to epoch, for training. */
export interface AugmentedSource {
  /** The longest length that a varied sequence can have. */
  readonly maxSteps: number;
  /** The longest length that sequence i can have. */
  mostSteps(i: number): number;
  /**
   * The sequences `indices` varied for `epoch`: a source of indices.length sequences in that order, valid until the next
   * call. A function of the seed, the epoch and each sample's index alone.
   */
  draw(indices: Int32Array, epoch: number): SequenceSource;
}

/** One sequence by itself. */
export interface Sequence {
  /** T: number of steps. */
  steps: number;
  /** [T, I] values, step by step. */
  sequence: Float32Array;
}

/** Sequence i of a source, by itself. */
export function sequenceIn(source: SequenceSource, i: number): Sequence {
  const steps = source.lengthOf(i);
  const sequence = new Float32Array(steps * source.inputSize);
  source.read(
    i,
    sequence,
    Int32Array.from({ length: steps }, (_, t) => t),
    0,
  );
  return { steps, sequence };
}
