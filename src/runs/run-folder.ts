/**
 * The run folder: its files' names, and the two that hold numbers, what an epoch measured and what the run came to. On
 * disk the keys are snake_case (`metrics.jsonl`, `summary.json`); here they are camelCase. run-files.ts reads and
 * writes them (Node.js only); this file is for the browser too.
 */

/** What a run folder holds. */
export const RUN_FILES = {
  /** The configuration that the run was started with. */
  config: 'config.json',
  /** One line an epoch. */
  metrics: 'metrics.jsonl',
  /** Checkpoint of the epoch with the best validation accuracy. */
  best: 'best.safetensors',
  /** Checkpoint of the last epoch, with all that is needed to resume. */
  last: 'last.safetensors',
  summary: 'summary.json',
  /** A folder. */
  charts: 'charts',
  report: 'report.html',
} as const;

/** A point of the training curve within an epoch. */
export interface CurvePoint {
  /** Steps taken since the run began, from 1. */
  step: number;
  /** Mean loss and share of correct answers over the steps since the last point. */
  loss: number;
  accuracy: number;
  learningRate: number;
}

/** One line of metrics.jsonl. */
export interface EpochMetrics {
  /** From 1. */
  epoch: number;
  /** Means over the epoch's steps, measured while learning (with dropout). */
  trainLoss: number;
  trainAccuracy: number;
  validationLoss: number;
  validationAccuracy: number;
  /** Of the epoch's last step. */
  learningRate: number;
  seconds: number;
  samplesPerSecond: number;
  /** Mixed precision: the factor of the loss at the end of the epoch; else null. */
  lossScale: number | null;
  /** Steps skipped since the run began because a gradient had overflowed. */
  skippedSteps: number;
  /** Up to 50 points, at equal distances. */
  curve: CurvePoint[];
}

/** A number of correct answers among a number of questions. */
export interface Score {
  correct: number;
  count: number;
}

/** What summary.json holds and `train --json` prints. */
export interface RunSummary {
  preset: string | null;
  /** Shares, 0 to 1. */
  testAccuracy: number;
  testLoss: number;
  bestValAccuracy: number;
  bestEpoch: number;
  trainScore: Score;
  validationScore: Score;
  testScore: Score;
  /** Time in training epochs, validation included. */
  trainSeconds: number;
  /** Everything, from the start to the scores on the test set. */
  totalSeconds: number;
  /** Epochs completed. */
  epochs: number;
  /** Training samples a second. */
  samplesPerSecond: number;
  /** Of the training steps: 3 × the forward matrix products. */
  gflops: number;
  peakRssMb: number;
  /** Its name, as for --backend, and for people the instruction set. */
  backend: string;
  backendDescription: string;
  threads: number;
  parameters: number;
  seed: number;
  /** Mixed precision, and how many of its steps were skipped because a gradient had overflowed. */
  useAmp: boolean;
  skippedSteps: number;
  /** 'epochs' | 'patience' | 'target-accuracy' */
  stoppedBy: string;
  /** Pen strokes only: the test set drawn in reverse, and with its strokes in reverse order; else null. */
  reversedScore: Score | null;
  reorderedScore: Score | null;
  /** [true class][predicted class], on the test set. */
  confusionMatrix: number[][];
  classes: string[];
  /** scanstroke's, Node's. */
  version: string;
  node: string;
}

/** What a checkpoint itself does not say of the run that it comes from. */
export interface RunFacts {
  preset?: string | null;
  /** Share of the test set, 0 to 1. */
  testAccuracy?: number | null;
}

/** A test sample that got a wrong answer. */
export interface Mistake {
  /** Which sample of the test set, from 0. */
  index: number;
  /** The true class, and the answer. */
  label: number;
  predicted: number;
  /** Probability of the answer, 0 to 1. */
  confidence: number;
  /** Probability that the true class got. */
  labelProbability: number;
  picture: Picture | StrokePicture;
}

/** Pixels row by row, within a row channel by channel: that of (x, y, c) is at (y · channels + c) · width + x. */
export interface Picture {
  width: number;
  height: number;
  /** 1 for grey, 3 for red, green and blue; of any other number the first one is shown as grey. */
  channels: number;
  pixels: Uint8Array;
}

/** Pen strokes. */
export interface StrokePicture {
  /** [N, 4] `dx dy eos eod`. */
  moves: Int16Array;
}
