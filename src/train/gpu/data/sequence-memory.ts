/**
 * Where a part's sequences are in device memory. Examples that are there as a whole (device-examples.ts) are only looked
 * up. Others are read on the host and uploaded some batches at a time: strokes that are varied, whose lengths depend on
 * the draws, and data that is too large.
 */
import type { ValueFormat } from '../../../backends/webgpu/data/gather.js';
import type { GpuDevice } from '../../../backends/webgpu/device.js';
import type { Slice } from '../../../backends/webgpu/kernel.js';
import type { AugmentedSource, SequenceSource } from '../../../data/sequence.js';
import type { ResidentExamples } from './device-examples.js';

/** Sequences in device memory, in the order in which they were asked for. */
export interface Placement {
  /** [n] */ lengths: Int32Array;
  /** [n] index of the first value. */ starts: Uint32Array;
  /** [n] */ labels: Int32Array;
}

export interface SequenceMemory {
  readonly values: Slice;
  readonly format: ValueFormat;
  /** I */ readonly inputSize: number;
  /** Sequences that can be placed at once. */
  readonly room: number;
  /**
   * Makes sequences available to commands that are submitted later.
   * @param indices of batches of `batchSize` sequences, the last may be shorter
   */
  place(indices: Int32Array, epoch: number): Placement;
  close(): void;
}

/** Sequences of examples that are in device memory. */
export class ResidentSequences implements SequenceMemory {
  readonly values: Slice;
  readonly format: ValueFormat;
  readonly inputSize: number;
  readonly room = Number.POSITIVE_INFINITY;
  readonly #source: SequenceSource;
  readonly #examples: ResidentExamples;

  constructor(examples: ResidentExamples, source: SequenceSource) {
    this.values = examples.values;
    this.format = examples.format;
    this.inputSize = source.inputSize;
    this.#source = source;
    this.#examples = examples;
  }

  place(indices: Int32Array): Placement {
    const source = this.#source;
    const placement = emptyPlacement(indices.length);
    indices.forEach((i, n) => {
      placement.lengths[n] = source.lengthOf(i);
      placement.starts[n] = this.#examples.startOf(i);
      placement.labels[n] = source.labelOf(i);
    });
    return placement;
  }

  /** The memory belongs to the examples. */
  close(): void {}
}

/** Sequences that are read, and varied, on the host. */
export class StagedSequences implements SequenceMemory {
  readonly values: Slice;
  readonly format: ValueFormat = { name: 'floats' };
  readonly inputSize: number;
  readonly room: number;
  readonly #device: GpuDevice;
  readonly #batchSize: number;
  readonly #draw: (indices: Int32Array, epoch: number) => [SequenceSource, places: Int32Array];
  /** [rows, I] */
  readonly #staging: Float32Array;
  /** [T] 0, 1, 2 …: a sequence's rows follow one another. */
  readonly #rowStarts: Int32Array;

  /**
   * @param source without variation
   * @param augmented null: not varied
   * @param mostSteps [count] upper bounds of the lengths
   * @param windowBytes are uploaded at once, unless a batch is larger
   */
  constructor(
    device: GpuDevice,
    batchSize: number,
    source: SequenceSource,
    augmented: AugmentedSource | null,
    mostSteps: Int32Array,
    windowBytes: number,
  ) {
    this.#device = device;
    this.#batchSize = batchSize;
    this.inputSize = source.inputSize;
    // Room for whole batches, however long their sequences are.
    const longest = mostSteps.slice().sort().reverse();
    const limit = windowBytes / 4 / source.inputSize;
    let room = 0;
    let rows = 0;
    for (const length of longest) {
      if (room >= batchSize && rows + length > limit) break;
      rows += length;
      room++;
    }
    this.room = Math.max(batchSize, room - (room % batchSize));
    this.#staging = new Float32Array(rows * source.inputSize);
    this.values = device.allocate(this.#staging.length);
    this.#rowStarts = Int32Array.from({ length: longest[0] }, (_, t) => t);
    const places = Int32Array.from({ length: batchSize }, (_, n) => n);
    this.#draw = (indices, epoch) =>
      augmented ? [augmented.draw(indices, epoch), places] : [source, indices];
  }

  place(indices: Int32Array, epoch: number): Placement {
    const placement = emptyPlacement(indices.length);
    let row = 0;
    let n = 0;
    for (let from = 0; from < indices.length; from += this.#batchSize) {
      const batch = indices.subarray(from, from + this.#batchSize);
      const [source, places] = this.#draw(batch, epoch);
      for (let k = 0; k < batch.length; k++, n++) {
        const i = places[k];
        const steps = source.lengthOf(i);
        source.read(i, this.#staging, this.#rowStarts, row);
        placement.lengths[n] = steps;
        placement.starts[n] = row * this.inputSize;
        placement.labels[n] = source.labelOf(i);
        row += steps;
      }
    }
    this.#device.write(this.values, this.#staging.subarray(0, row * this.inputSize));
    return placement;
  }

  close(): void {
    this.#device.release(this.values);
  }
}

function emptyPlacement(count: number): Placement {
  return {
    lengths: new Int32Array(count),
    starts: new Uint32Array(count),
    labels: new Int32Array(count),
  };
}
