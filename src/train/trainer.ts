/**
 * Trains a classifier on examples given as arrays, in Node.js and in a page: an epoch at a time, on a team of threads.
 * What is between epochs (validation, schedules, stopping early, saving) is the caller's.
 */
import type { Backend } from '../backends/backend.js';
import { shareArrays } from '../data/array-sequences.js';
import { NO_AUGMENTATION } from '../data/augmentation.js';
import { epochOrder, epochOrderByLength, firstIndices } from '../data/split.js';
import type { LabelledBatch } from '../model/classifier.js';
import { type ClassifierConfig, resolveClassifierConfig } from '../model/classifier-config.js';
import type { StateDict } from '../model/parameters.js';
import { sharedBytes, shareInts } from '../shared-memory.js';
import { UserError } from '../user-error.js';
import { type OptimizerConfig, resolveOptimizer } from './optimizer.js';
import { Team } from './team/team.js';
import type { StartThread } from './team/threads.js';

export interface TrainerOptions {
  /** Default: Adam with its defaults. */
  optimizer?: OptimizerConfig;
  /** Sequences that make one update. Default 32. */
  batchSize?: number;
  /** Of the initial parameters, the order of the examples and dropout. Default 0. */
  seed?: number;
  /** Gradients are clipped to this norm. Default: they are not. */
  maxNorm?: number;
  /** ε of the smoothed targets, 0 up to 1. Default 0. */
  labelSmoothing?: number;
  /** Default one a core. The result is the same with any number. */
  threads?: number;
}

export class Trainer {
  /** For people: what computes. */
  readonly description: string;
  readonly threads: number;
  readonly #backend: Backend;
  readonly #team: Team;
  readonly #lengths: Int32Array | null;
  readonly #seed: number;
  readonly #batchSize: number;
  readonly #lr: number;
  readonly #count: number;
  #epoch = 0;
  #updates = 0;

  /** Takes the backend over. Made by `openTrainer`, which says what it throws. */
  constructor(
    config: ClassifierConfig,
    examples: LabelledBatch,
    options: TrainerOptions & { threads: number; backend: Backend; startThread: StartThread },
  ) {
    const { backend, startThread, seed = 0, batchSize = 32, maxNorm = null, labelSmoothing = 0 } = options;
    const model = resolveClassifierConfig(config);
    const optimizer = resolveOptimizer(options.optimizer ?? { name: 'adam' });
    const threads = requireWhole('threads', options.threads);
    if (maxNorm !== null && !(maxNorm > 0))
      throw new UserError(`train: maxNorm must be above 0, got ${maxNorm}`);
    if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
      throw new UserError(`train: labelSmoothing must be from 0 up to, but not, 1, got ${labelSmoothing}`);
    }
    if (model.sequenceLength !== null && examples.steps > model.sequenceLength) {
      throw new UserError(
        `train: ${examples.steps} steps, but head 'flatten' was built for sequenceLength ${model.sequenceLength}`,
      );
    }
    const arrays = shareArrays({ ...examples, inputSize: model.inputSize }, model.numClasses);
    const data = { kind: 'arrays', ...arrays } as const;
    this.description = backend.description;
    this.threads = threads;
    this.#backend = backend;
    this.#lengths = examples.lengths ? arrays.lengths : null;
    this.#seed = seed;
    this.#batchSize = requireWhole('batchSize', batchSize);
    this.#lr = optimizer.lr;
    this.#count = examples.batchSize;
    this.#team = new Team({
      backend,
      threads,
      startThread,
      model,
      batchSize,
      seed,
      optimizer,
      maxNorm,
      labelSmoothing,
      data: { train: data, test: data },
      augmentation: NO_AUGMENTATION,
    });
    this.#team.layout.initialize(model, this.#team.parameters, seed);
  }

  /**
   * One pass over all examples, in an order of its own.
   * @param lr learning rate; by default the optimiser's
   * @returns mean loss and share of right answers, as the parameters changed
   * @throws UserError when the loss becomes infinite or NaN; the parameters are those before that step
   */
  async epoch(lr: number = this.#lr): Promise<{ loss: number; accuracy: number }> {
    const steps = Math.ceil(this.#count / this.#batchSize);
    const losses = new Float64Array(sharedBytes(8 * steps));
    const correct = new Int32Array(sharedBytes(4 * steps));
    const done = await this.#team.train({
      epoch: ++this.#epoch,
      firstStep: 0,
      steps,
      updatesBefore: this.#updates,
      losses,
      correct,
      order: shareInts(this.#order()),
      learningRates: new Float64Array(sharedBytes(8 * steps)).fill(lr),
    });
    this.#updates += done;
    if (done < steps) {
      throw new UserError(
        `train: the loss became ${losses[done]} in epoch ${this.#epoch}, step ${done + 1}; use a lower learning rate, or maxNorm 1`,
      );
    }
    const samplesIn = (step: number) =>
      Math.min(this.#batchSize, this.#count - step * this.#batchSize) / this.#count;
    return {
      loss: losses.reduce((sum, loss, step) => sum + loss * samplesIn(step), 0),
      accuracy: correct.reduce((sum, right) => sum + right, 0) / this.#count,
    };
  }

  #order(): Int32Array {
    const all = firstIndices(this.#count);
    const lengths = this.#lengths;
    return lengths
      ? epochOrderByLength(all, (i) => lengths[i], this.#batchSize, this.#seed, this.#epoch)
      : epochOrder(all, this.#seed, this.#epoch);
  }

  /** Copies of all parameters under PyTorch's names; for `SequenceClassifier.loadStateDict`. */
  stateDict(): StateDict {
    return this.#team.layout.toStateDict(this.#team.parameters);
  }

  /** Takes over all parameters. @throws UserError naming what is missing, unknown or of another shape */
  loadStateDict(tensors: StateDict): void {
    this.#team.layout.fromStateDict(tensors, this.#team.parameters);
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await this.#team.close();
    this.#backend.close();
  }
}

function requireWhole(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UserError(`train: ${name} must be a whole number of at least 1, got ${value}`);
}
