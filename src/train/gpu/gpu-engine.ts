/**
 * The engine on a GPU: parameters, optimiser and examples are in its memory; this side gives commands, a few dozen
 * milliseconds of work ahead, and reads losses and answers. The other engine is team/team.ts.
 */

import type { DeviceBackend } from '../../backends/backend.js';
import { DeviceOutOfMemory, type GpuDevice } from '../../backends/webgpu/device.js';
import type { Slice } from '../../backends/webgpu/kernel.js';
import { deviceOf } from '../../backends/webgpu/webgpu.js';
import type { Augmentation } from '../../data/augmentation.js';
import type { Part, PartsData } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { ParameterLayout } from '../../model/parameters.js';
import type { Precision } from '../../model/workspace.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { Answers, BatchResults, Engine, EpochPlan, ModelState, UpdateSettings } from '../engine.js';
import { optimizerStateNames, withPrefix } from '../optimizer.js';
import { GpuAnswers } from './answers.js';
import { DeviceExamples } from './data/device-examples.js';
import type { StartReader } from './data/sequence-reader.js';
import { fitEvaluation, fitTraining, requireVectors } from './room.js';
import { GpuTraining } from './training.js';

export interface GpuEngineOptions {
  /** Stays the caller's, who closes it after the engine. */
  backend: DeviceBackend;
  model: ResolvedClassifierConfig;
  /** Default float32. */
  precision?: Precision;
  parts: PartsData;
  /** Null: the engine only evaluates. Else it starts with the initial parameters of `seed`, and needs part `train`. */
  training: (UpdateSettings & { augmentation: Augmentation }) | null;
  /** Bytes for the passes of a batch, at most, if the smallest passes do not need more. Default: 2 GiB. */
  memory?: number;
  /** Reads sequences that stay on the host, such as varied strokes. Default: the calling thread. */
  startReader?: StartReader;
}

/**
 * Opens the engine: uploads the examples, lays out memory and compiles the kernels.
 * @throws UserError if the GPU has too little memory
 */
export async function openGpuEngine(options: GpuEngineOptions): Promise<Engine> {
  const engine = new GpuEngine(options);
  try {
    await engine.open();
    return engine;
  } catch (error) {
    await engine.close();
    if (!(error instanceof DeviceOutOfMemory)) throw error;
    throw new UserError(`${error.message}; close other programs, or use a smaller network or batch`, {
      settings: ['hiddenSize', 'batchSize'],
    });
  }
}

const DEFAULT_MEMORY = 2 ** 31;

class GpuEngine implements Engine {
  readonly description: string;
  readonly backend: { readonly name: string; readonly description: string };
  /** The thread that gives commands. */
  readonly threads = 1;
  readonly #options: GpuEngineOptions;
  readonly #device: GpuDevice;
  readonly #layout: ParameterLayout;
  readonly #examples: DeviceExamples;
  /** [P] */
  readonly #parameters: Slice;
  readonly #vectorNames: readonly string[];
  /** [V, P] in the order of their names; null: none. */
  readonly #vectors: Slice | null;
  #training: GpuTraining | null = null;
  /** Opened by the first evaluation. */
  #answers: GpuAnswers | null = null;
  #busy = false;
  #closed = false;

  constructor(options: GpuEngineOptions) {
    const { backend, model, training } = options;
    this.#options = options;
    this.backend = { name: backend.name, description: backend.description };
    this.description = `${backend.name} (${backend.description})`;
    this.#device = deviceOf(backend);
    this.#layout = new ParameterLayout(model);
    this.#vectorNames = training ? optimizerStateNames(training.optimizer) : [];
    const P = this.#layout.length;
    requireVectors(this.#device, P, this.#vectorNames.length);
    this.#examples = new DeviceExamples(this.#device);
    this.#parameters = this.#device.allocate(P);
    this.#vectors = this.#vectorNames.length > 0 ? this.#device.allocate(this.#vectorNames.length * P) : null;
  }

  /** For `openGpuEngine`. */
  async open(): Promise<void> {
    const { model, training, memory = DEFAULT_MEMORY, startReader } = this.#options;
    await this.#device.check();
    if (!training) return;
    const initial = new Float32Array(this.#layout.length);
    this.#layout.initialize(model, initial, training.seed);
    this.#device.write(this.#parameters, initial);
    const fitted = await fitTraining(this.#device, this.#options, training, this.#layout, memory);
    const options = { ...fitted, startReader };
    this.#training = await GpuTraining.open(this.#device, this.#examples, this.#trained, options);
  }

  get #trained() {
    return { layout: this.#layout, parameters: this.#parameters, vectors: this.#vectors };
  }

  async load({ parameters, optimizer }: ModelState): Promise<void> {
    this.#begin();
    try {
      const P = this.#layout.length;
      const values = new Float32Array(P);
      const vectors = new Float32Array(this.#vectorNames.length * P);
      this.#vectorNames.forEach((name, v) => {
        const tensors = optimizer.size > 0 ? withPrefix(optimizer, name) : null;
        if (!tensors) return;
        this.#layout.check(tensors, `the optimiser's ${name}`);
        this.#layout.fromStateDict(tensors, vectors.subarray(v * P, (v + 1) * P));
      });
      this.#layout.fromStateDict(parameters, values);
      this.#device.write(this.#parameters, values);
      if (this.#vectors) this.#device.write(this.#vectors, vectors);
    } finally {
      this.#busy = false;
    }
  }

  async save(): Promise<ModelState> {
    this.#begin();
    try {
      const P = this.#layout.length;
      const slices = this.#vectors ? [this.#parameters, this.#vectors] : [this.#parameters];
      const [parameters, vectors] = (await this.#device.read(...slices)).map(
        (bytes) => new Float32Array(bytes),
      );
      const optimizer: StateDict = new Map();
      this.#vectorNames.forEach((name, v) => {
        const vector = vectors.subarray(v * P, (v + 1) * P);
        for (const [tensor, value] of this.#layout.toStateDict(vector))
          optimizer.set(`${name}.${tensor}`, value);
      });
      return { parameters: this.#layout.toStateDict(parameters), optimizer };
    } finally {
      this.#busy = false;
    }
  }

  async *train(plan: EpochPlan, stop: AbortSignal): AsyncGenerator<BatchResults> {
    if (!this.#training) throw new Error('train: this engine was opened for evaluation only');
    this.#begin();
    try {
      yield* this.#training.train(plan, stop);
    } finally {
      this.#busy = false;
    }
  }

  async *evaluate(part: Part, indices: Int32Array, stop: AbortSignal): AsyncGenerator<Answers> {
    this.#begin();
    try {
      this.#answers ??= await this.#openAnswers();
      yield* this.#answers.evaluate(part, indices, stop);
    } finally {
      this.#busy = false;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#training?.close();
    await this.#answers?.close();
    this.#examples.close();
    this.#device.release(this.#parameters);
    if (this.#vectors) this.#device.release(this.#vectors);
  }

  async #openAnswers(): Promise<GpuAnswers> {
    const { model, parts, memory = DEFAULT_MEMORY } = this.#options;
    const capacity = await fitEvaluation(this.#device, model, parts, this.#layout, memory);
    return new GpuAnswers(this.#device, this.#examples, parts, model, capacity, this.#trained);
  }

  #begin(): void {
    if (this.#closed) throw new Error('train: the engine is closed');
    if (this.#busy)
      throw new Error('train: the engine carries out one call at a time; wait for the one before');
    this.#busy = true;
  }
}
