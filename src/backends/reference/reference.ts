/**
 * The oracle: every verb of backend.ts in plain, naive TypeScript; read it beside docs/mathematics.md. Within a verb
 * sums are float64; verbs write float32. It is slow on purpose: the other backends are compared with it, case by case
 * (test/cases). The LSTM layer is in lstm.ts.
 */

import { threefry } from '../../random.js';
import { sharedBytes } from '../../shared-memory.js';
import type {
  AdamUpdate,
  Backend,
  BackendHandle,
  CopyRows,
  CrossEntropy,
  Dropout,
  LinearBackward,
  LinearForward,
  LstmBackward,
  LstmForward,
  SgdUpdate,
} from '../backend.js';
import {
  checkActivate,
  checkAdam,
  checkAdd,
  checkClear,
  checkCopyRows,
  checkCrossEntropy,
  checkDropout,
  checkLinearBackward,
  checkLinearForward,
  checkLstmBackward,
  checkLstmForward,
  checkLstmPanels,
  checkMatmul,
  checkSgd,
} from '../contract.js';
import type { KernelProbe, MatrixProduct } from '../kernel-probe.js';
import { Ledger } from '../ledger.js';
import type { Precision } from '../stored.js';
import {
  floatPanels,
  lstmBackward,
  lstmForward,
  lstmPanels,
  panelsLength,
  roundingIn,
  scratchLength,
  sigmoid,
} from './lstm.js';
import { type OnFloats, onFloats } from './rounding.js';

/** Options of `new ReferenceBackend`. */
export interface ReferenceOptions {
  /**
   * 'float64' stores what verbs write as float64 too: the same arithmetic with nothing rounded in between, for finite
   * differences and as the true value in tests. Its buffers are Float64Arrays under the type Float32Array; no other
   * backend takes them. Default 'float32'.
   */
  storage?: 'float32' | 'float64';
}

/** Opens the reference backend. There is nothing to find or compile, so it never fails. */
export function openReference(): ReferenceBackend {
  return new ReferenceBackend();
}

export class ReferenceBackend implements Backend, KernelProbe {
  readonly name = 'reference';
  readonly description: string;
  readonly multipliesBfloat16 = false;
  readonly #storage: 'float32' | 'float64';
  readonly #ledger = new Ledger('reference');

  constructor({ storage = 'float32' }: ReferenceOptions = {}) {
    this.#storage = storage;
    this.description = `plain TypeScript, float64 sums, ${storage} buffers`;
  }

  allocate(length: number): Float32Array {
    if (this.#storage === 'float32') return this.#ledger.lend(new Float32Array(sharedBytes(4 * length)));
    return this.#ledger.lend(new Float64Array(sharedBytes(8 * length)) as unknown as Float32Array);
  }

  allocateInts(length: number): Int32Array {
    return this.#ledger.lend(new Int32Array(sharedBytes(4 * length)));
  }

  /** The garbage collector frees the memory. */
  release(array: Float32Array | Int32Array): void {
    this.#ledger.takeBack(array);
  }

  handle(): BackendHandle {
    return { name: 'reference' };
  }

  close(): void {
    this.#ledger.close();
  }

  lstmPanelsLength(
    inputSize: number,
    hiddenSize: number,
    _backward: boolean,
    precision: Precision = 'float32',
  ): number {
    return panelsLength(inputSize, hiddenSize) * (precision === 'bfloat16' ? 2 : 1);
  }

  lstmScratchLength(batchSize: number, _input: number, hiddenSize: number, backward: boolean): number {
    return backward ? scratchLength(batchSize, hiddenSize) : 0;
  }

  linearScratchLength(): number {
    return 0;
  }

  lstmPanels(args: Parameters<Backend['lstmPanels']>[0]): void {
    checkLstmPanels(args, this);
    onFloats(floatPanels(args), [], ['panels'], ({ weights, inputSize, hiddenSize, panels }) => {
      lstmPanels(weights, inputSize, hiddenSize, panels, roundingIn(args.panels));
    });
  }

  lstmForward(args: LstmForward): void {
    checkLstmForward(args, this);
    onFloats(floatPanels(args), ['panels', 'inputs'], ['outputs', 'cells', 'gates'], (floats) =>
      lstmForward(floats, roundingIn(args.panels)),
    );
  }

  lstmBackward(args: LstmBackward): void {
    checkLstmBackward(args, this);
    onFloats(floatPanels(args), ['panels', 'inputs', 'outputs', 'cells'], ['gates'], (floats) =>
      lstmBackward(floats, roundingIn(args.panels)),
    );
  }

  linearForward(args: LinearForward): void {
    checkLinearForward(args);
    const { rows, inputSize, outputSize, inputs, weight, bias, outputs } = args;
    for (let b = 0; b < rows; b++) {
      for (let k = 0; k < outputSize; k++) {
        let sum = 0;
        for (let f = 0; f < inputSize; f++) sum += inputs[b * inputSize + f] * weight[k * inputSize + f];
        outputs[b * outputSize + k] = sum + bias[k];
      }
    }
  }

  linearBackward(args: LinearBackward): void {
    checkLinearBackward(args, this);
    const { rows, inputSize, outputSize, inputs, weight, dOutputs, dInputs, dWeight, dBias } = args;
    // dWeight (K, F) += dOutputsᵀ (K, B) · inputs (B, F); dBias (K) += the columns' sums of dOutputs
    for (let k = 0; k < outputSize; k++) {
      for (let f = 0; f < inputSize; f++) {
        let sum = 0;
        for (let b = 0; b < rows; b++) sum += dOutputs[b * outputSize + k] * inputs[b * inputSize + f];
        dWeight[k * inputSize + f] += sum;
      }
      let sum = 0;
      for (let b = 0; b < rows; b++) sum += dOutputs[b * outputSize + k];
      dBias[k] += sum;
    }
    if (dInputs !== null) {
      // dInputs (B, F) = dOutputs (B, K) · weight (K, F)
      for (let b = 0; b < rows; b++) {
        for (let f = 0; f < inputSize; f++) {
          let sum = 0;
          for (let k = 0; k < outputSize; k++)
            sum += dOutputs[b * outputSize + k] * weight[k * inputSize + f];
          dInputs[b * inputSize + f] = sum;
        }
      }
    }
  }

  copyRows(args: CopyRows): void {
    checkCopyRows(args);
    onFloats(args, ['source'], ['target'], copyFloats);
  }

  dropout(args: Dropout): void {
    checkDropout(args);
    onFloats(args, [], ['values'], dropFloats);
  }

  crossEntropy(args: CrossEntropy): void {
    checkCrossEntropy(args);
    const { rows, classes, logits, labels, labelSmoothing, losses, dLogits, gradientScale } = args;
    const weightOf = (k: number) => args.classWeights?.[k] ?? 1;
    const elsewhere = labelSmoothing / classes;
    const targetOf = (k: number, label: number) =>
      weightOf(k) * (k === label ? 1 - labelSmoothing + elsewhere : elsewhere);
    for (let b = 0; b < rows; b++) {
      const row = b * classes;
      // All logits relative to the largest, so that exp neither overflows nor loses the largest term.
      let largest = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < classes; k++) if (logits[row + k] > largest) largest = logits[row + k];
      let sum = 0;
      for (let k = 0; k < classes; k++) sum += Math.exp(logits[row + k] - largest);
      const logSum = Math.log(sum);
      let targets = 0;
      for (let k = 0; k < classes; k++) targets += targetOf(k, labels[b]);
      // Without weights the targets are probabilities.
      if (!args.classWeights) targets = 1;
      let loss = 0;
      for (let k = 0; k < classes; k++) {
        const target = targetOf(k, labels[b]);
        const logProbability = logits[row + k] - largest - logSum;
        // A target of 0 contributes nothing, even where the probability underflowed to a logarithm of -∞.
        if (target !== 0) loss -= target * logProbability;
        if (dLogits !== null)
          dLogits[row + k] = gradientScale * (targets * Math.exp(logProbability) - target);
      }
      losses[b] = loss;
    }
  }

  clear(target: Float32Array, length: number): void {
    checkClear(target, length);
    target.fill(0, 0, length);
  }

  add(target: Float32Array, source: Float32Array): void {
    checkAdd(target, source);
    for (let n = 0; n < target.length; n++) target[n] += source[n];
  }

  sumSquares(values: Float32Array): number {
    let sum = 0;
    for (let n = 0; n < values.length; n++) sum += values[n] * values[n];
    return sum;
  }

  sgd(args: SgdUpdate): void {
    checkSgd(args);
    const { parameters, gradients, velocity, learningRate, weightDecay, gradientScale, momentum } = args;
    for (let n = 0; n < parameters.length; n++) {
      const gradient = gradientScale * gradients[n] + weightDecay * parameters[n];
      let change = gradient;
      if (velocity !== null) {
        const moved = momentum * velocity[n] + gradient;
        velocity[n] = moved;
        change = args.nesterov ? gradient + momentum * moved : moved;
      }
      parameters[n] -= learningRate * change;
    }
  }

  adam(args: AdamUpdate): void {
    checkAdam(args);
    const { parameters, gradients, mean, variance, learningRate, weightDecay, gradientScale } = args;
    const { beta1, beta2, eps, decoupled, update } = args;
    const stepSize = learningRate / (1 - beta1 ** update);
    const varianceScale = Math.sqrt(1 - beta2 ** update);
    for (let n = 0; n < parameters.length; n++) {
      let parameter = parameters[n];
      let gradient = gradientScale * gradients[n];
      if (decoupled) parameter -= learningRate * weightDecay * parameter;
      else gradient += weightDecay * parameter;
      const m = beta1 * mean[n] + (1 - beta1) * gradient;
      const v = beta2 * variance[n] + (1 - beta2) * gradient * gradient;
      mean[n] = m;
      variance[n] = v;
      parameters[n] = parameter - (stepSize * m) / (Math.sqrt(v) / varianceScale + eps);
    }
  }

  activate(kind: 'sigmoid' | 'tanh', inputs: Float32Array, outputs: Float32Array): void {
    checkActivate(inputs, outputs);
    for (let n = 0; n < inputs.length; n++) {
      outputs[n] = kind === 'sigmoid' ? sigmoid(inputs[n]) : Math.tanh(inputs[n]);
    }
  }

  matmul(args: MatrixProduct): void {
    checkMatmul(args, this);
    const { m, n, k, a, b, c } = args;
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let j = 0; j < k; j++) sum += a[row * k + j] * b[j * n + column];
        c[row * n + column] = sum;
      }
    }
  }
}

function copyFloats(args: OnFloats<CopyRows>): void {
  const { rows, width, source, sourceOffsets, target, targetOffsets, scales, accumulate } = args;
  for (let n = 0; n < rows; n++) {
    const from = sourceOffsets[n];
    const to = targetOffsets[n];
    for (let j = 0; j < width; j++) {
      const value = scales === null ? source[from + j] : scales[n] * source[from + j];
      target[to + j] = accumulate ? target[to + j] + value : value;
    }
  }
}

function dropFloats(args: OnFloats<Dropout>): void {
  const { rows, width, values, rate, keys, offsets, stream } = args;
  const half = Math.ceil(width / 2);
  const threshold = Math.floor(rate * 2 ** 32);
  // Rounded to float32 first, so that the product is the float32 product that a kernel computes.
  const scale = Math.fround(1 / (1 - rate));
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < half; c++) {
      const words = threefry(keys[2 * r], keys[2 * r + 1], (offsets[r] + c) | 0, stream);
      for (let j = c, side = 0; j < width; j += half, side++) {
        const at = r * width + j;
        values[at] = words[side] >= threshold ? values[at] * scale : 0;
      }
    }
  }
}
