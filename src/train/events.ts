/**
 * Events of a training run. train/ prints nothing: the command line draws a progress bar from these events, tests count
 * them.
 */
import type { Part } from '../data/sources.js';
import type { EpochMetrics, RunSummary } from '../runs/run-folder.js';

/**
 * Why a training ended: all epochs done, no better accuracy for some epochs, the accuracy reached, the time over, or a
 * stop.
 */
export type StopReason = 'epochs' | 'patience' | 'target-accuracy' | 'max-minutes' | 'interrupted';

export type TrainEvent =
  | LoadingEvent
  | StartEvent
  | ProgressEvent
  | {
      type: 'epoch';
      metrics: EpochMetrics;
      /** The best validation so far. */
      best: boolean;
      epochs: number;
    }
  | {
      type: 'stopped';
      reason: StopReason;
      /** The epoch that has ended; or the current one, if some of its batches are trained. */
      epoch: number;
      /** Batches trained in the current epoch; 0 between two epochs. */
      batch: number;
    }
  | { type: 'done'; summary: RunSummary };

/** Progress of reading or converting data, where that takes seconds. Comes before `start`. */
export interface LoadingEvent {
  type: 'loading';
  /** `reading sequences.tar.gz`, `strokes from MNIST` */
  what: string;
  done: number;
  total: number;
}

/** The first event after loading: what will be trained, on what, and where it is written. */
export interface StartEvent {
  type: 'start';
  backend: { name: string; description: string };
  threads: number;
  parameters: number;
  trainCount: number;
  validationCount: number;
  testCount: number;
  batchesPerEpoch: number;
  epochs: number;
  /** Where a resumed run continues; null for a new one. */
  resumedFrom: { epoch: number; batch: number } | null;
  seed: number;
  /** Lines for the user: for example which backend is not available, and what to do about it. */
  notices?: string[];
  /** The run folder. */
  folder: string;
}

/** After every update of a training, and every batch of validation and evaluation; a GPU ends many of these at once. */
export interface ProgressEvent {
  type: 'progress';
  /** `train`: an update. `validation`: a batch of the validation after an epoch. `evaluate`: a batch of an evaluation. */
  phase: 'train' | 'validation' | 'evaluate';
  /** `evaluate`: the part that is evaluated. */
  part?: Part;
  /** From 1. */
  epoch: number;
  /** Batch of the phase, from 1. */
  batch: number;
  /** Number of batches in the phase. */
  batches: number;
  /** Mean loss over the phase so far. */
  loss: number;
  /** Share of correct answers over the phase so far, 0 to 1. */
  accuracy: number;
  /** Learning rate of the last update; `evaluate`: 0. */
  learningRate: number;
  /** Samples seen in the phase. */
  samples: number;
  /** Samples a second. */
  samplesPerSecond: number;
  /** Estimated seconds to the end of the whole training. */
  secondsLeft: number;
}
