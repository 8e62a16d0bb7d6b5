/**
 * Where a part's sequences are in device memory. Examples that are there as a whole (device-examples.ts) are only looked
 * up. Others are read on the host and uploaded some batches at a time: strokes that are varied, whose lengths depend on
 * the draws, and data that is too large.
 */
import type { ValueFormat } from '../../../backends/webgpu/data/gather.js';
import type { GpuDevice } from '../../../backends/webgpu/device.js';
import type { Slice } from '../../../backends/webgpu/kernel.js';
import type { SequenceSource } from '../../../data/sequences/sequence.js';
import type { ResidentExamples } from './device-examples.js';
import type { SequenceReader } from './sequence-reader.js';

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
  /** Whether `fetch` works while the caller does something else. */
  readonly isConcurrent: boolean;
  /** Reads sequences on the host, where the device does not have them. */
  fetch(indices: Int32Array, epoch: number): Promise<Fetched>;
  close(): void;
}

export interface Fetched {
  /**
   * Makes the sequences available to commands that are submitted later, and those of an earlier `place` to none of
   * these.
   */
  place(): Placement;
}

/** Sequences of examples that are in device memory. */
export class ResidentSequences implements SequenceMemory {
  readonly values: Slice;
  readonly format: ValueFormat;
  readonly inputSize: number;
  readonly room = Number.POSITIVE_INFINITY;
  readonly isConcurrent = false;
  readonly #source: SequenceSource;
  readonly #examples: ResidentExamples;

  constructor(examples: ResidentExamples, source: SequenceSource) {
    this.values = examples.values;
    this.format = examples.format;
    this.inputSize = source.inputSize;
    this.#source = source;
    this.#examples = examples;
  }

  async fetch(indices: Int32Array): Promise<Fetched> {
    return { place: () => this.#find(indices) };
  }

  #find(indices: Int32Array): Placement {
    return {
      lengths: Int32Array.from(indices, (i) => this.#source.lengthOf(i)),
      starts: Uint32Array.from(indices, (i) => this.#examples.startOf(i)),
      labels: Int32Array.from(indices, (i) => this.#source.labelOf(i)),
    };
  }

  /** The memory belongs to the examples. */
  close(): void {}
}

/** Sequences that are read on the host. */
export class StagedSequences implements SequenceMemory {
  readonly values: Slice;
  readonly format: ValueFormat = { name: 'floats' };
  readonly inputSize: number;
  readonly room: number;
  readonly isConcurrent: boolean;
  readonly #device: GpuDevice;
  readonly #reader: SequenceReader;

  /**
   * @param mostSteps [count] upper bounds of the lengths
   * @param windowBytes are uploaded at once, unless a batch is larger
   */
  constructor(
    device: GpuDevice,
    reader: SequenceReader,
    shape: { batchSize: number; inputSize: number; mostSteps: Int32Array; windowBytes: number },
  ) {
    const { batchSize, inputSize, mostSteps, windowBytes } = shape;
    this.#device = device;
    this.#reader = reader;
    this.inputSize = inputSize;
    this.isConcurrent = reader.isConcurrent;
    // Room for whole batches, however long their sequences are.
    const limit = windowBytes / 4 / inputSize;
    let room = 0;
    let rows = 0;
    for (const length of mostSteps.slice().sort().reverse()) {
      if (room >= batchSize && rows + length > limit) break;
      rows += length;
      room++;
    }
    this.room = Math.max(batchSize, room - (room % batchSize));
    this.values = device.allocate(rows * inputSize);
  }

  async fetch(indices: Int32Array, epoch: number): Promise<Fetched> {
    const pieces = await this.#reader.read(indices, epoch);
    return { place: () => this.#upload(indices.length, pieces) };
  }

  #upload(count: number, pieces: Awaited<ReturnType<SequenceReader['read']>>): Placement {
    const placement: Placement = {
      lengths: new Int32Array(count),
      starts: new Uint32Array(count),
      labels: new Int32Array(count),
    };
    let n = 0;
    let first = 0;
    for (const { values, lengths, labels } of pieces) {
      this.#device.write(this.values, values, first);
      placement.lengths.set(lengths, n);
      placement.labels.set(labels, n);
      for (const length of lengths) {
        placement.starts[n++] = first;
        first += length * this.inputSize;
      }
    }
    return placement;
  }

  close(): void {
    this.#reader.close();
    this.#device.release(this.values);
  }
}
