/** A classifier's parameters and passes in the memory of a backend. */
import { Allocations } from '../backends/allocations.js';
import type { Backend, Precision } from '../backends/backend.js';
import {
  type BatchBuffers,
  type PackedBatch,
  type PaddedBatch,
  packPadded,
} from '../data/sequences/batch.js';
import { UserError } from '../user-error.js';
import type { ResolvedClassifierConfig } from './classifier-config.js';
import { sequenceLengths } from './head.js';
import {
  dropoutKeys,
  type ForwardPass,
  type GradientPass,
  type Model,
  type PassOptions,
  type PassRows,
} from './model.js';
import { Network } from './network.js';
import type { ParameterLayout } from './parameters.js';
import { SequenceStepper } from './stepper.js';
import { openWorkspace, type PassPrecisions, type Workspace, workspaceSize } from './workspace.js';

interface Buffers extends BatchBuffers {
  /** Owns them all. */
  memory: Allocations;
  workspace: Workspace;
}

export class HostModel implements Model {
  readonly parameters: Float32Array;
  readonly #config: ResolvedClassifierConfig;
  readonly #backend: Backend;
  readonly #layout: ParameterLayout;
  readonly #gradients: Float32Array;
  readonly #network: Network;
  readonly #precisions: Required<PassPrecisions>;
  /** The buffers that live as long as the model. */
  readonly #memory: Allocations;
  /** Of passes in each precision. */
  readonly #buffers = new Map<Precision, Buffers>();
  #closed = false;

  /** @param inference precision of passes that give only logits; all others are float32 */
  constructor(
    config: ResolvedClassifierConfig,
    layout: ParameterLayout,
    backend: Backend,
    inference: Precision,
  ) {
    this.#config = config;
    this.#backend = backend;
    this.#layout = layout;
    this.#precisions = { precision: 'float32', inference };
    const memory = new Allocations(backend);
    this.#memory = memory;
    const vectors = memory.orRelease(() => ({
      parameters: memory.floats(layout.length),
      gradients: memory.floats(layout.length),
      panels: memory.floats(Network.panelsLength(config, backend, this.#precisions)),
    }));
    this.parameters = vectors.parameters;
    this.#gradients = vectors.gradients;
    const { parameters, panels } = vectors;
    this.#network = new Network(config, layout, backend, parameters, panels, this.#precisions);
  }

  parametersChanged(): void {
    this.#network.parametersChanged();
  }

  async forward<R>(batch: PaddedBatch, states: boolean, use: (pass: ForwardPass) => R): Promise<R> {
    const inFloats = states && this.#precisions.inference !== 'float32';
    const { packed, workspace } = this.#pack(batch, inFloats);
    const logits = this.#network.forward(packed, workspace, inFloats ? { dropoutKeys: null } : null);
    return use({ ...rowsOf(packed), logits, layers: states ? this.#network.states() : [] });
  }

  async gradients<R>(batch: PaddedBatch, options: PassOptions, use: (pass: GradientPass) => R): Promise<R> {
    const { packed, workspace } = this.#pack(batch, true);
    const { batchSize: B, order, labels } = packed;
    const K = this.#config.numClasses;
    const { labelSmoothing, weight, dropoutSeed } = options;
    const lent = new Allocations(this.#backend);
    try {
      const keys = dropoutSeed === null ? null : dropoutKeys(dropoutSeed, order, lent.ints(2 * B));
      const logits = this.#network.forward(packed, workspace, { dropoutKeys: keys });
      const losses = lent.floats(B);
      const dLogits = lent.floats(B * K);
      const dInputs = options.inputGradient ? lent.floats(packed.inputs.length) : null;
      const classWeights = options.classWeights && lent.floats(K);
      if (options.classWeights) classWeights?.set(options.classWeights);
      this.#backend.crossEntropy({
        rows: B,
        classes: K,
        logits,
        labels,
        labelSmoothing,
        classWeights,
        losses,
        dLogits,
        gradientScale: 1 / weight,
      });
      this.#backend.clear(this.#gradients, this.#gradients.length);
      this.#network.backward(dLogits, this.#gradients, { dInputs });
      return use({ ...rowsOf(packed), logits, losses, gradients: this.#gradients, dInputs });
    } finally {
      lent.close();
    }
  }

  stepper(): SequenceStepper {
    const { inference } = this.#precisions;
    if (inference !== 'float32') {
      throw new UserError(`model: a stepper computes in float32; this model has precision ${inference}`);
    }
    return new SequenceStepper({
      config: this.#config,
      backend: this.#backend,
      panels: () => {
        if (this.#closed) throw new UserError('model: this classifier is closed; make another');
        return this.#network.forwardPanels();
      },
      weight: this.#layout.view(this.parameters, 'fc.weight'),
      bias: this.#layout.view(this.parameters, 'fc.bias'),
    });
  }

  close(): void {
    this.#closed = true;
    for (const { memory } of this.#buffers.values()) memory.close();
    this.#buffers.clear();
    this.#memory.close();
  }

  #pack(batch: PaddedBatch, training: boolean): { packed: PackedBatch; workspace: Workspace } {
    const buffers = this.#reserve(batch.batchSize, batch.steps, training);
    return { packed: packPadded(batch, buffers), workspace: buffers.workspace };
  }

  /** Buffers for a batch of this size: those at hand, if they are large enough. */
  #reserve(batchSize: number, steps: number, training: boolean): Buffers {
    const { precision, inference } = this.#precisions;
    const passes = training ? precision : inference;
    const buffers = this.#buffers.get(passes);
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
    buffers?.memory.close();
    this.#buffers.delete(passes);
    let B = Math.max(batchSize, have?.batchSize ?? 0);
    let T = Math.max(steps, have?.steps ?? 0);
    // Many short sequences and then one long one must not reserve many long ones.
    if (B * T > 2 * Math.max(batchSize * steps, have?.rows ?? 0)) [B, T] = [batchSize, steps];
    const rows = B * T;
    const capacity = { batchSize: B, steps: T, rows, training: training || (have?.training ?? false) };
    const backend = this.#backend;
    const plan = { config: this.#config, backend, precision: passes, inference: passes, capacity };
    const size = workspaceSize(plan);
    const memory = new Allocations(backend);
    const opened = memory.orRelease(() => ({
      memory,
      workspace: openWorkspace(plan, { floats: memory.floats(size.floats), ints: memory.ints(size.ints) }),
      inputs: memory.floats(rows * this.#config.inputSize),
      batchSizes: memory.ints(T),
      rowStarts: memory.ints(T),
      labels: memory.ints(B),
      order: memory.ints(B),
    }));
    this.#buffers.set(passes, opened);
    return opened;
  }
}

function rowsOf({ order, batchSizes, batchSize, rowStarts }: PackedBatch): PassRows {
  return {
    order,
    lengths: sequenceLengths(batchSizes, batchSize),
    rowOf: (b, t) => rowStarts[t] + b,
  };
}
