/** Reads and varies sequences on the host, for a device that does not have them. */
import { isAugmenting } from '../../../data/augmentation.js';
import type { AugmentedSource, SequenceSource } from '../../../data/sequences/sequence.js';
import { openAugmented, openSequences, type SequencesData } from '../../../data/sources.js';
import { firstIndices } from '../../../data/split.js';
import type { TrainingDraws } from './most-steps.js';

/** Consecutive sequences. */
export interface ReadSequences {
  /** [rows, I] one sequence after the other */
  values: Float32Array<ArrayBuffer>;
  /** [n] */ lengths: Int32Array<ArrayBuffer>;
  /** [n] */ labels: Int32Array<ArrayBuffer>;
}

export interface SequenceReader {
  /** Reads while the caller does something else: it pays to read ahead. */
  readonly isConcurrent: boolean;
  /** The sequences `indices`, in pieces, in their order. */
  read(indices: Int32Array, epoch: number): Promise<ReadSequences[]>;
  close(): void;
}

/** Opens a reader: in the calling thread (`readHere`), or one that starts threads. */
export type StartReader = (data: SequencesData, training: TrainingDraws) => SequenceReader;

/** Reads in the calling thread. */
export const readHere: StartReader = (data, training) => {
  const sequences = new HostSequences(data, training);
  return {
    isConcurrent: false,
    read: async (indices, epoch) => [sequences.read(indices, epoch)],
    close: () => {},
  };
};

/** Sequences on the host, varied as `training` says. */
export class HostSequences {
  readonly #source: SequenceSource;
  /** Null: not varied. */
  readonly #augmented: AugmentedSource | null;

  constructor(data: SequencesData, training: TrainingDraws) {
    this.#source = openSequences(data);
    this.#augmented =
      training && isAugmenting(training.augmentation)
        ? openAugmented(data, training.augmentation, training.seed)
        : null;
  }

  read(indices: Int32Array, epoch: number): ReadSequences {
    const source = this.#augmented ? this.#augmented.draw(indices, epoch) : this.#source;
    const places = this.#augmented ? firstIndices(indices.length) : indices;
    const lengths = Int32Array.from(places, (i) => source.lengthOf(i));
    const labels = Int32Array.from(places, (i) => source.labelOf(i));
    const rows = lengths.reduce((sum, length) => sum + length, 0);
    const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
    const values = new Float32Array(rows * source.inputSize);
    // The rows of a sequence follow one another: 0, 1, 2 … after its first.
    const rowStarts = firstIndices(longest);
    let row = 0;
    places.forEach((i, n) => {
      source.read(i, values, rowStarts, row);
      row += lengths[n];
    });
    return { values, lengths, labels };
  }
}
