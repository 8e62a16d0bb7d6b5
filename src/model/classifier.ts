/**
 * The public classifier. It takes padded batches and returns logits, losses and gradients in the caller's order, as
 * copies. Training uses the network beneath it directly.
 */
import { Allocations } from '../backends/allocations.js';
import type { Backend, Stored } from '../backends/backend.js';
import {
  type BatchBuffers,
  checkPadded,
  type PackedBatch,
  type PaddedBatch,
  packPadded,
} from '../data/batch.js';
import { deriveKey } from '../random.js';
import type { StateDict } from '../state-dict.js';
import { UserError } from '../user-error.js';
import {
  type ClassifierConfig,
  directionsOf,
  type ResolvedClassifierConfig,
  resolveClassifierConfig,
} from './classifier-config.js';
import { lastRowOf } from './head.js';
import { Network } from './network.js';
import { ParameterLayout } from './parameters.js';
import { SequenceStepper } from './stepper.js';
import { openWorkspace, type Workspace, workspaceSize } from './workspace.js';

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
  /** Also compute the gradient of the inputs. Default false. */
  inputGradient?: boolean;
  /** Seed of dropout, at the rates of the configuration. Default: no dropout. */
  dropoutSeed?: number;
}

/** What `SequenceClassifier.gradients` computes. */
export interface Gradients {
  /** Mean cross-entropy. */
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
  /** `close()` also closes the backend. Default false. */
  closeBackend?: boolean;
}

interface Buffers extends BatchBuffers {
  /** Owns them all. */
  memory: Allocations;
  workspace: Workspace;
}

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
  readonly #backend: Backend;
  readonly #closeBackend: boolean;
  readonly #layout: ParameterLayout;
  readonly #parameters: Float32Array;
  readonly #gradients: Float32Array;
  readonly #network: Network;
  /** The buffers that live as long as the classifier. */
  readonly #memory: Allocations;
  #buffers: Buffers | null = null;
  #closed = false;

  /**
   * @param config sizes, and the head
   * @param backend computes; it stays the caller's, and must stay open
   * @param options initial parameters
   * @throws UserError for a setting that is out of range, and for initial parameters that do not fit
   */
  constructor(config: ClassifierConfig, backend: Backend, options: ClassifierOptions = {}) {
    this.config = resolveClassifierConfig(config);
    this.#backend = backend;
    this.#closeBackend = options.closeBackend ?? false;
    this.#layout = new ParameterLayout(this.config);
    this.parameterCount = this.#layout.length;
    if (options.parameters) this.#layout.check(options.parameters);
    const memory = new Allocations(backend);
    this.#memory = memory;
    const { length } = this.#layout;
    const vectors = memory.orRelease(() => ({
      parameters: memory.floats(length),
      gradients: memory.floats(length),
      panels: memory.floats(Network.panelsLength(this.config, backend)),
    }));
    this.#parameters = vectors.parameters;
    this.#gradients = vectors.gradients;
    this.#network = new Network(this.config, this.#layout, backend, this.#parameters, vectors.panels);
    if (options.parameters) this.#layout.fromStateDict(options.parameters, this.#parameters);
    else this.#layout.initialize(this.config, this.#parameters, options.seed ?? 0);
  }

  /** Copies all parameters, under PyTorch's names and in PyTorch's shapes. */
  async stateDict(): Promise<StateDict> {
    this.#requireOpen();
    return this.#layout.toStateDict(this.#parameters);
  }

  /**
   * Replaces all parameters by copies of named tensors.
   *
   * @param tensors as `stateDict` gives them. Values may be NaN or infinite, as in PyTorch; only files are refused for it.
   * @throws UserError naming what is missing, unknown or of another shape; nothing is changed then
   */
  async loadStateDict(tensors: StateDict): Promise<void> {
    this.#requireOpen();
    this.#layout.fromStateDict(tensors, this.#parameters);
    this.#network.parametersChanged();
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
    const { packed, buffers } = this.#pack(batch, false);
    const logits = this.#unsort(this.#network.forward(packed, buffers.workspace, null), packed);
    return options.states ? { logits, ...this.#states(packed, batch) } : { logits };
  }

  /**
   * Computes loss and gradients of a batch.
   *
   * @param batch sequences [B, T, I], padded, and labels [B]
   * @param options label smoothing, dropout, the gradient of the inputs
   * @returns the mean loss, logits [B, K], gradients in the parameters' shapes
   * @throws UserError when sizes do not fit, or a label or an option is out of range
   */
  async gradients(batch: LabelledBatch, options: GradientOptions = {}): Promise<Gradients> {
    const { packed, buffers } = this.#pack(batch, true);
    const { batchSize: B } = batch;
    const K = this.config.numClasses;
    const labelSmoothing = options.labelSmoothing ?? 0;
    if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
      throw new UserError(`gradients: labelSmoothing must be in [0, 1), got ${labelSmoothing}`);
    }
    packed.labels.forEach((label, b) => {
      if (!(label >= 0 && label < K)) {
        throw new UserError(
          `gradients: label ${label} of sequence ${packed.order[b]} is not a class; there are ${K}, 0 to ${K - 1}`,
        );
      }
    });
    const lent = new Allocations(this.#backend);
    try {
      const { dropoutSeed } = options;
      const dropoutKeys = dropoutSeed === undefined ? null : dropoutKeysOf(dropoutSeed, packed, lent);
      const logits = this.#network.forward(packed, buffers.workspace, { dropoutKeys });
      const losses = lent.floats(B);
      const dLogits = lent.floats(B * K);
      const dInputs = options.inputGradient ? lent.floats(packed.inputs.length) : null;
      this.#backend.crossEntropy({
        rows: B,
        classes: K,
        logits,
        labels: packed.labels,
        labelSmoothing,
        losses,
        dLogits,
        gradientScale: 1 / B,
      });
      this.#backend.clear(this.#gradients, this.#gradients.length);
      this.#network.backward(dLogits, this.#gradients, dInputs);
      const result: Gradients = {
        loss: losses.reduce((sum, loss) => sum + loss, 0) / B,
        logits: this.#unsort(logits, packed),
        gradients: this.#layout.toStateDict(this.#gradients),
      };
      if (dInputs) result.inputGradient = unpack(dInputs, this.config.inputSize, packed, batch.steps);
      return result;
    } finally {
      lent.close();
    }
  }

  /**
   * Makes a stepper, which reads a sequence step by step with this model's parameters.
   *
   * @throws UserError for a bidirectional model, and for the head 'flatten'
   */
  stepper(): SequenceStepper {
    this.#requireOpen();
    return new SequenceStepper({
      config: this.config,
      backend: this.#backend,
      panels: () => {
        this.#requireOpen();
        return this.#network.forwardPanels();
      },
      weight: this.#layout.view(this.#parameters, 'fc.weight'),
      bias: this.#layout.view(this.#parameters, 'fc.bias'),
    });
  }

  /** Frees the classifier's memory, as `using` does; the backend stays open. Afterwards its steppers do not work. */
  close(): void {
    this.#closed = true;
    this.#buffers?.memory.close();
    this.#buffers = null;
    this.#memory.close();
    if (this.#closeBackend) this.#backend.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #requireOpen(): void {
    if (this.#closed) throw new UserError('model: this classifier is closed; make another');
  }

  #pack(
    batch: Batch & { labels?: Int32Array },
    training: boolean,
  ): { packed: PackedBatch; buffers: Buffers } {
    this.#requireOpen();
    const padded: PaddedBatch = { ...batch, inputSize: this.config.inputSize };
    checkPadded(padded);
    const { sequenceLength } = this.config;
    if (sequenceLength !== null && batch.steps > sequenceLength) {
      throw new UserError(
        `model: ${batch.steps} steps, but head 'flatten' was built for sequenceLength ${sequenceLength}`,
      );
    }
    const buffers = this.#reserve(batch.batchSize, batch.steps, training);
    return { packed: packPadded(padded, buffers), buffers };
  }

  /** Buffers for a batch of this size: those at hand, if they are large enough. */
  #reserve(batchSize: number, steps: number, training: boolean): Buffers {
    const buffers = this.#buffers;
    const have = buffers?.workspace.capacity;
    if (
      buffers &&
      have &&
      have.batchSize >= batchSize &&
      have.steps >= steps &&
      (have.training || !training)
    ) {
      return buffers;
    }
    this.#buffers?.memory.close();
    this.#buffers = null;
    let B = Math.max(batchSize, have?.batchSize ?? 0);
    let T = Math.max(steps, have?.steps ?? 0);
    // Many short sequences and then one long one must not reserve many long ones.
    if (B * T > 2 * Math.max(batchSize * steps, have?.rows ?? 0)) [B, T] = [batchSize, steps];
    const rows = B * T;
    const capacity = { batchSize: B, steps: T, rows, training: training || (have?.training ?? false) };
    const backend = this.#backend;
    const plan = { config: this.config, backend, precision: 'float32', capacity } as const;
    const size = workspaceSize(plan);
    const memory = new Allocations(backend);
    this.#buffers = memory.orRelease(() => ({
      memory,
      workspace: openWorkspace(plan, { floats: memory.floats(size.floats), ints: memory.ints(size.ints) }),
      inputs: memory.floats(rows * this.config.inputSize),
      batchSizes: memory.ints(T),
      rowStarts: memory.ints(T),
      labels: memory.ints(B),
      order: memory.ints(B),
    }));
    return this.#buffers;
  }

  /** Rows of packed order back into the caller's. */
  #unsort(rows: Float32Array, packed: PackedBatch): Float32Array {
    const width = rows.length / packed.batchSize;
    const result = new Float32Array(rows.length);
    packed.order.forEach((sequence, b) => {
      result.set(rows.subarray(b * width, (b + 1) * width), sequence * width);
    });
    return result;
  }

  #states(packed: PackedBatch, batch: Batch): States {
    const { hiddenSize: H, numLayers } = this.config;
    const D = directionsOf(this.config);
    const B = packed.batchSize;
    const layers = this.#network.states();
    const hN = new Float32Array(numLayers * D * B * H);
    const cN = new Float32Array(numLayers * D * B * H);
    const lastRows = lastRowOf(packed.batchSizes, B);
    for (let layer = 0; layer < numLayers; layer++) {
      for (let direction = 0; direction < D; direction++) {
        packed.order.forEach((sequence, b) => {
          const row = direction === 0 ? lastRows[b] : b;
          const target = ((layer * D + direction) * B + sequence) * H;
          const column = row * D * H + direction * H;
          hN.set(layers[layer].outputs.subarray(column, column + H), target);
          cN.set(layers[layer].cells[direction].subarray(row * H, (row + 1) * H), target);
        });
      }
    }
    const outputs = layers.map((layer) => unpack(layer.outputs, D * H, packed, batch.steps));
    return { outputs: outputs[numLayers - 1], layers: outputs, hN, cN };
  }
}

/** [B, 2] the key of each packed sequence's dropout. */
function dropoutKeysOf(seed: number, packed: PackedBatch, memory: Allocations): Int32Array {
  const keys = memory.ints(2 * packed.batchSize);
  packed.order.forEach((sequence, b) => {
    keys.set(deriveKey(seed, sequence), 2 * b);
  });
  return keys;
}

/** [N, width] in packed order to [B, T, width] in the caller's, zero past the end of a sequence. */
function unpack(rows: Stored, width: number, packed: PackedBatch, steps: number): Float32Array {
  const result = new Float32Array(packed.batchSize * steps * width);
  let row = 0;
  packed.batchSizes.forEach((running, t) => {
    for (let b = 0; b < running; b++, row++) {
      result.set(rows.subarray(row * width, (row + 1) * width), (packed.order[b] * steps + t) * width);
    }
  });
  return result;
}
