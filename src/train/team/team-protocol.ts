/** What the team's main thread hands to its worker threads: once, at their start, and with every command. */
import type { BackendHandle } from '../../backends/backend.js';
import type { Augmentation } from '../../data/augmentation.js';
import type { BatchBuffers } from '../../data/batch.js';
import type { PartsData } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import type { Capacity, Precision, WorkspaceMemory } from '../../model/workspace.js';
import type { ResolvedOptimizer } from '../optimizer.js';

/** Parameters are normed and updated in chunks of this many: the cut is the same for any number of threads. */
export const CHUNK = 16_384;

export function shardCount(sequences: number, shardSize: number): number {
  return Math.ceil(sequences / shardSize);
}

/**
 * Sequences in a shard, for steps of `batchSize`. It depends on nothing else, so that sums are the same on any number
 * of threads: a quarter of the batch, for four threads to share, but no less than half a pass, and no more than two, so
 * that the threads end at about the same time.
 */
export function shardSizeFor(batchSize: number): number {
  return Math.min(batchSize, 2 * PASS, Math.max(PASS / 2, Math.ceil(batchSize / 4)));
}

/**
 * Sequences that go through the network at a time, in training as in evaluation: enough rows for the products to be
 * efficient, few enough that the activations, which are most of a thread's memory, stay small.
 */
export const PASS = 32;

/** Of a thread's passes over sequences of at most so many steps. */
export function passCapacity(steps: number, training: boolean): Capacity {
  return { batchSize: PASS, steps, rows: PASS * steps, training };
}

/** What can be evaluated; training takes place on `train`. */
export type SourceName = keyof PartsData;

/** Everything that a thread works with; all buffers are shared, those in `own` used by it alone. */
export interface TeamMember {
  index: number;
  model: ResolvedClassifierConfig;
  precision: Precision;
  data: PartsData;
  /** Of the training sequences, by `seed`. */
  augmentation: Augmentation;
  seed: number;
  optimizer: ResolvedOptimizer;
  maxNorm: number | null;
  labelSmoothing: number;
  shardSize: number;
  control: Int32Array;
  /** [2] sum of losses and of correct answers in the step. */
  sums: Float64Array;
  /** [chunks] */
  partialNorms: Float64Array;
  /** [P] */
  parameters: Float32Array;
  /** The parameters in the kernels' order: Network's `packed`. */
  packed: Float32Array;
  /** [P] sum of the step's gradients. */
  total: Float32Array;
  /** The optimiser's vectors, each [P]. */
  optimizerState: Float32Array[];
  own: {
    /** [P] of one shard. */
    gradients: Float32Array;
    workspace: WorkspaceMemory;
    buffers: BatchBuffers;
    /** [pass] */
    losses: Float32Array;
    /** [pass, K] */
    dLogits: Float32Array;
    /** [pass, 2] */
    dropoutKeys: Int32Array;
  };
}

/** Steps firstStep … steps - 1 of an epoch. */
export interface TrainCommand {
  type: 'train';
  /** Threads that take part; the others get no command. */
  threads: number;
  /** From 1. */
  epoch: number;
  firstStep: number;
  steps: number;
  /** Sequences in a step. */
  batchSize: number;
  /** Updates made before firstStep, since the run began. */
  updatesBefore: number;
  /** Of loss-scale.ts, in mixed precision. In and out. */
  lossScale?: Float64Array | null;
  /** Indices of the training sequences in the epoch's order. */
  order: Int32Array;
  /** [steps] */
  learningRates: Float64Array;
  /** [steps] out: mean loss and number of correct answers of each step. */
  losses: Float64Array;
  correct: Int32Array;
}

export interface EvaluateCommand {
  type: 'evaluate';
  threads: number;
  source: SourceName;
  /** [n] */
  indices: Int32Array;
  /** [n, K] out. */
  logits: Float32Array;
  /** [n] out. */
  losses: Float32Array;
}

export type Command = TrainCommand | EvaluateCommand;

/** What a thread says when it has ended a command; an error is null or what was thrown. */
export interface Reply {
  error: unknown;
}

/** What a new thread is posted. */
export interface Start {
  member: TeamMember;
  backend: BackendHandle;
}
