/**
 * The verbs of a GPU with the signature of the host's, for the table of cases: packed sequences and unpadded columns
 * become blocks with padding, and results come back. Every buffer on the device is between guard words, and buffers that
 * a verb only reads must not change.
 *
 * A layer on the device has both directions; a case has one. The other direction's weights, states and gradients are
 * zeros then. "Panels" of the host are the weights themselves; the device's panels are written before each pass.
 */
import assert from 'node:assert/strict';
import type {
  CrossEntropy,
  LinearBackward,
  LinearForward,
  LstmBackward,
  LstmForward,
  LstmWeights,
  Stored,
} from '#src/backends/backend.js';
import { ACTIVATIONS } from '#src/backends/webgpu/activation.js';
import { type BatchCapacity, capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { classWeightWords } from '#src/backends/webgpu/head/class-weights.js';
import { crossEntropy } from '#src/backends/webgpu/head/cross-entropy.js';
import { linearBackward, linearForward } from '#src/backends/webgpu/head/linear.js';
import { dispatch, kernel, read, type Slice, write } from '#src/backends/webgpu/kernel.js';
import {
  type BatchOnDevice,
  type LstmKernels,
  type LstmLayer,
  padded,
  type Storage,
  storageWords,
} from '#src/backends/webgpu/verbs.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import type { Verbs } from '../../cases/verbs.js';
import { DeviceMemory } from './device-memory.js';

/** Chooses the kernels of a layer. @param table writes words to the device */
export type KernelsFor = (
  layer: LstmLayer,
  capacity: BatchCapacity,
  table: (words: Uint32Array) => Slice,
) => LstmKernels;

const TENSORS = ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const;

export class VerbsOnHost implements Verbs {
  readonly description = 'GPU';
  readonly #device: GpuDevice;
  readonly #kernelsFor: KernelsFor;

  constructor(device: GpuDevice, kernelsFor: KernelsFor) {
    this.#device = device;
    this.#kernelsFor = kernelsFor;
  }

  allocate(length: number): Float32Array {
    return new Float32Array(length);
  }

  allocateInts(length: number): Int32Array {
    return new Int32Array(length);
  }

  release(): void {}

  lstmPanelsLength(inputSize: number, hiddenSize: number): number {
    return 4 * hiddenSize * (inputSize + hiddenSize + 2);
  }

  lstmScratchLength(): number {
    return 0;
  }

  linearScratchLength(): number {
    return 0;
  }

  /** Keeps the weights, in the order of TENSORS. */
  lstmPanels({ weights, panels }: { weights: LstmWeights; panels: Stored }): void {
    let at = 0;
    for (const name of TENSORS) {
      weights[name].forEach((value) => {
        panels[at++] = panels instanceof Uint16Array ? numberToHalf(value) : value;
      });
    }
  }

  async lstmForward(args: LstmForward): Promise<void> {
    assert.ok(!args.initial, 'the GPU has no initial states');
    const pass = new LstmPass(this.#device, this.#kernelsFor, args, args.gates !== null);
    const { layer, batch, storage, panels } = pass;
    const slices = { inputs: pass.inputs(args.inputs), outputs: pass.stored(1), cells: pass.stored(1) };
    const gates = pass.stored(4);
    await this.#device.run([
      ...pass.panelDispatches(),
      ...pass.kernels.forward({ layer, batch, storage, panels, gates, scratch: pass.scratch(), ...slices }),
    ]);
    await pass.download(slices.outputs, 1, args.outputs, args.outputStride, args.outputColumn);
    await pass.download(slices.cells, 1, args.cells, args.hiddenSize, 0);
    if (args.gates) await pass.downloadGates(gates, args.gates);
    await pass.memory.close();
  }

  async lstmBackward(args: LstmBackward): Promise<void> {
    const { hiddenSize: H, inputSize: I, dWeights, dInputs } = args;
    const pass = new LstmPass(this.#device, this.#kernelsFor, args, true);
    const { layer, batch, storage, panels } = pass;
    const outputs = pass.upload(args.outputs, args.outputStride, args.outputColumn);
    const cells = pass.upload(args.cells, H, 0);
    const gates = pass.uploadGates(args.gates);
    const dOutputs = pass.uploadFloats(args.dOutputs, args.outputStride, args.outputColumn);
    const dInputsOnDevice = dInputs && pass.memory.output(batch.capacity.rows * padded(I));
    const splits = Math.min(2, batch.capacity.blocks);
    const parameters = pass.parameterCount;
    const partials = pass.memory.output(splits * parameters);
    await this.#device.run([
      ...pass.panelDispatches(),
      ...pass.kernels.backward({
        layer,
        batch,
        storage,
        panels,
        inputs: pass.inputs(args.inputs),
        outputs,
        cells,
        gates,
        dOutputs,
        dInputs: dInputsOnDevice,
        gradients: { partials, splits, parameters },
        scratch: pass.scratch(),
      }),
    ]);
    await pass.downloadGates(gates, args.gates);
    if (dInputs && dInputsOnDevice) {
      const values = await pass.memory.floats(dInputsOnDevice);
      pass.eachRow((packed, row) => {
        for (let i = 0; i < I; i++) dInputs[packed * I + i] += values[row * padded(I) + i];
      });
    }
    const parts = await pass.memory.floats(partials);
    for (const name of TENSORS) {
      const from = layer.tensors[pass.direction][name];
      dWeights[name].forEach((_, n) => {
        let sum = parts[from + n];
        for (let s = 1; s < splits; s++) sum = Math.fround(sum + parts[s * parameters + from + n]);
        dWeights[name][n] += sum;
      });
    }
    await pass.memory.close();
  }

  async linearForward({
    rows,
    inputSize,
    outputSize,
    inputs,
    weight,
    bias,
    outputs,
  }: LinearForward): Promise<void> {
    const pass = new RowsPass(this.#device, rows, rows);
    const { memory } = pass;
    const logits = memory.output(pass.sequences * outputSize);
    const linear = pass.linear(inputSize, outputSize, weight, bias);
    await this.#device.run(
      linearForward({ ...linear, features: memory.input(pass.features(inputs, inputSize)), logits }),
    );
    outputs.set((await memory.floats(logits)).subarray(0, rows * outputSize));
    await memory.close();
  }

  async linearBackward(args: LinearBackward): Promise<void> {
    const { rows, inputSize: F, outputSize: K, inputs, weight, dOutputs, dInputs, dWeight, dBias } = args;
    const pass = new RowsPass(this.#device, rows, rows);
    const { memory } = pass;
    const splits = Math.min(2, pass.capacity.blocks);
    const parameters = K * F + K;
    const partials = memory.output(splits * parameters);
    // The gradient overwrites the features, as in the network.
    const features = memory.changed(pass.features(inputs, F));
    await this.#device.run(
      linearBackward({
        ...pass.linear(F, K, weight, new Float32Array(K)),
        features,
        dLogits: memory.input(pass.filled(dOutputs, K)),
        dFeatures: features,
        gradients: { partials, splits, parameters },
      }),
    );
    const parts = await memory.floats(partials);
    [dWeight, dBias].forEach((target, n) => {
      const from = n === 0 ? 0 : K * F;
      target.forEach((_, at) => {
        let sum = parts[from + at];
        for (let s = 1; s < splits; s++) sum = Math.fround(sum + parts[s * parameters + from + at]);
        target[at] += sum;
      });
    });
    const gradient = await memory.floats(features);
    for (let b = 0; dInputs && b < rows; b++) {
      dInputs.set(gradient.subarray(b * padded(F), b * padded(F) + F), b * F);
    }
    await memory.close();
  }

  /** Gradient scales are 1 over the sequences of a whole batch. */
  async crossEntropy(args: CrossEntropy): Promise<void> {
    const { rows, classes: K, logits, labels, labelSmoothing, gradientScale } = args;
    const total = Math.round(1 / gradientScale);
    const pass = new RowsPass(this.#device, rows, total);
    const { memory, batch } = pass;
    const losses = memory.output(total);
    const correct = memory.output(total);
    const dLogits = args.dLogits && memory.output(pass.sequences * K);
    const classWeights = args.classWeights
      ? memory.input(classWeightWords(args.classWeights.subarray(0, K)))
      : null;
    const loss = { batch, classes: K, labelSmoothing, classWeights, losses, correct, dLogits, state: null };
    const labelWords = new Int32Array(pass.sequences);
    labelWords.set(labels);
    await this.#device.run(
      crossEntropy({
        ...loss,
        logits: memory.input(pass.filled(logits, K)),
        labels: memory.input(labelWords),
      }),
    );
    args.losses.set((await memory.floats(losses)).subarray(0, rows));
    if (dLogits) args.dLogits?.set((await memory.floats(dLogits)).subarray(0, rows * K));
    const hits = (await memory.words(correct)).subarray(0, rows);
    hits.forEach((hit, b) => {
      const row = logits.subarray(b * K, (b + 1) * K);
      if (!row.some(Number.isNaN)) assert.equal(hit, row.indexOf(Math.max(...row)) === labels[b] ? 1 : 0);
    });
    await memory.close();
  }
  async activate(kind: 'sigmoid' | 'tanh', inputs: Float32Array, outputs: Float32Array): Promise<void> {
    const quads = Math.ceil(inputs.length / 4);
    const padding = new Float32Array(4 * quads);
    padding.set(inputs);
    const memory = new DeviceMemory(this.#device);
    const slices = { x: memory.input(padding), y: memory.output(4 * quads), y4: memory.output(4 * quads) };
    await this.#device.run([
      dispatch(activationKernel(kind), slices, [Math.min(65535, Math.ceil(quads / 64))]),
    ]);
    const scalars = await memory.words(slices.y);
    assert.deepEqual(await memory.words(slices.y4), scalars, 'vectors and scalars have the same bits');
    outputs.set(new Float32Array(scalars.buffer).subarray(0, inputs.length));
    await memory.close();
  }

  copyRows = missing;
  dropout = missing;
  clear = missing;
  add = missing;
  sumSquares = missing;
  sgd = missing;
  adam = missing;
}

function missing(): never {
  throw new Error('the GPU has no such verb, or not on rows of any place');
}

function activationKernel(kind: 'sigmoid' | 'tanh') {
  const [scalar, vector] = kind === 'sigmoid' ? ['sigmoid', 'sigmoid4'] : ['tanhOf', 'tanh4Of'];
  return kernel(
    kind,
    { x: read('vec4f'), y: write('vec4f'), y4: write('vec4f') },
    `${ACTIVATIONS}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var n = id.x; n < arrayLength(&x); n += groups.x * 64u) {
    let v = x[n];
    y[n] = vec4f(${scalar}(v.x), ${scalar}(v.y), ${scalar}(v.z), ${scalar}(v.w));
    y4[n] = ${vector}(v);
  }
}`,
  );
}

/** Rows that are sequences of one step: those of the head, the linear layer and the loss. */
class RowsPass {
  readonly memory: DeviceMemory;
  readonly capacity: BatchCapacity;
  readonly batch: BatchOnDevice;
  /** Lanes of all blocks. */
  readonly sequences: number;

  /** @param total sequences of the whole batch */
  constructor(device: GpuDevice, rows: number, total: number) {
    this.memory = new DeviceMemory(device);
    this.capacity = capacityFor(rows, 1);
    this.sequences = this.capacity.blocks * this.capacity.lanes;
    const { words } = layOut(this.capacity, new Int32Array(rows).fill(1), total);
    this.batch = { capacity: this.capacity, words: this.memory.input(words) };
  }

  /** [rows, width] with rows of zeros for all lanes. */
  filled(values: Float32Array, width: number): Float32Array {
    const matrix = new Float32Array(this.sequences * width);
    matrix.set(values);
    return matrix;
  }

  /** [B, F'] */
  features(values: Float32Array, size: number): Float32Array {
    const matrix = new Float32Array(this.sequences * padded(size));
    for (let b = 0; b * size < values.length; b++) {
      matrix.set(values.subarray(b * size, (b + 1) * size), b * padded(size));
    }
    return matrix;
  }

  linear(size: number, classes: number, weight: Float32Array, bias: Float32Array) {
    const parameters = this.memory.input(Float32Array.of(...weight, ...bias));
    const tensors = { weight: 0, bias: weight.length };
    return { columns: { parts: 1, size }, classes, batch: this.batch, tensors, parameters };
  }
}

/** The device's side of one direction of a layer. */
class LstmPass {
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
