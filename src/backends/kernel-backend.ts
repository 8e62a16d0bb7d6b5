/**
 * The common part of the native and the WASM backend. Both call the verbs of kernels/ (kernels/verbs.h) with addresses of
 * their buffers. This class checks the named arguments and puts them into the kernels' order; a
 * subclass allocates buffers and converts them to what the kernels take.
 */
import { UserError } from '../user-error.js';
import type * as B from './backend.js';
import * as contract from './contract.js';
import type { KernelLimits, KernelProbe, MatrixProduct } from './kernel-probe.js';

/** The kernels' verbs as JavaScript sees them; F and I are the types of float and int buffers. */
export interface Verbs<F, I> {
  lstm_panels_length(inputSize: number, hiddenSize: number, backward: number, bfloats: number): number;
  lstm_scratch_length(batchSize: number, inputSize: number, hiddenSize: number, backward: number): number;
  lstm_panels(i: number, h: number, wIh: F, wHh: F, bIh: F, bHh: F, panels: F, backward: number): void;
  lstm_forward(
    ...args: [...LayerArguments<I>, panels: F, x: F, y: F, cells: F, gates: F, h: F, c: F, s: F]
  ): void;
  lstm_backward(
    ...args: [
      ...LayerArguments<I>,
      panels: F,
      x: F,
      y: F,
      cells: F,
      gates: F,
      sumOf: I,
      dy: F,
      dx: F,
      dWeightIh: F,
      dWeightHh: F,
      dBiasIh: F,
      dBiasHh: F,
      scratch: F,
    ]
  ): void;
  linear_scratch_length(rows: number, inputSize: number, outputSize: number): number;
  linear_forward(b: number, f: number, k: number, x: F, weight: F, bias: F, y: F): void;
  linear_backward(
    ...args: [
      b: number,
      f: number,
      k: number,
      x: F,
      w: F,
      sumOf: I,
      dy: F,
      dx: F,
      dWeight: F,
      dBias: F,
      scratch: F,
    ]
  ): void;
  matmul(m: number, n: number, k: number, a: F, b: F, c: F, scratch: F): void;
  copy_rows(rows: number, width: number, source: F, from: I, target: F, to: I, scales: F, add: number): void;
  dropout(rows: number, width: number, values: F, rate: number, keys: I, offsets: I, stream: number): void;
  cross_entropy(
    ...args: [
      b: number,
      k: number,
      logits: F,
      labels: I,
      smoothing: number,
      weights: F,
      losses: F,
      d: F,
      scale: number,
    ]
  ): void;
  clear(n: number, target: F): void;
  add(n: number, target: F, source: F): void;
  sum_squares(n: number, values: F): number;
  sgd(
    ...args: [
      n: number,
      p: F,
      g: F,
      velocity: F,
      lr: number,
      momentum: number,
      nesterov: number,
      wd: number,
      s: number,
    ]
  ): void;
  adam(
    ...args: [
      n: number,
      p: F,
      g: F,
      mean: F,
      variance: F,
      lr: number,
      beta1: number,
      beta2: number,
      eps: number,
      weightDecay: number,
      decoupled: number,
      correction1: number,
      correction2: number,
      scale: number,
    ]
  ): void;
  activate(n: number, isTanh: number, x: F, y: F): void;
  multiply_adds(rounds: number, bfloat16: number, one: number): number;
}

/** The names of all verbs. */
const VERBS: Record<keyof Verbs<unknown, unknown>, true> = {
  lstm_panels_length: true,
  lstm_scratch_length: true,
  lstm_panels: true,
  lstm_forward: true,
  lstm_backward: true,
  linear_scratch_length: true,
  linear_forward: true,
  linear_backward: true,
  matmul: true,
  copy_rows: true,
  dropout: true,
  cross_entropy: true,
  clear: true,
  add: true,
  sum_squares: true,
  sgd: true,
  adam: true,
  activate: true,
  multiply_adds: true,
};

/** @throws Error naming the first verb that compiled kernels lack: they are of another version */
export function requireVerbs(
  kernels: unknown,
  backend: B.HostBackendName,
): asserts kernels is Verbs<never, never> {
  for (const name of Object.keys(VERBS)) {
    const verb: unknown = typeof kernels === 'object' && kernels !== null && Reflect.get(kernels, name);
    if (typeof verb !== 'function') {
      throw new Error(`backend ${backend}: the kernels have no verb ${name}; run \`npm run build\``);
    }
  }
}

export function outOfMemory(backend: B.HostBackendName, bytes: number): UserError {
  return new UserError(
    `backend ${backend}: cannot allocate ${Math.ceil(bytes / 2 ** 20)} MB in one piece; ` +
      'use a smaller hidden size, batch or sequence length',
  );
}

type LayerArguments<I> = [
  inputSize: number,
  hiddenSize: number,
  steps: number,
  batchSizes: I,
  rows: number,
  reverse: number,
  outputStride: number,
  outputColumn: number,
];

export abstract class KernelBackend<F, I> implements B.Backend, KernelProbe, KernelLimits {
  abstract readonly name: B.HostBackendName;
  abstract readonly description: string;
  abstract readonly multipliesBfloat16: boolean;
  readonly #verbs: Verbs<F, I>;

  constructor(verbs: Verbs<F, I>) {
    this.#verbs = verbs;
  }

  abstract allocate(length: number): Float32Array;
  abstract allocateInts(length: number): Int32Array;
  abstract release(array: Float32Array | Int32Array): void;
  abstract handle(): B.BackendHandle;
  abstract close(): void;

  /** A buffer as the kernels take it, with its precision; null means none. */
  protected abstract stored(array: B.Stored | null): F;
  protected abstract ints(array: Int32Array | null): I;

  /** A float buffer as the kernels take it. Where they want floats they do not look at the precision. */
  protected floats(array: Float32Array | null): F {
    if (array !== null && !(array instanceof Float32Array)) {
      throw new Error(`${this.name}: a buffer does not hold floats; get it from backend.allocate`);
    }
    return this.stored(array);
  }

  lstmPanelsLength(
    inputSize: number,
    hiddenSize: number,
    backward: boolean,
    precision: B.Precision = 'float32',
  ): number {
    const bfloats = precision === 'bfloat16';
    return this.#verbs.lstm_panels_length(inputSize, hiddenSize, Number(backward), Number(bfloats));
  }
  lstmScratchLength(batchSize: number, inputSize: number, hiddenSize: number, backward: boolean): number {
    return this.#verbs.lstm_scratch_length(batchSize, inputSize, hiddenSize, Number(backward));
  }
  linearScratchLength(rows: number, inputSize: number, outputSize: number): number {
    return this.#verbs.linear_scratch_length(rows, inputSize, outputSize);
  }

  lstmPanels(a: Parameters<B.Backend['lstmPanels']>[0]): void {
    contract.checkLstmPanels(a, this);
    const { weightIh, weightHh, biasIh, biasHh } = a.weights;
    this.#verbs.lstm_panels(
      a.inputSize,
      a.hiddenSize,
      this.floats(weightIh),
      this.floats(weightHh),
      this.floats(biasIh),
      this.floats(biasHh),
      this.stored(a.panels),
      Number(a.backward),
    );
  }

  lstmForward(a: B.LstmForward): void {
    contract.checkLstmForward(a, this);
    this.#verbs.lstm_forward(
      a.inputSize,
      a.hiddenSize,
      a.batchSizes.length,
      this.ints(a.batchSizes),
      a.rows,
      Number(a.reverse),
      a.outputStride,
      a.outputColumn,
      this.stored(a.panels),
      this.stored(a.inputs),
      this.stored(a.outputs),
      this.stored(a.cells),
      this.stored(a.gates),
      this.floats(a.initial?.hidden ?? null),
      this.floats(a.initial?.cells ?? null),
      this.floats(a.scratch),
    );
  }

  lstmBackward(a: B.LstmBackward): void {
    contract.checkLstmBackward(a, this);
    this.#verbs.lstm_backward(
      a.inputSize,
      a.hiddenSize,
      a.batchSizes.length,
      this.ints(a.batchSizes),
      a.rows,
      Number(a.reverse),
      a.outputStride,
      a.outputColumn,
      this.stored(a.panels),
      this.stored(a.inputs),
      this.stored(a.outputs),
      this.stored(a.cells),
      this.stored(a.gates),
      this.ints(a.sumOf ?? null),
      this.floats(a.dOutputs),
      this.floats(a.dInputs),
      this.floats(a.dWeights.weightIh),
      this.floats(a.dWeights.weightHh),
      this.floats(a.dWeights.biasIh),
      this.floats(a.dWeights.biasHh),
      this.floats(a.scratch),
    );
  }

  linearForward(a: B.LinearForward): void {
    contract.checkLinearForward(a);
    this.#verbs.linear_forward(
      a.rows,
      a.inputSize,
      a.outputSize,
      this.floats(a.inputs),
      this.floats(a.weight),
      this.floats(a.bias),
      this.floats(a.outputs),
    );
  }

  linearBackward(a: B.LinearBackward): void {
    contract.checkLinearBackward(a, this);
    this.#verbs.linear_backward(
      a.rows,
      a.inputSize,
      a.outputSize,
      this.floats(a.inputs),
      this.floats(a.weight),
      this.ints(a.sumOf ?? null),
      this.floats(a.dOutputs),
      this.floats(a.dInputs),
      this.floats(a.dWeight),
      this.floats(a.dBias),
      this.floats(a.scratch),
    );
  }

  matmul(a: MatrixProduct): void {
    contract.checkMatmul(a, this);
    this.#verbs.matmul(
      a.m,
      a.n,
      a.k,
      this.floats(a.a),
      this.floats(a.b),
      this.floats(a.c),
      this.floats(a.scratch),
    );
  }

  copyRows(a: B.CopyRows): void {
    contract.checkCopyRows(a);
    this.#verbs.copy_rows(
      a.rows,
      a.width,
      this.stored(a.source),
      this.ints(a.sourceOffsets),
      this.stored(a.target),
      this.ints(a.targetOffsets),
      this.floats(a.scales),
      Number(a.accumulate),
    );
  }

  dropout(a: B.Dropout): void {
    contract.checkDropout(a);
    this.#verbs.dropout(
      a.rows,
      a.width,
      this.stored(a.values),
      a.rate,
      this.ints(a.keys),
      this.ints(a.offsets),
      a.stream,
    );
  }

  crossEntropy(a: B.CrossEntropy): void {
    contract.checkCrossEntropy(a);
    this.#verbs.cross_entropy(
      a.rows,
      a.classes,
      this.floats(a.logits),
      this.ints(a.labels),
      a.labelSmoothing,
      this.floats(a.classWeights ?? null),
      this.floats(a.losses),
      this.floats(a.dLogits),
      a.gradientScale,
    );
  }

  clear(target: Float32Array, length: number): void {
    contract.checkClear(target, length);
    this.#verbs.clear(length, this.floats(target));
  }

  add(target: Float32Array, source: Float32Array): void {
    contract.checkAdd(target, source);
    this.#verbs.add(target.length, this.floats(target), this.floats(source));
  }

  sumSquares(values: Float32Array): number {
    return this.#verbs.sum_squares(values.length, this.floats(values));
  }

  sgd(a: B.SgdUpdate): void {
    contract.checkSgd(a);
    this.#verbs.sgd(
      a.parameters.length,
      this.floats(a.parameters),
      this.floats(a.gradients),
      this.floats(a.velocity),
      a.learningRate,
      a.momentum,
      Number(a.nesterov),
      a.weightDecay,
      a.gradientScale,
    );
  }

  adam(a: B.AdamUpdate): void {
    contract.checkAdam(a);
    this.#verbs.adam(
      a.parameters.length,
      this.floats(a.parameters),
      this.floats(a.gradients),
      this.floats(a.mean),
      this.floats(a.variance),
      a.learningRate,
      a.beta1,
      a.beta2,
      a.eps,
      a.weightDecay,
      Number(a.decoupled),
      1 - a.beta1 ** a.update,
      1 - a.beta2 ** a.update,
      a.gradientScale,
    );
  }

  activate(kind: 'sigmoid' | 'tanh', inputs: Float32Array, outputs: Float32Array): void {
    contract.checkActivate(inputs, outputs);
    this.#verbs.activate(inputs.length, Number(kind === 'tanh'), this.floats(inputs), this.floats(outputs));
  }

  multiplyAdds(rounds: number, numbers: 'float32' | 'bfloat16'): number {
    contract.checkMultiplyAdds(rounds);
    return this.#verbs.multiply_adds(rounds, Number(numbers === 'bfloat16'), 1);
  }
}
