/**
 * A team of worker threads that trains one model on shared memory. This is its front in the main thread, which only
 * allocates, gives commands and watches: it never computes and never blocks.
 */
import type { Backend } from '../../backends/backend.js';
import { type Augmentation, isAugmenting } from '../../data/augmentation.js';
import { openAugmented, openSequences, type PartsData } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { Network } from '../../model/network.js';
import { ParameterLayout } from '../../model/parameters.js';
import { type Precision, workspaceSize } from '../../model/workspace.js';
import { sharedBytes } from '../../shared-memory.js';
import { optimizerStateNames, type ResolvedOptimizer } from '../optimizer.js';
import { Control } from './control.js';
import {
  CHUNK,
  type Command,
  type EvaluateCommand,
  PASS,
  passCapacity,
  shardCount,
  shardSizeFor,
  type TeamMember,
  type TrainCommand,
} from './team-protocol.js';
import type { StartThread, Thread } from './threads.js';

export interface TeamOptions {
  backend: Backend;
  /** At most this many. */
  threads: number;
  startThread: StartThread;
  model: ResolvedClassifierConfig;
  /** Default float32. */
  precision?: Precision;
  data: PartsData;
  augmentation: Augmentation;
  /** Sequences whose gradients make one update. */
  batchSize: number;
  /** Of dropout and augmentation. */
  seed: number;
  optimizer: ResolvedOptimizer;
  maxNorm: number | null;
  labelSmoothing: number;
}

/** Steps of progress that an evaluation makes. */
export function evaluationSteps(sequences: number): number {
  return shardCount(sequences, PASS);
}

export class Team {
  readonly model: ResolvedClassifierConfig;
  readonly layout: ParameterLayout;
  /** [P] flat; may be read and written between commands. */
  readonly parameters: Float32Array;
  /** The optimiser's vectors [P] by name; likewise. */
  readonly optimizerState: ReadonlyMap<string, Float32Array>;
  readonly threads: number;
  readonly #trainThreads: number;
  readonly #control = new Control();
  readonly #workers: Thread[];
  readonly #batchSize: number;

  constructor(options: TeamOptions) {
    const { backend, model, batchSize, data, precision = 'float32' } = options;
    this.model = model;
    this.layout = new ParameterLayout(model);
    this.#batchSize = batchSize;
    const P = this.layout.length;
    const shardSize = shardSizeFor(batchSize);
    this.parameters = backend.allocate(P);
    const names = optimizerStateNames(options.optimizer);
    this.optimizerState = new Map(names.map((name) => [name, backend.allocate(P)]));
    const shared: Omit<TeamMember, 'index' | 'own'> = {
      model,
      precision,
      data,
      augmentation: options.augmentation,
      shardSize,
      seed: options.seed,
      optimizer: options.optimizer,
      maxNorm: options.maxNorm,
      labelSmoothing: options.labelSmoothing,
      control: this.#control.words,
      sums: new Float64Array(sharedBytes(16)),
      partialNorms: new Float64Array(sharedBytes(8 * Math.ceil(P / CHUNK))),
      parameters: this.parameters,
      packed: backend.allocate(Network.packedLength(model, backend, precision)),
      total: backend.allocate(P),
      optimizerState: [...this.optimizerState.values()],
    };
    const steps = longest(options);
    this.threads = options.threads;
    this.#trainThreads = Math.min(this.threads, shardCount(batchSize, shardSize));
    this.#workers = Array.from({ length: this.threads }, (_, index) => {
      const own = allocateOwn(backend, model, precision, steps, P);
      return options.startThread({ ...shared, index, own }, backend);
    });
  }

  /** Steps done of the command under way. */
  get progress(): number {
    return this.#control.progress;
  }

  /** The command under way ends after the step that is being computed. */
  stop(): void {
    this.#control.stop();
  }

  /**
   * Runs steps of an epoch. Fills in `losses` and `correct`; a loss that is not finite ends it, before that step's
   * update.
   * @returns steps done
   */
  async train(command: Omit<TrainCommand, 'type' | 'threads' | 'batchSize'>): Promise<number> {
    const threads = this.#trainThreads;
    await this.#run({ ...command, type: 'train', threads, batchSize: this.#batchSize }, threads);
    return this.progress;
  }

  /** Logits and losses of sequences, without dropout. */
  async evaluate(command: Omit<EvaluateCommand, 'type' | 'threads'>): Promise<void> {
    const threads = Math.min(this.threads, evaluationSteps(command.indices.length));
    await this.#run({ ...command, type: 'evaluate', threads }, threads);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  /** Resolves when all threads have carried the command out; rejects, once all have ended it, if one failed. */
  async #run(command: Command, threads: number): Promise<void> {
    this.#control.reset();
    const replies = this.#workers.slice(0, threads).map((worker) =>
      worker.run(command).catch((error) => {
        this.#control.fail();
        throw error;
      }),
    );
    const results = await Promise.allSettled(replies);
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as Error] : [],
    );
    const cause = failures.find((failure) => failure.message !== 'another thread failed') ?? failures[0];
    if (cause) throw cause;
  }
}

/** Steps of the longest sequence that there can be. */
function longest({ data, augmentation, seed }: TeamOptions): number {
  const sources = Object.values(data).map(openSequences);
  const augmented = isAugmenting(augmentation) ? [openAugmented(data.train, augmentation, seed)] : [];
  return Math.max(...[...sources, ...augmented].map(({ maxSteps }) => maxSteps));
}

function allocateOwn(
  backend: Backend,
  model: ResolvedClassifierConfig,
  precision: Precision,
  steps: number,
  parameters: number,
): TeamMember['own'] {
  const B = PASS;
  const sizes = [true, false].map((training) =>
    workspaceSize({ config: model, backend, precision, capacity: passCapacity(steps, training) }),
  );
  return {
    gradients: backend.allocate(parameters),
    workspace: {
      floats: backend.allocate(Math.max(...sizes.map((size) => size.floats))),
      ints: backend.allocateInts(Math.max(...sizes.map((size) => size.ints))),
    },
    buffers: {
      inputs: backend.allocate(B * steps * model.inputSize),
      batchSizes: backend.allocateInts(steps),
      rowStarts: backend.allocateInts(steps),
      labels: backend.allocateInts(B),
      order: backend.allocateInts(B),
    },
    losses: backend.allocate(B),
    dLogits: backend.allocate(B * model.numClasses),
    dropoutKeys: backend.allocateInts(2 * B),
  };
}
