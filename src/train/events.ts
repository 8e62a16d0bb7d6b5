/**
 * What a training run tells whoever watches it. train/ prints nothing: the command line draws a bar from these
 * events, a server can send them on, a test counts them.
 */
import type { EpochMetrics, RunSummary } from '../runs/run-folder.js';

export type TrainEvent =
  | LoadingEvent
  | StartEvent
  | ProgressEvent
  | {
      type: 'epoch';
      metrics: EpochMetrics;
      /** The best validation accuracy so far. */
      best: boolean;
      epochs: number;
    }
  | {
      type: 'stopped';
      reason: 'epochs' | 'patience' | 'target-accuracy' | 'interrupted';
      epoch: number;
      /** Batches trained in it. */
      batch: number;
    }
  | { type: 'done'; summary: RunSummary };

/** While data are read or made that take seconds: pen strokes, the first time. Comes before `start`. */
export interface LoadingEvent {
  type: 'loading';
  /** `reading sequences.tar.gz`, `strokes from MNIST` */
  what: string;
  done: number;
  total: number;
}

/** The first event but for loading: what is about to be trained, on what, and where it is written. */
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
  /** Where a resumed run goes on; null for a new one. */
  resumedFrom: { epoch: number; batch: number } | null;
  seed: number;
  /** For the user, a line each: a backend that was passed over, and what to do about it. */
  notices?: string[];
  /** The run folder. */
  folder: string;
}

/** After every update of a training, and every batch of validation and evaluation. */
export interface ProgressEvent {
  type: 'progress';
  phase: 'train' | 'validation' | 'evaluate';
  /** What `evaluate` runs over. */
  part?: 'train' | 'validation' | 'test' | 'reversed' | 'reordered';
  /** From 1. */
  epoch: number;
  /** Batch of the phase, from 1, and how many there are: of training (one update each), or of evaluation. */
  batch: number;
  batches: number;
  /** Running means over the phase. */
  loss: number;
  accuracy: number;
  learningRate: number;
  /** Samples seen in the phase. */
  samples: number;
  samplesPerSecond: number;
  /** Of the whole training. */
  secondsLeft: number;
}
