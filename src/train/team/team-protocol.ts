/** What the main thread of a team hands to its worker threads: once at their start, and with every command. */
import type { BackendHandle } from '../../backends/backend.js';
import type { Augmentation } from '../../data/augmentation.js';
import type { BatchBuffers } from '../../data/sequences/batch.js';
import type { Part, PartsData } from '../../data/sources.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import type { Capacity, PassPrecisions, Precision, WorkspaceMemory } from '../../model/workspace.js';
import type { PostedError } from '../../user-error.js';
import type { UpdateSettings } from '../engine.js';
import type { LossScaleState } from '../loss-scale.js';
import type { RankMember } from './rank-member.js';

/** Norm and update run over slices of this many parameters. The cut is the same for any number of threads. */
export const SLICE_LENGTH = 16_384;

/**
 * Sequences of a pass: they go through the network at once, in training and evaluation. Enough rows for efficient
 * products; few enough to keep activations, most of a thread's memory, small.
 */
export const PASS_SIZE = 32;

/** Passes of an evaluation. */
export function passCount(sequences: number): number {
  return Math.ceil(sequences / PASS_SIZE);
}

/** Capacity of a thread's passes over sequences of at most `steps` steps. */
export function passCapacity(steps: number, training: boolean): Capacity {
  return { batchSize: PASS_SIZE, steps, rows: PASS_SIZE * steps, training };
}

/** In a team that trains, `precision` is that of the training, and answers are float32. */
export function passPrecisions(precision: Precision, trains: boolean): PassPrecisions {
  return { precision, inference: trains ? 'float32' : precision };
}

/** Everything that a thread works with. All buffers are shared; only this thread uses those in `own`. */
export interface TeamMember {
  /** Number of the thread, from 0. */
  index: number;
  model: ResolvedClassifierConfig;
  precisions: PassPrecisions;
  parts: PartsData;
  control: Int32Array;
  /** [P] */
  parameters: Float32Array;
  /** The weights in the kernels' order (Network). */
  panels: Float32Array;
  own: {
    workspace: WorkspaceMemory;
    buffers: BatchBuffers;
    /** [pass] */
    losses: Float32Array;
  };
  /** Null in a team that only evaluates. */
  training: TrainingMember | null;
}

/** What a thread needs to train. */
export interface TrainingMember {
  settings: UpdateSettings;
  /** Of part `train`. */
  augmentation: Augmentation;
  /** [K] the settings' weights, in the backend's memory. */
  classWeights: Float32Array | null;
  /** [batch] loss of each sequence, and 1 where its answer is correct. */
  batchLosses: Float32Array;
  batchCorrect: Uint8Array;
  /** [slices] */
  partialNorms: Float64Array;
  /** [P] each: the gradients of a unit, or the sum of several (batch-plan.ts). */
  gradients: Float32Array[];
  /** The optimiser's vectors, each [P]. */
  optimizerState: Float32Array[];
  /** In an MPI job: what the ranks share out. Null: this process trains alone. */
  ranks: RankMember | null;
  own: {
    /** [pass, K] */
    dLogits: Float32Array;
    /** [pass, 2] */
    dropoutKeys: Int32Array;
    /** [pass] the number of each sequence's sum. */
    sumOf: Int32Array;
  };
}

/** Batches firstBatch … endBatch - 1 of an epoch. */
export interface TrainCommand {
  type: 'train';
  /** Threads that take part; the others get no command. */
  threads: number;
  /** From 1. */
  epoch: number;
  firstBatch: number;
  endBatch: number;
  /** Updates made before firstBatch since the training began. */
  updatesBefore: number;
  /** Before firstBatch; null in float32. */
  lossScale: LossScaleState | null;
  /** Training sequences in the epoch's order. */
  order: Int32Array;
  /** [batches] */
  learningRates: Float64Array;
  /** [batches] out: mean loss and number of correct answers of each batch. */
  losses: Float64Array;
  correct: Int32Array;
  /** [batches, 3] out: the loss scale after each batch; null in float32. */
  lossScales: Float64Array | null;
  /** [2] out, if the training diverges: 1 for the loss or 2 for the gradient, and its value. */
  divergence: Float64Array;
}

export interface EvaluateCommand {
  type: 'evaluate';
  threads: number;
  part: Part;
  /** [n] */
  indices: Int32Array;
  /** [n, K] out. */
  logits: Float32Array;
  /** [n] out. */
  losses: Float32Array;
  /** [passes] out: 1 for a pass whose answers are there. */
  answered: Int32Array;
}

export type Command = TrainCommand | EvaluateCommand;

/** From a thread: that it can take commands, or that it has ended one; `error` is what was thrown. */
export interface Reply {
  type: 'ready' | 'ended';
  error: PostedError | null;
}

/** To a new thread. */
export interface Start {
  member: TeamMember;
  backend: BackendHandle;
}
