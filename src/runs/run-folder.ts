/**
 * The run folder: names of its files, and the types of metrics.jsonl and summary.json. Keys are snake_case on disk and
 * camelCase here. run-files.ts reads and writes the files (Node.js only); this file is for the browser too.
 */

/** The files of a run folder. */
export const RUN_FILES = {
  /** The configuration that the run was started with. */
  config: 'config.json',
  /** One line an epoch. */
  metrics: 'metrics.jsonl',
  /** Checkpoint of the epoch with the best validation accuracy; of equal ones, of that with the lowest validation loss. */
  best: 'best.safetensors',
  /** Checkpoint of the last epoch, with all that is needed to resume. */
  last: 'last.safetensors',
  summary: 'summary.json',
  /** A folder. */
  charts: 'charts',
  report: 'report.html',
  /** Accuracies under changes of the inputs; only after `evaluate --robustness`. */
  robustness: 'robustness.json',
  /** A folder of TensorBoard's event files; only with `--log tensorboard`. */
  tensorboard: 'tensorboard',
  /** The project that the network was taught from; only of a run that the server has taught. */
  project: 'project.json',
} as const;

/** The name under which a damaged file of a run is kept when a resume replaces it. @param n from 1 */
export function damagedName(path: string, n: number): string {
  return `${path}.damaged-${n}`;
}

/** The charts that a report or an evaluation of the run writes: names of files in the folder `charts`, without the format. */
export const CHART_NAMES = [
  'loss',
  'accuracy',
  'learning-rate',
  'confusion-matrix',
  'confusion-rates',
  'mistakes',
  'reliability-train',
  'reliability-validation',
  'reliability-test',
] as const;
/** The chart of `evaluate --robustness`, in the same folder. */
export const ROBUSTNESS_CHART = 'robustness';
export const CHART_FORMATS = ['svg', 'png', 'pdf'] as const;

/** A point of the training curve within an epoch. */
export interface CurvePoint {
  /** Updates since the run began, from 1. */
  step: number;
  /** Mean loss over the updates since the last point. */
  loss: number;
  /** Share of correct answers over the updates since the last point, 0 to 1. */
  accuracy: number;
  /** Learning rate of the update. */
  learningRate: number;
}

/** The metrics of an epoch; one line of metrics.jsonl. */
export interface EpochMetrics {
  /** From 1. */
  epoch: number;
  /** Mean loss over the epoch's updates, measured during training (with dropout). */
  trainLoss: number;
  /** Share of correct answers over the epoch's updates, 0 to 1. */
  trainAccuracy: number;
  /** Mean loss of the validation examples after the epoch, without dropout. */
  validationLoss: number;
  /** Share of correct answers among the validation examples, 0 to 1. */
  validationAccuracy: number;
  /** Learning rate of the epoch's last update. */
  learningRate: number;
  /** Duration of the epoch. */
  seconds: number;
  /** Training samples a second. */
  samplesPerSecond: number;
  /** In float16: the factor of the loss at the end of the epoch; else null. */
  lossScale: number | null;
  /** Updates skipped since the run began because a gradient had overflowed. */
  skippedSteps: number;
  /** At most 50 points, evenly spaced; after epoch 5000, one. */
  curve: CurvePoint[];
}

/** Correct answers of all answers. */
export interface Score {
  correct: number;
  count: number;
}

/** Answers “none of these” of all answers. */
export interface Refused {
  refused: number;
  count: number;
}
/** Those to one kind of negatives: `letters`, `scribbles` … */
export interface RefusedKind extends Refused {
  kind: string;
}
/** How often a recogniser with the class `none` gives this answer. */
export interface Refusals {
  /** To the test samples, which all belong to a class. */
  test: Refused;
  /** To generated negatives, none of which was learnt from; in all, and by their kinds. */
  negatives: Refused;
  kinds: RefusedKind[];
}

/** The content of summary.json, which `train --json` prints. */
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
  /** From the start to the scores on the test set. */
  totalSeconds: number;
  /** Epochs completed. */
  epochs: number;
  /** Training samples a second. */
  samplesPerSecond: number;
  /** Of the updates: 3 × the forward matrix products. */
  gflops: number;
  peakRssMb: number;
  /** Of the machine's processors and memory in totalSeconds; null where it is not known. */
  energyJoules: number | null;
  /** The name as in --backend, and the instruction set for people. */
  backend: string;
  backendDescription: string;
  threads: number;
  parameters: number;
  seed: number;
  /** A 16-bit precision, and the number of updates skipped because a gradient had overflowed. */
  useAmp: boolean;
  skippedSteps: number;
  /** 'epochs' | 'patience' | 'target-accuracy' | 'max-minutes' */
  stoppedBy: string;
  /** Pen strokes only: the test set drawn in reverse, and with its strokes in reverse order; else null. */
  reversedScore: Score | null;
  reorderedScore: Score | null;
  /** Null without the class `none`. */
  refusals: Refusals | null;
  /** [true class][predicted class], on the test set. */
  confusionMatrix: number[][];
  classes: string[];
  /** scanstroke's, Node's. */
  version: string;
  node: string;
}

/** Facts of a run that its checkpoint does not store. */
export interface RunFacts {
  /** Name of the preset. Default null: unknown. */
  preset?: string | null;
  /** Share of correct answers on the test set, 0 to 1. Default null: unknown. */
  testAccuracy?: number | null;
}

/** A test sample with a wrong answer. */
export interface Mistake {
  /** Index in the test set, from 0. */
  index: number;
  /** The true class, and the answer. */
  label: number;
  predicted: number;
  /** Probability of the answer, 0 to 1. */
  confidence: number;
  /** Probability of the true class. */
  labelProbability: number;
  picture: Picture | StrokePicture;
}

/** Pixels [height, channels, width]: that of (x, y, c) is at (y · channels + c) · width + x. */
export interface Picture {
  width: number;
  height: number;
  /** 1 for grey, 3 for red, green and blue; of any other number the first is shown as grey. */
  channels: number;
  pixels: Uint8Array;
}

/** Pen strokes. */
export interface StrokePicture {
  /** [N, 4] `dx dy eos eod`. */
  moves: Int16Array;
}
