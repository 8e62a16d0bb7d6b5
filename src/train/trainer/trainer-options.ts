/** Options and results of a trainer. */
import type { EpochMetrics } from '../../runs/run-folder.js';
import type { ProgressEvent, StopReason } from '../events.js';
import type { TrainerSchedule } from '../learning-rates.js';
import type { OptimizerConfig } from '../optimizer.js';
import type { Examples } from './trainer-examples.js';

/** Options of `openTrainer`. */
export interface TrainerOptions {
  /** Default: Adam with its defaults. Its `lr` is the learning rate of the training. */
  optimizer?: OptimizerConfig;
  /** Sequences in an update, 1 to 1,000,000. Default 32. */
  batchSize?: number;
  /** Seed of the initial parameters, the order of the examples, dropout and the validation split. Default 0. */
  seed?: number;
  /** Gradients are clipped to this Euclidean norm, above 0. Default: no clipping. */
  maxNorm?: number;
  /** ε of the smoothed targets, in [0, 1). Default 0. */
  labelSmoothing?: number;
  /**
   * Weights of the classes in the loss, for rare classes: the loss of a batch is Σ w · loss / Σ w, as with
   * torch.nn.CrossEntropyLoss(weight=…). `balanced`: N / (K · N_k), from the training examples of each class, after those
   * for validation are held back; or [K] weights above 0. Evaluations have no weights. Default: all are 1.
   */
  classWeights?: 'balanced' | ArrayLike<number>;
  /** Examples for validation, or the share of the examples to hold back for it, in (0, 1). Default: no validation. */
  validation?: Examples | number;
  /** Number of worker threads, 1 to 256. Default: one a core. The result does not depend on the number. A GPU needs none. */
  threads?: number;
}

/** Options of `Trainer.train`. */
export interface TrainOptions {
  /** Train up to this epoch, counted from 1 since the trainer was opened: epochs of earlier calls count, too. */
  epochs: number;
  /** Default: a constant rate. The optimiser's `lr` is the rate at the start, for one-cycle the peak. */
  schedule?: TrainerSchedule;
  /** Stop after this many epochs without a better validation accuracy. Default: never. */
  patience?: number;
  /** Stop when the validation accuracy reaches this share, in (0, 1]. Default: never. */
  targetAccuracy?: number;
  /** Aborting it stops the training after the current update; `stoppedBy` is then 'interrupted'. */
  signal?: AbortSignal;
  /** Called after every update and every evaluation batch. */
  onProgress?: (event: ProgressEvent) => void;
  /** Called after every epoch. */
  onEpoch?: (metrics: EpochMetrics) => void;
}

/** What `Trainer.train` did. */
export interface TrainResult {
  /** Why the training ended. */
  stoppedBy: StopReason;
  /** One entry for each epoch of this call. */
  metrics: EpochMetrics[];
  /**
   * The epoch with the best validation accuracy, of equal ones that with the lowest validation loss. The trainer now holds the parameters of this
   * epoch, except after an interruption. Null before the first epoch.
   */
  best: { epoch: number; accuracy: number; loss: number } | null;
}

/** The answers on one part of the examples. */
export interface TrainerEvaluation {
  /** Mean cross-entropy. */
  loss: number;
  /** Share of correct answers, 0 to 1. */
  accuracy: number;
  /** Number of examples. */
  count: number;
  /** [true class][predicted class] numbers of examples. */
  confusionMatrix: number[][];
}
