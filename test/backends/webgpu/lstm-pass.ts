/**
 * The memory of a pass through one direction of a layer, on a GPU under test: packed rows of the host become blocks with
 * padding, and results come back.
 *
 * A layer on the device has both directions; a case has one. The other direction's weights, states and gradients are
 * zeros then.
 */
import assert from 'node:assert/strict';
import type { LstmBackward, LstmForward, Stored } from '#src/backends/backend.js';
import { type BatchCapacity, capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Slice } from '#src/backends/webgpu/kernel.js';
import {
  type LstmKernels,
  type LstmLayer,
  padded,
  type Storage,
  storageWords,
} from '#src/backends/webgpu/verbs.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import { DeviceMemory } from './device-memory.js';

/** Chooses the kernels of a layer. @param table writes words to the device */
export type KernelsFor = (
  layer: LstmLayer,
  capacity: BatchCapacity,
  table: (words: Uint32Array) => Slice,
) => LstmKernels;

/** The tensors of one direction, in the order in which they lie in the parameters. */
export const TENSORS = ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const;

/** The device's side of one direction of a layer. */
export class LstmPass {
  readonly memory: DeviceMemory;
  readonly direction: number;
  readonly layer: LstmLayer;
  readonly storage: Storage;
  readonly kernels: LstmKernels;
  readonly batch: { capacity: BatchCapacity; words: Slice };
  readonly panels: Slice;
  readonly parameterCount: number;
  readonly #parameters: Slice;
  readonly #backward: boolean;
  readonly #batchSizes: Int32Array;
  readonly #rowOf: (b: number, t: number) => number;

  constructor(
    device: GpuDevice,
    kernelsFor: KernelsFor,
    { inputSize: I, hiddenSize: H, batchSizes, reverse, outputStride, panels }: LstmForward | LstmBackward,
    backward: boolean,
  ) {
    this.memory = new DeviceMemory(device);
    this.direction = reverse ? 1 : 0;
    const directions = reverse || outputStride > H ? 2 : 1;
    const sizes = { weightIh: 4 * H * I, weightHh: 4 * H * H, biasIh: 4 * H, biasHh: 4 * H };
    let length = 0;
    const tensors = Array.from({ length: directions }, () => {
      const places = { weightIh: 0, weightHh: 0, biasIh: 0, biasHh: 0 };
      for (const name of TENSORS) {
        places[name] = length;
        length += sizes[name];
      }
      return places;
    });
    this.layer = { inputs: { parts: 1, size: I }, hiddenSize: H, tensors };
    this.parameterCount = length;
    const parameters = new Float32Array(length);
    parameters.set(numbers(panels), tensors[this.direction].weightIh);
    this.#parameters = this.memory.input(parameters);
    this.storage = panels instanceof Uint16Array ? 'float16' : 'float32';
    this.#batchSizes = batchSizes;
    this.#backward = backward;
    const B = batchSizes[0];
    const lengths = Int32Array.from({ length: B }, (_, b) => batchSizes.filter((size) => size > b).length);
    const whole = capacityFor(B, batchSizes.length);
    const capacity = { ...whole, rows: layOut(whole, lengths).rows };
    const { words, rowOf } = layOut(capacity, lengths);
    this.#rowOf = rowOf;
    this.batch = { capacity, words: this.memory.input(words) };
    this.kernels = kernelsFor(this.layer, capacity, (table) => this.memory.input(table));
    this.panels = this.memory.output(this.kernels.panelsWords(this.layer, backward));
  }

  panelDispatches() {
    const { layer, panels } = this;
    return this.kernels.panels({ layer, parameters: this.#parameters, panels, backward: this.#backward });
  }

  scratch(): Slice {
    return this.memory.output(this.kernels.scratchWords(this.layer, this.batch.capacity));
  }

  /** Calls `each` with every packed row and its row on the device. */
  eachRow(each: (packed: number, row: number) => void): void {
    let packed = 0;
    this.#batchSizes.forEach((running, t) => {
      for (let b = 0; b < running; b++) each(packed++, this.#rowOf(b, t));
    });
  }

  /** [N, D·H', parts] for a verb to overwrite. */
  stored(parts: number): Slice {
    return this.memory.output(storageWords(this.storage, this.batch.capacity.rows * this.#columns() * parts));
  }

  inputs(values: Stored): Slice {
    const { size } = this.layer.inputs;
    const matrix = new Float32Array(this.batch.capacity.rows * padded(size));
    const from = numbers(values);
    this.eachRow((packed, row) => {
      matrix.set(from.subarray(packed * size, (packed + 1) * size), row * padded(size));
    });
    return this.memory.input(this.#words(matrix));
  }

  /** This direction's columns of [N, stride] as [N, D·H']. */
  upload(values: Stored, stride: number, column: number): Slice {
    return this.memory.input(this.#words(this.#spread(numbers(values), stride, column)));
  }

  uploadFloats(values: Float32Array, stride: number, column: number): Slice {
    return this.memory.changed(this.#spread(values, stride, column));
  }

  /** [N, 4H] as [N, D·H', 4]. */
  uploadGates(values: Stored): Slice {
    const { hiddenSize: H } = this.layer;
    const matrix = new Float32Array(this.batch.capacity.rows * this.#columns() * 4);
    const from = numbers(values);
    this.eachRow((packed, row) => {
      for (let n = 0; n < 4 * H; n++)
        matrix[4 * this.#at(row, n % H) + Math.floor(n / H)] = from[packed * 4 * H + n];
    });
    return this.memory.changed(this.#words(matrix));
  }

  /** Writes this direction's columns of [N, D·H'] to those of [N, stride]; the rest of them must be zeros. */
  async download(slice: Slice, parts: 1, target: Stored, stride: number, column: number): Promise<void> {
    const { hiddenSize: H } = this.layer;
    const values = await this.#values(slice);
    const known = new Set<number>();
    this.eachRow((packed, row) => {
      for (let j = 0; j < H; j++) {
        const at = parts * this.#at(row, j);
        known.add(at);
        put(target, packed * stride + column + j, values[at]);
      }
    });
    values.forEach((value, at) => {
      const isOwn = Math.floor(at / padded(H)) % this.layer.tensors.length === this.direction;
      if (isOwn && !known.has(at))
        assert.equal(value, 0, `padding and rows past the end are zeros: element ${at}`);
    });
  }

  async downloadGates(slice: Slice, target: Stored): Promise<void> {
    const { hiddenSize: H } = this.layer;
    const values = await this.#values(slice);
    this.eachRow((packed, row) => {
      for (let n = 0; n < 4 * H; n++)
        put(target, packed * 4 * H + n, values[4 * this.#at(row, n % H) + Math.floor(n / H)]);
    });
  }

  #columns(): number {
    return this.layer.tensors.length * padded(this.layer.hiddenSize);
  }

  /** Unit j of this direction in a row of [N, D·H']. */
  #at(row: number, j: number): number {
    return row * this.#columns() + this.direction * padded(this.layer.hiddenSize) + j;
  }

  #spread(values: Float32Array, stride: number, column: number): Float32Array {
    const matrix = new Float32Array(this.batch.capacity.rows * this.#columns());
    this.eachRow((packed, row) => {
      for (let j = 0; j < this.layer.hiddenSize; j++)
        matrix[this.#at(row, j)] = values[packed * stride + column + j];
    });
    return matrix;
  }

  /** The words of activations. */
  #words(values: Float32Array): Float32Array {
    return this.storage === 'float32'
      ? values
      : new Float32Array(Uint16Array.from(values, numberToHalf).buffer);
  }

  async #values(slice: Slice): Promise<Float32Array> {
    const words = await this.memory.words(slice);
    return this.storage === 'float32'
      ? new Float32Array(words.buffer)
      : Float32Array.from(new Uint16Array(words.buffer), halfToNumber);
  }
}

function numbers(values: Stored): Float32Array {
  if (values instanceof Int16Array) throw new Error('a GPU has no bfloat16');
  return values instanceof Uint16Array ? Float32Array.from(values, halfToNumber) : values;
}

function put(target: Stored, at: number, value: number): void {
  target[at] = target instanceof Uint16Array ? numberToHalf(value) : value;
}
