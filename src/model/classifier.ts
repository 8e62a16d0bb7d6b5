/**
 * The public classifier. It takes padded batches and returns logits, losses and gradients in the caller's order, as
 * copies. Training uses the network beneath it directly.
 */
import type { Backend, DeviceBackend, Precision, Stored } from '../backends/backend.js';
import { PRECISIONS } from '../backends/stored.js';
import { deviceOf } from '../backends/webgpu/webgpu.js';
import { checkPadded, type PaddedBatch } from '../data/sequences/batch.js';
import {
  optionNames,
  requireBackend,
  requireNumbers,
  requireOptions,
  requireSeed,
  requireSmoothing,
} from '../formats/argument.js';
import { shown } from '../formats/shape.js';
import type { StateDict } from '../state-dict.js';
import { UserError } from '../user-error.js';
import { requireWeights, sumWeights } from './class-weights.js';
import {
  type ClassifierConfig,
  directionsOf,
  type ResolvedClassifierConfig,
  requireClassifierConfig,
} from './classifier-config.js';
import { DeviceModel } from './device/device-model.js';
import { HostModel } from './host-model.js';
import type { ForwardPass, Model, PassRows } from './model.js';
import { ParameterLayout } from './parameters.js';
import type { SequenceStepper } from './stepper.js';

/** Sequences as a dense block, the shorter ones filled up at the end. */
export interface Batch {
  /** [B, T, I] Values past a sequence's length are never read. */
  inputs: Float32Array;
  /** B: number of sequences. */
  batchSize: number;
  /** T: steps of the longest sequence, or more. */
  steps: number;
  /** [B] steps of each sequence, 1 to T. Default: T for all. */
  lengths?: Int32Array;
}

/** Sequences with their classes. */
export interface LabelledBatch extends Batch {
  /** [B] classes, 0 to K - 1. */
  labels: Int32Array;
}

/** PyTorch's (output, (h_n, c_n)) of nn.LSTM with batch_first. */
export interface States {
  /** [B, T, D·H] hidden states of the last layer at every step; zero past the end of a sequence. */
  outputs: Float32Array;
  /** [L] the outputs of every layer, each as `outputs`. */
  layers: Float32Array[];
  /** [L·D, B, H] final hidden states, layer by layer, forward then reverse. */
  hN: Float32Array;
  /** [L·D, B, H] final cell states. */
  cN: Float32Array;
}

/** Options of `SequenceClassifier.gradients`. */
export interface GradientOptions {
  /** ε of the smoothed targets, in [0, 1). Default 0. */
  labelSmoothing?: number;
  /**
   * [K] weights of the classes, finite and at least 0: the loss is Σ w · loss / Σ w over the batch, as with
   * torch.nn.CrossEntropyLoss(weight=…). Default: 1 for every class.
   */
  classWeights?: ArrayLike<number>;
  /** Also compute the gradient of the inputs. Default false. */
  inputGradient?: boolean;
  /** Seed of dropout, at the rates of the configuration. Default: no dropout. */
  dropoutSeed?: number;
}

/** What `SequenceClassifier.gradients` computes. */
export interface Gradients {
  /** Mean cross-entropy, by the weights of the classes if they have weights. */
  loss: number;
  /** [B, K] scores of the classes; their softmax is the probabilities. */
  logits: Float32Array;
  /** Gradients of the mean loss, under the parameters' names and in their shapes. */
  gradients: StateDict;
  /** [B, T, I] gradient of the mean loss, with option `inputGradient`; zero past the end of a sequence. */
  inputGradient?: Float32Array;
}

/** Options of a new `SequenceClassifier`. */
export interface ClassifierOptions {
  /** Seed of the initial parameters, drawn from PyTorch's distribution. Default 0. */
  seed?: number;
  /** Initial parameters, as `stateDict` gives them. Default: drawn with `seed`. */
  parameters?: StateDict;
  /**
   * Precision of `forward` without states: bfloat16 is faster where the processor multiplies it, and both 16-bit
   * precisions halve the memory. Everything else is computed in float32. Default float32; a GPU has no other.
   */
  precision?: Precision;
  /** `close()` also closes the backend. Default false. */
  closeBackend?: boolean;
}

const OPTION_NAMES = optionNames<ClassifierOptions>({
  seed: true,
  parameters: true,
  precision: true,
  closeBackend: true,
});
const GRADIENT_NAMES = optionNames<GradientOptions>({
  labelSmoothing: true,
  classWeights: true,
  inputGradient: true,
  dropoutSeed: true,
});

/**
 * An LSTM sequence classifier (torch.nn.LSTM, a head, torch.nn.Linear).
 *
 * @example
 * import { openBackend, SequenceClassifier } from 'scanstroke';
 *
 * const backend = await openBackend();
 * const model = new SequenceClassifier({ inputSize: 28, hiddenSize: 64, numClasses: 10 }, backend);
 * const batch = { inputs: new Float32Array(2 * 30 * 28), batchSize: 2, steps: 30 };
 * const { logits } = await model.forward(batch); // [2, 10]
 * const { loss, gradients } = await model.gradients({ ...batch, labels: Int32Array.of(3, 8) });
 * console.log(loss, gradients.get('fc.weight')?.shape); // about 2.3, [10, 64]
 * model.close();
 * backend.close();
 */
export class SequenceClassifier implements Disposable {
  /** The configuration, with defaults filled in. */
  readonly config: ResolvedClassifierConfig;
  /** Number of trained values, over all parameters. */
  readonly parameterCount: number;
  readonly #backend: Backend | DeviceBackend;
  readonly #closeBackend: boolean;
  readonly #layout: ParameterLayout;
  readonly #model: Model;
  #closed = false;

  /**
   * @param config sizes, and the head
   * @param backend computes; it stays the caller's, and must stay open
   * @param options initial parameters
   * @throws UserError for a setting that is out of range or impossible on the backend, and for initial parameters that do
   *   not fit
   */
  constructor(config: ClassifierConfig, backend: Backend | DeviceBackend, options: ClassifierOptions = {}) {
    this.config = requireClassifierConfig(config);
    requireBackend('model', backend);
    requireOptions('model', options, OPTION_NAMES);
    this.#backend = backend;
    this.#closeBackend = options.closeBackend ?? false;
    const layout = new ParameterLayout(this.config);
    this.#layout = layout;
    this.parameterCount = layout.length;
    if (options.parameters) layout.check(options.parameters);
    const precision = requirePrecision(options.precision ?? 'float32');
    if (backend.name === 'webgpu' && precision !== 'float32') {
      throw new UserError(
        `model: inference on a GPU is float32; for ${precision} use the backend cpu or wasm`,
      );
    }
    this.#model =
      backend.name === 'webgpu'
        ? new DeviceModel(this.config, layout, deviceOf(backend))
        : new HostModel(this.config, layout, backend, precision);
    const { parameters } = this.#model;
    if (options.parameters) layout.fromStateDict(options.parameters, parameters);
    else layout.initialize(this.config, parameters, requireSeed('model: seed', options.seed ?? 0));
    this.#model.parametersChanged();
  }

  /** Copies all parameters, under PyTorch's names and in PyTorch's shapes. */
  async stateDict(): Promise<StateDict> {
    this.#requireOpen();
    return this.#layout.toStateDict(this.#model.parameters);
  }

  /**
   * Replaces all parameters by copies of named tensors.
   *
   * @param tensors as `stateDict` gives them. Values may be NaN or infinite, as in PyTorch; only files are refused for it.
   * @throws UserError naming what is missing, unknown or of another shape; nothing is changed then
   */
  async loadStateDict(tensors: StateDict): Promise<void> {
    this.#requireOpen();
    this.#layout.fromStateDict(tensors, this.#model.parameters);
    this.#model.parametersChanged();
  }

  /**
   * Computes the logits of a batch, without dropout.
   *
   * @param batch sequences [B, T, I], padded
   * @param options.states also return outputs, final hidden states and final cell states. Default false.
   * @returns logits [B, K], whose softmax is the probabilities; with `states` also the fields of States
   * @throws UserError when sizes do not fit, stating both
   */
  async forward(
    batch: Batch,
    options: { states?: boolean } = {},
  ): Promise<{ logits: Float32Array } & Partial<States>> {
    const states = options.states ?? false;
    return this.#model.forward(this.#check(batch), states, (pass) => {
      const logits = unsort(pass.logits, pass.order);
      return states ? { logits, ...this.#states(pass, batch) } : { logits };
    });
  }

  /**
   * Computes loss and gradients of a batch.
   *
   * @param batch sequences [B, T, I], padded, and labels [B]
   * @param options label smoothing, weights of classes, dropout, the gradient of the inputs
   * @returns the mean loss, logits [B, K], gradients in the parameters' shapes
   * @throws UserError when sizes do not fit, or a label or an option is out of range
   */
  async gradients(batch: LabelledBatch, options: GradientOptions = {}): Promise<Gradients> {
    const padded = this.#check(batch);
    const { batchSize: B, steps: T, labels } = batch;
    const { inputSize, numClasses: K } = this.config;
    requireNumbers('gradients: labels', labels);
    requireOptions('gradients', options, GRADIENT_NAMES);
    const { labelSmoothing = 0, inputGradient = false, dropoutSeed = null } = options;
    requireSmoothing('gradients', labelSmoothing);
    if (dropoutSeed !== null) requireSeed('gradients: dropoutSeed', dropoutSeed);
    labels.forEach((label, b) => {
      if (!(label >= 0 && label < K)) {
        throw new UserError(
          `gradients: label ${label} of sequence ${b} is not a class; there are ${K}, 0 to ${K - 1}`,
        );
      }
    });
    const classWeights = options.classWeights ? requireWeights('gradients', options.classWeights, K) : null;
    const weight = sumWeights(labels.slice(0, B), classWeights);
    if (weight === 0) {
      throw new UserError(
        `gradients: all ${B} sequences are of classes with weight 0, so they have no mean loss; leave such batches out`,
      );
    }
    const passOptions = { labelSmoothing, classWeights, weight, inputGradient, dropoutSeed };
    return this.#model.gradients(padded, passOptions, (pass) => {
      const { losses, logits, gradients, dInputs, order } = pass;
      return {
        loss: losses.reduce((sum, loss) => sum + loss, 0) / weight,
        logits: unsort(logits, order),
        gradients: this.#layout.toStateDict(gradients),
        ...(dInputs && { inputGradient: unpack(dInputs, inputSize, pass, T) }),
      };
    });
  }

  /**
   * Makes a stepper, which reads a sequence step by step with this model's parameters.
   *
   * @throws UserError for a bidirectional model, for the head 'flatten', for a precision other than float32, and on a
   *   GPU, which is slower at single steps
   */
  stepper(): SequenceStepper {
    this.#requireOpen();
    return this.#model.stepper();
  }

  /** Frees the classifier's memory, as `using` does; the backend stays open. Afterwards its steppers do not work. */
  close(): void {
    this.#closed = true;
    this.#model.close();
    if (this.#closeBackend) this.#backend.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #requireOpen(): void {
    if (this.#closed) throw new UserError('model: this classifier is closed; make another');
  }

  #check(batch: Batch & { labels?: Int32Array }): PaddedBatch {
    this.#requireOpen();
    const padded = { ...batch, inputSize: this.config.inputSize };
    checkPadded(padded);
    const { sequenceLength } = this.config;
    if (sequenceLength !== null && batch.steps > sequenceLength) {
      throw new UserError(
        `model: ${batch.steps} steps, but head 'flatten' was built for sequenceLength ${sequenceLength}`,
      );
    }
    return padded;
  }

  #states(pass: ForwardPass, { batchSize: B, steps: T }: Batch): States {
    const { hiddenSize: H, numLayers } = this.config;
    const D = directionsOf(this.config);
    const { order, lengths, layers } = pass;
    const hN = new Float32Array(numLayers * D * B * H);
    const cN = new Float32Array(numLayers * D * B * H);
    layers.forEach(({ outputs, cells }, layer) => {
      for (let direction = 0; direction < D; direction++) {
        order.forEach((sequence, b) => {
          // The forward direction ends at the last step, the reverse direction at step 0.
          const row = pass.rowOf(b, direction === 0 ? lengths[b] - 1 : 0);
          const target = ((layer * D + direction) * B + sequence) * H;
          const column = row * D * H + direction * H;
          hN.set(outputs.subarray(column, column + H), target);
          cN.set(cells[direction].subarray(row * H, (row + 1) * H), target);
        });
      }
    });
    const outputs = layers.map((layer) => unpack(layer.outputs, D * H, pass, T));
    return { outputs: outputs[numLayers - 1], layers: outputs, hN, cN };
  }
}

function requirePrecision(value: Precision): Precision {
  if (PRECISIONS.includes(value)) return value;
  throw new UserError(`model: precision must be one of ${PRECISIONS.join(', ')}, got ${shown(value)}`);
}

/** Sequences in the order of a pass back into the caller's. */
function unsort(values: Float32Array, order: Int32Array): Float32Array {
  const width = values.length / order.length;
  const result = new Float32Array(values.length);
  order.forEach((sequence, b) => {
    result.set(values.subarray(b * width, (b + 1) * width), sequence * width);
  });
  return result;
}

/** [rows, width] of a pass to [B, T, width] in the caller's order, zero past the end of a sequence. */
function unpack(
  values: Stored,
  width: number,
  { order, lengths, rowOf }: PassRows,
  steps: number,
): Float32Array {
  const result = new Float32Array(order.length * steps * width);
  order.forEach((sequence, b) => {
    for (let t = 0; t < lengths[b]; t++) {
      const row = rowOf(b, t);
      result.set(values.subarray(row * width, (row + 1) * width), (sequence * steps + t) * width);
    }
  });
  return result;
}
