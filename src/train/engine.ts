/**
 * The seam of training: one model being trained or evaluated, wherever its numbers live. The loop, the run, resuming,
 * evaluation and the Trainer know nothing else. team/team.ts implements it by threads on host memory.
 *
 * An engine carries out one call at a time: a second call before the first has ended is refused.
 */
import type { Part } from '../data/sources.js';
import type { StateDict } from '../state-dict.js';
import type { LossScaleState } from './loss-scale.js';
import type { ResolvedOptimizer } from './optimizer.js';

/** Limit for the sequences of an update. */
export const MAX_BATCH_SIZE = 1_000_000;
/** Limit for worker threads. */
export const MAX_THREADS = 256;

/** All that an engine knows of a model. */
export interface ModelState {
  /** By PyTorch's names. */
  parameters: StateDict;
  /**
   * The optimiser's vectors by tensor: `mean.lstm.weight_ih_l0` …, each in the parameter's shape. Empty for plain SGD,
   * and for an engine that only evaluates.
   */
  optimizer: StateDict;
}

/** How parameters are updated. */
export interface UpdateSettings {
  optimizer: ResolvedOptimizer;
  /** Sequences of an update. */
  batchSize: number;
  /** Gradients are clipped to this norm; null: not clipped. */
  maxNorm: number | null;
  /** ε of the smoothed targets, in [0, 1). */
  labelSmoothing: number;
  /** [K] weights of the classes in the loss (class-weights.ts); null or left out: 1 for every class. */
  classWeights?: Float32Array | null;
  /** Key of dropout and augmentation. */
  seed: number;
}

/** Batches `firstBatch` … `endBatch` - 1 of an epoch. */
export interface EpochPlan {
  /** From 1. Dropout and augmentation draw by it. */
  epoch: number;
  /** All training sequences in the epoch's order, as indices into part `train`; batches are cut from it. */
  order: Int32Array;
  firstBatch: number;
  endBatch: number;
  /** [batches of the epoch] */
  learningRates: Float64Array;
  /** Updates made since the training began. */
  updatesBefore: number;
  /** Mixed precision only. */
  lossScale: LossScaleState | null;
}

/** What consecutive batches of an epoch gave. */
export interface BatchResults {
  /** Of the first of these batches, from 0. */
  firstBatch: number;
  /** [n] mean loss of each batch. */
  losses: Float64Array;
  /** [n] correct answers in each batch, as the parameters changed. */
  correct: Int32Array;
  /** After the last of these batches; null in float32. */
  lossScale: LossScaleState | null;
}

/** Answers to consecutive sequences of the given indices. */
export interface Answers {
  /** Place of the first answered sequence in the indices. */
  first: number;
  /** [n, K] */
  logits: Float32Array;
  /** [n] cross-entropy of each sequence. */
  losses: Float32Array;
}

export interface Engine {
  /** For people: `cpu (AVX-512), 8 threads`. */
  readonly description: string;
  /** Name of the backend as for --backend, and for people its instruction set. */
  readonly backend: { readonly name: string; readonly description: string };
  readonly threads: number;

  /**
   * Replaces parameters and, where it trains, optimiser vectors; an empty `optimizer` sets them to zero.
   * @throws UserError naming tensors that are missing, unknown or of another shape; nothing is changed then
   */
  load(state: ModelState): Promise<void>;
  /** Copies of parameters and optimiser vectors. */
  save(): Promise<ModelState>;
  /**
   * Trains. Yields results as batches end, in their order. An aborted `stop` ends it after the current batch; the
   * parameters then are those after the last batch yielded.
   * @throws Diverged at a batch whose loss or gradient is not finite, before its update
   */
  train(plan: EpochPlan, stop: AbortSignal): AsyncIterable<BatchResults>;
  /** Evaluates without dropout. Yields answers in any order; an aborted `stop` ends it early. */
  evaluate(part: Part, indices: Int32Array, stop: AbortSignal): AsyncIterable<Answers>;
  /** Ends threads and frees memory. */
  close(): Promise<void>;
}

/** The loss or the norm of the gradient of a batch is infinite or NaN. */
export class Diverged extends Error {
  override readonly name = 'Diverged';
  /**
   * @param batch of the epoch, from 0
   * @param quantity what is not finite
   */
  constructor(
    readonly batch: number,
    readonly quantity: 'loss' | 'gradient',
    readonly value: number,
  ) {
    super(`the ${quantity} became ${value} in batch ${batch}`);
  }
}
