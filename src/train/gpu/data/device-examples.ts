/** The examples of a training in device memory: uploaded once, in the bytes that they have on the host. */
import type { ValueFormat } from '../../../backends/webgpu/data/gather.js';
import type { GpuDevice } from '../../../backends/webgpu/device.js';
import type { Slice } from '../../../backends/webgpu/kernel.js';
import {
  type ImagePreprocessing,
  normalisation,
  pixelOrder,
} from '../../../data/images/image-preprocessing.js';
import type { SequencesData } from '../../../data/sources.js';
import { firstValueOf } from '../../../data/strokes/stroke-examples.js';

/** A part of the data in device memory. */
export interface ResidentExamples {
  values: Slice;
  format: ValueFormat;
  /** Index of the first value of sequence i. */
  startOf(i: number): number;
}

/** The model needs memory, too. */
const MAX_BYTES = 2 ** 30;
/** Bytes that are copied at once. */
const CHUNK = 2 ** 22;

/** Parts with the same examples share memory. */
export class DeviceExamples {
  readonly #device: GpuDevice;
  readonly #maxBytes: number;
  readonly #values = new Map<ArrayBufferView, Slice>();
  readonly #orders = new Map<ImagePreprocessing, Slice>();

  /** @param maxBytes of an array; larger ones stay on the host */
  constructor(device: GpuDevice, maxBytes = MAX_BYTES) {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    this.#device = device;
    this.#maxBytes = Math.min(maxBytes, maxStorageBufferBindingSize, maxBufferSize);
  }

  /**
   * Uploads a part, unless it is there.
   * @returns null if it is too large for the device, or the host has to change it
   */
  open(data: SequencesData): ResidentExamples | null {
    // The host sorts strokes, removes their slant, adds up their moves and maps their ink; it finds the edges of pictures.
    if (data.kind === 'strokes') {
      const { deslant, position, context, sorted } = data.preprocessing;
      if (deslant || position || context || sorted) return null;
    }
    if (data.kind === 'images' && data.preprocessing.edges) return null;
    const array = arrayOf(data);
    const values = array && this.#upload(array);
    return values && { values, format: this.#formatOf(data), startOf: startsOf(data) };
  }

  close(): void {
    for (const slice of [...this.#values.values(), ...this.#orders.values()]) this.#device.release(slice);
    this.#values.clear();
    this.#orders.clear();
  }

  #formatOf(data: SequencesData): ValueFormat {
    switch (data.kind) {
      case 'images': {
        const { mean, std } = data.preprocessing;
        return { name: 'bytes', table: normalisation(mean, std), order: this.#orderOf(data.preprocessing) };
      }
      case 'strokes':
        return { name: 'int16', scale: Math.fround(data.preprocessing.scale) };
      case 'arrays':
        return { name: 'floats' };
      default:
        return data satisfies never;
    }
  }

  #orderOf(preprocessing: ImagePreprocessing): Slice | null {
    const known = this.#orders.get(preprocessing);
    if (known) return known;
    const pixels = pixelOrder(preprocessing);
    if (!pixels) return null;
    const order = this.#device.allocate(pixels.length);
    this.#device.write(order, pixels);
    this.#orders.set(preprocessing, order);
    return order;
  }

  #upload(array: ArrayBufferView): Slice | null {
    const known = this.#values.get(array);
    if (known) return known;
    const size = 4 * Math.ceil(array.byteLength / 4);
    if (size > this.#maxBytes) return null;
    const slice = this.#device.allocate(size / 4);
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    // Through a chunk of whole words: a view of bytes may begin and end within a word.
    const chunk = new Uint32Array(Math.min(CHUNK, size) / 4);
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const part = bytes.subarray(at, at + CHUNK);
      new Uint8Array(chunk.buffer).set(part);
      this.#device.write(slice, chunk.subarray(0, Math.ceil(part.length / 4)), at / 4);
    }
    this.#values.set(array, slice);
    return slice;
  }
}

/** The array with the values of all sequences; null if they are in a file. */
function arrayOf(data: SequencesData): ArrayBufferView | null {
  switch (data.kind) {
    case 'images':
      return data.examples.pixels;
    case 'strokes':
      return data.examples.moves instanceof Int16Array ? data.examples.moves : null;
    case 'arrays':
      return data.inputs;
    default:
      return data satisfies never;
  }
}

function startsOf(data: SequencesData): (i: number) => number {
  switch (data.kind) {
    case 'images': {
      const { channels, height, width } = data.preprocessing;
      return (i) => i * channels * height * width;
    }
    case 'strokes':
      return (i) => firstValueOf(data.examples, i);
    case 'arrays': {
      const { steps, inputSize } = data;
      return (i) => i * steps * inputSize;
    }
    default:
      return data satisfies never;
  }
}
