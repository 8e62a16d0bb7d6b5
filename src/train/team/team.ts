/**
 * The engine on host memory: a team of worker threads that trains one model on shared buffers. This is its front in
 * the main thread, which allocates, gives commands and watches; the worker threads compute (member.ts).
 */
import { Allocations } from '../../backends/allocations.js';
import type { Backend } from '../../backends/backend.js';
import { type Augmentation, isAugmenting } from '../../data/augmentation.js';
import { openReadAhead } from '../../data/sequences/read-ahead.js';
import { openAugmented, openSequences, type Part, type PartsData } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { Network } from '../../model/network.js';
import { ParameterLayout } from '../../model/parameters.js';
import { type Precision, workspaceSize } from '../../model/workspace.js';
import { sharedBytes, shareInts } from '../../shared-memory.js';
import type { StateDict } from '../../state-dict.js';
import {
  type Answers,
  type BatchResults,
  Diverged,
  type Engine,
  type EpochPlan,
  type ModelState,
  type UpdateSettings,
} from '../engine.js';
import { lossScaleRows, readLossScale } from '../loss-scale.js';
import { optimizerStateNames, withPrefix } from '../optimizer.js';
import { watch } from '../watch.js';
import { type BatchPlan, planBatch, sumsOfOthers } from './batch-plan.js';
import { Control } from './control.js';
import { LINK, openLink } from './exchange.js';
import type { Link, Rank, RankMember } from './rank-member.js';
import { rangeOf } from './shares.js';
import {
  type EvaluateCommand,
  PASS_SIZE,
  passCapacity,
  passCount,
  passPrecisions,
  SLICE_LENGTH,
  type TeamMember,
  type TrainCommand,
  type TrainingMember,
} from './team-protocol.js';
import { ThreadGroup } from './threads/thread-group.js';
import type { StartThread, Thread } from './threads/threads.js';
import { usefulThreads } from './units.js';

export interface TeamOptions {
  /** Stays the caller's, who closes it after the team. */
  backend: Backend;
  /** At most this many. */
  threads: number;
  startThread: StartThread;
  model: ResolvedClassifierConfig;
  /** Of the training, or of the answers of a team that only evaluates; default float32. */
  precision?: Precision;
  parts: PartsData;
  /** Null: the team only evaluates. Else it starts with the initial parameters of `seed`, and needs part `train`. */
  training: (UpdateSettings & { augmentation: Augmentation }) | null;
  /** The ranks of an MPI job, of which this process is one, and which train together; default: it trains alone. */
  ranks?: RankGroup | null;
}

/** The ranks of an MPI job, as a team sees them. */
export interface RankGroup extends Rank {
  /** Moves the bytes of exchanges until `link` is closed. Rejects with the reason why one failed. */
  serve(link: Link): Promise<void>;
}

/**
 * Starts a team.
 * @throws what keeps a thread from starting, when all threads have ended
 */
export async function openTeam(options: TeamOptions): Promise<Team> {
  let team: Team | null = null;
  try {
    team = new Team(options);
    await team.ready;
    return team;
  } catch (error) {
    await team?.close();
    throw error;
  }
}

export class Team implements Engine {
  readonly description: string;
  readonly backend: { readonly name: string; readonly description: string };
  readonly threads: number;
  readonly ready: Promise<void>;
  readonly #options: TeamOptions;
  readonly #memory: Allocations;
  readonly #layout: ParameterLayout;
  /** [P] */
  readonly #parameters: Float32Array;
  /** The optimiser's vectors [P] by name. */
  readonly #optimizerState: ReadonlyMap<string, Float32Array>;
  readonly #control = new Control();
  readonly #group: ThreadGroup;
  /** In an MPI job. */
  #ranks: RankMember | null = null;
  #busy = false;

  /** For `openTeam`. */
  constructor(options: TeamOptions) {
    const { backend, threads, model, training } = options;
    this.backend = { name: backend.name, description: backend.description };
    this.description = `${backend.name} (${backend.description}), ${threads} thread${threads === 1 ? '' : 's'}`;
    this.threads = threads;
    this.#options = options;
    this.#layout = new ParameterLayout(model);
    const P = this.#layout.length;
    this.#memory = new Allocations(backend);
    const names = training ? optimizerStateNames(training.optimizer) : [];
    const [parameters, optimizerState] = this.#memory.orRelease(() => [
      this.#memory.floats(P),
      new Map(names.map((name) => [name, this.#memory.floats(P)])),
    ]);
    this.#parameters = parameters;
    this.#optimizerState = optimizerState;
    if (training) this.#layout.initialize(model, parameters, training.seed);
    const members = this.#memory.orRelease(() => this.#members(longestSteps(options)));
    this.#group = new ThreadGroup(
      this.#memory.orRelease(() => startAll(members, options)),
      this.#control,
    );
    this.ready = this.#group.ready;
  }

  async load({ parameters, optimizer }: ModelState): Promise<void> {
    this.#begin();
    try {
      const vectors = [...this.#optimizerState].map(([name, vector]) => {
        const tensors = optimizer.size > 0 ? withPrefix(optimizer, name) : null;
        if (tensors) this.#layout.check(tensors, `the optimiser's ${name}`);
        return { tensors, vector };
      });
      this.#layout.fromStateDict(parameters, this.#parameters);
      for (const { tensors, vector } of vectors) {
        if (tensors) this.#layout.fromStateDict(tensors, vector);
        else vector.fill(0);
      }
    } finally {
      this.#busy = false;
    }
  }

  async save(): Promise<ModelState> {
    this.#begin();
    try {
      const optimizer: StateDict = new Map();
      for (const [name, vector] of this.#optimizerState) {
        for (const [tensor, value] of this.#layout.toStateDict(vector))
          optimizer.set(`${name}.${tensor}`, value);
      }
      return { parameters: this.#layout.toStateDict(this.#parameters), optimizer };
    } finally {
      this.#busy = false;
    }
  }

  /** The shared vectors [P], for the ranks of an MPI job: parameters, then those of the optimiser. */
  get vectors(): Float32Array[] {
    return [this.#parameters, ...this.#optimizerState.values()];
  }

  async *train(plan: EpochPlan, stop: AbortSignal): AsyncGenerator<BatchResults> {
    const { training, threads, precision } = this.#options;
    if (!training) throw new Error('train: this team was opened for evaluation only');
    const { batchSize } = training;
    const batches = Math.ceil(plan.order.length / batchSize);
    const learningRates = new Float64Array(sharedBytes(8 * batches));
    learningRates.set(plan.learningRates);
    const command: TrainCommand = {
      type: 'train',
      threads: usefulThreads(batchSize, threads),
      epoch: plan.epoch,
      firstBatch: plan.firstBatch,
      endBatch: plan.endBatch,
      updatesBefore: plan.updatesBefore,
      lossScale: plan.lossScale,
      order: shareInts(plan.order),
      learningRates,
      losses: new Float64Array(sharedBytes(8 * batches)),
      correct: new Int32Array(sharedBytes(4 * batches)),
      lossScales: precision === 'float16' ? lossScaleRows(batches) : null,
      divergence: new Float64Array(sharedBytes(16)),
    };
    let first = plan.firstBatch;
    const ahead = this.#options.parts.train ? openReadAhead(this.#options.parts.train, plan.order) : null;
    ahead?.advance(first * batchSize);
    for await (const done of this.#runOnRanks(command, stop)) {
      const end = plan.firstBatch + done;
      ahead?.advance(end * batchSize);
      if (end === first) continue;
      yield {
        firstBatch: first,
        losses: command.losses.slice(first, end),
        correct: command.correct.slice(first, end),
        lossScale: command.lossScales && readLossScale(command.lossScales, end - 1),
      };
      first = end;
    }
    const [what, value] = command.divergence;
    if (what !== 0) throw new Diverged(first, what === 1 ? 'loss' : 'gradient', value);
  }

  async *evaluate(part: Part, indices: Int32Array, stop: AbortSignal): AsyncGenerator<Answers> {
    const K = this.#options.model.numClasses;
    const count = indices.length;
    const passes = passCount(count);
    const command: EvaluateCommand = {
      type: 'evaluate',
      threads: Math.min(this.threads, passes),
      part,
      indices: shareInts(indices),
      logits: new Float32Array(sharedBytes(4 * count * K)),
      losses: new Float32Array(sharedBytes(4 * count)),
      answered: new Int32Array(sharedBytes(4 * passes)),
    };
    const waiting = new Set(command.answered.keys());
    for await (const _ of this.#run(command, stop)) {
      for (const pass of waiting) {
        if (Atomics.load(command.answered, pass) === 0) continue;
        waiting.delete(pass);
        const first = pass * PASS_SIZE;
        const end = Math.min(count, first + PASS_SIZE);
        yield {
          first,
          logits: command.logits.slice(first * K, end * K),
          losses: command.losses.slice(first, end),
        };
      }
    }
  }

  async close(): Promise<void> {
    await this.#group.close();
    this.#memory.close();
  }

  /** Runs updates, in an MPI job together with the other ranks. @throws the reason why an exchange failed */
  async *#runOnRanks(command: TrainCommand, stop: AbortSignal): AsyncGenerator<number> {
    const { ranks } = this.#options;
    if (!ranks || !this.#ranks) return yield* this.#run(command, stop);
    const { link } = this.#ranks;
    link.words.fill(0);
    const served = ranks.serve(link);
    served.catch(() => {}); // Awaited below.
    try {
      yield* this.#run(command, stop);
    } catch (error) {
      // The thread that waited for the exchange only knows that it failed.
      if (Atomics.load(link.words, LINK.failed) === 1) await served;
      throw error;
    } finally {
      Atomics.store(link.words, LINK.closed, 1);
      Atomics.notify(link.words, LINK.asked);
    }
    await served;
  }

  /** Runs a command and yields its progress. If the caller ends the iteration, the command is stopped. */
  async *#run(command: TrainCommand | EvaluateCommand, stop: AbortSignal): AsyncGenerator<number> {
    this.#begin();
    const running = this.#group.run(command);
    running.catch(() => {}); // watch throws it.
    const stopThreads = () => this.#control.stop();
    stop.addEventListener('abort', stopThreads);
    if (stop.aborted) stopThreads();
    try {
      yield* watch(running, () => this.#control.progress);
    } finally {
      stop.removeEventListener('abort', stopThreads);
      stopThreads();
      await running.catch(() => {});
      this.#busy = false;
    }
  }

  #begin(): void {
    if (this.#busy)
      throw new Error('train: the engine carries out one call at a time; wait for the one before');
    this.#busy = true;
  }

  /** What an MPI job needs besides; null if this process trains alone. */
  #openRanks(training: Omit<TrainingMember, 'own'>, { shared }: BatchPlan): RankMember | null {
    const { ranks: group } = this.#options;
    if (!group || !shared) return null;
    const { rank, ranks } = group;
    const { begin, end } = rangeOf(rank, ranks, this.#layout.length);
    const floats = () => this.#memory.floats(Math.max(1, end - begin));
    const received = Array.from({ length: sumsOfOthers(shared, rank) }, floats);
    const stops = new Int32Array(sharedBytes(4 * ranks));
    const link = openLink(shared, { ...training, received, stops, parameters: this.#parameters });
    return { rank, ranks, link, received, stops };
  }

  /** What each thread works with. @param steps of the longest sequence */
  #members(steps: number): TeamMember[] {
    const { backend, model, precision = 'float32', parts, training, threads } = this.#options;
    const memory = this.#memory;
    const precisions = passPrecisions(precision, training !== null);
    const shared = {
      model,
      precisions,
      parts,
      control: this.#control.words,
      parameters: this.#parameters,
      panels: memory.floats(Network.panelsLength(model, backend, precisions)),
    };
    const P = this.#layout.length;
    const classWeights = training?.classWeights ? memory.floats(model.numClasses) : null;
    if (training?.classWeights) classWeights?.set(training.classWeights);
    const sharedTraining: Omit<TrainingMember, 'own'> | null = training && {
      settings: training,
      augmentation: training.augmentation,
      classWeights,
      batchLosses: new Float32Array(sharedBytes(4 * training.batchSize)),
      batchCorrect: new Uint8Array(sharedBytes(training.batchSize)),
      partialNorms: new Float64Array(sharedBytes(8 * Math.ceil(P / SLICE_LENGTH))),
      gradients: [],
      optimizerState: [...this.#optimizerState.values()],
      ranks: null,
    };
    if (sharedTraining) {
      const { batchSize } = sharedTraining.settings;
      const plan = planBatch(batchSize, { batchSize, threads, parameters: P }, this.#options.ranks ?? null);
      sharedTraining.gradients = Array.from({ length: plan.buffers }, () => memory.floats(P));
      sharedTraining.ranks = this.#openRanks(sharedTraining, plan);
      this.#ranks = sharedTraining.ranks;
    }
    const sizes = (training ? [true, false] : [false]).map((withBackward) =>
      workspaceSize({ config: model, backend, ...precisions, capacity: passCapacity(steps, withBackward) }),
    );
    const B = PASS_SIZE;
    return Array.from({ length: threads }, (_, index) => ({
      ...shared,
      index,
      own: {
        workspace: {
          floats: memory.floats(Math.max(...sizes.map((size) => size.floats))),
          ints: memory.ints(Math.max(...sizes.map((size) => size.ints))),
        },
        buffers: {
          inputs: memory.floats(B * steps * model.inputSize),
          batchSizes: memory.ints(steps),
          rowStarts: memory.ints(steps),
          labels: memory.ints(B),
          order: memory.ints(B),
        },
        losses: memory.floats(B),
      },
      training: sharedTraining && {
        ...sharedTraining,
        own: {
          dLogits: memory.floats(B * model.numClasses),
          dropoutKeys: memory.ints(2 * B),
          sumOf: memory.ints(B),
        },
      },
    }));
  }
}

/** Starts all threads, or none: if one cannot be started, those before it are ended. */
function startAll(members: readonly TeamMember[], { startThread, backend }: TeamOptions): Thread[] {
  const threads: Thread[] = [];
  try {
    for (const member of members) threads.push(startThread(member, backend));
    return threads;
  } catch (error) {
    for (const thread of threads) void thread.end();
    throw error;
  }
}

/** Steps of the longest sequence that there can be. */
export function longestSteps({ parts, training }: Pick<TeamOptions, 'parts' | 'training'>): number {
  const steps = Object.values(parts).map((data) => openSequences(data).maxSteps);
  if (training && parts.train && isAugmenting(training.augmentation)) {
    steps.push(openAugmented(parts.train, training.augmentation, training.seed).maxSteps);
  }
  return Math.max(...steps);
}
