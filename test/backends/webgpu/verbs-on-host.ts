/**
 * The verbs of a GPU with the signature of the host's, for the table of cases: packed sequences and unpadded columns
 * become blocks with padding, and results come back (lstm-pass.ts, rows-pass.ts). Every buffer on the device is between
 * guard words, and buffers that a verb only reads must not change.
 *
 * "Panels" of the host are the weights themselves; the device's panels are written before each pass.
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
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { classWeightWords } from '#src/backends/webgpu/head/class-weights.js';
import { crossEntropy } from '#src/backends/webgpu/head/cross-entropy.js';
import { linearBackward, linearForward } from '#src/backends/webgpu/head/linear.js';
import { dispatch, kernel, read, write } from '#src/backends/webgpu/kernel.js';
import { padded } from '#src/backends/webgpu/verbs.js';
import { numberToHalf } from '#src/half.js';
import type { Verbs } from '../../cases/verbs.js';
import { DeviceMemory } from './device-memory.js';
import { type KernelsFor, LstmPass, TENSORS } from './lstm-pass.js';
import { RowsPass } from './rows-pass.js';

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
