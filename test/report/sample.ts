/**
 * Made-up runs for the tests of the report: plausible curves and matrices from a seed, small pictures and drawings.
 */

import { Random } from '#src/random.js';
import type { ReportInput } from '#src/report/html.js';
import type { Calibration, CalibrationComparison } from '#src/runs/calibration.js';
import type { Robustness, RobustnessRow } from '#src/runs/robustness.js';

import type { EpochMetrics, Mistake, RunSummary } from '#src/runs/run-folder.js';

/** Properties of a made-up run. */
export interface SampleOptions {
  /** Of the calibration; 0: there is none. */
  temperature?: number;
  epochs?: number;
  /** Points of the curve in an epoch. */
  points?: number;
  classes?: string[];
  samplesPerClass?: number;
  errorRate?: number;
  mistakes?: number;
}

export const digits = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** The same options give the same run. */
export function sampleInput(options: SampleOptions = {}): ReportInput {
  const { epochs = 3, points = 20, classes = digits, samplesPerClass = 100, errorRate = 0.05 } = options;
  const random = new Random(7);
  const metrics = Array.from({ length: epochs }, (_, index) =>
    sampleEpoch(index + 1, epochs, points, random),
  );
  const confusionMatrix = classes.map((_, label) => {
    const row = classes.map(() => 0);
    for (let sample = 0; sample < samplesPerClass; sample++) {
      const wrong = random.uniform() < errorRate;
      row[wrong ? (label + 1 + random.below(Math.max(1, classes.length - 1))) % classes.length : label]++;
    }
    return row;
  });
  const correct = confusionMatrix.reduce((sum, row, label) => sum + row[label], 0);
  const testScore = { correct, count: samplesPerClass * classes.length };
  return {
    title: 'quick on MNIST, seed 0',
    config: {
      preset: 'quick',
      schedule: 'one-cycle',
      learning_rate: 0.006,
      betas: [0.9, 0.999],
      patience: null,
    },
    metrics,
    summary: sampleSummary(metrics, { testScore, confusionMatrix, classes }),
    calibration:
      options.temperature === 0 ? null : sampleCalibration(options.temperature ?? 1.4, testScore.count),
    mistakes: Array.from({ length: options.mistakes ?? 3 }, (_, index) =>
      sampleMistake(index, classes.length),
    ),
  };
}

/** Probabilities that are too high where they are high, and too low where they are low; the first bins are empty. */
function sampleCalibration(temperature: number, count: number): CalibrationComparison {
  const calibrationOf = (gap: number): Calibration => ({
    expectedCalibrationError: gap / 3,
    negativeLogLikelihood: 0.1 + gap,
    confidence: 0.95 + gap / 3,
    accuracy: 0.95,
    bins: Array.from({ length: 15 }, (_, n) => {
      const bin = { from: n / 15, to: (n + 1) / 15 };
      if (n < 3) return { ...bin, count: 0, confidence: null, accuracy: null };
      const confidence = (n + 0.6) / 15;
      const accuracy = Math.min(1, Math.max(0, confidence + gap * (n % 2 === 0 ? 1 : -1)));
      return { ...bin, count: Math.ceil(count / 2 ** (15 - n)), confidence, accuracy };
    }),
  });
  return { temperature, before: calibrationOf(0.2), after: calibrationOf(temperature === 1 ? 0.2 : 0.03) };
}

function sampleEpoch(epoch: number, epochs: number, points: number, random: Random): EpochMetrics {
  const lossAt = (time: number) => 0.03 + 2 * Math.exp(-4 * time);
  const noise = () => 1 + 0.1 * (random.uniform() - 0.5);
  const learningRate = 0.006 * (1 - epoch / (epochs + 1));
  return {
    epoch,
    trainLoss: lossAt(epoch - 0.5) * noise(),
    trainAccuracy: 1 - 0.2 * lossAt(epoch - 0.5),
    validationLoss: lossAt(epoch) * noise(),
    validationAccuracy: 1 - 0.2 * lossAt(epoch),
    learningRate,
    seconds: 12,
    samplesPerSecond: 4000,
    lossScale: null,
    skippedSteps: 0,
    curve: Array.from({ length: points }, (_, index) => {
      const time = epoch - 1 + (index + 1) / points;
      const loss = lossAt(time) * noise();
      return { step: Math.round(400 * time), loss, accuracy: 1 - 0.2 * loss, learningRate };
    }),
  };
}

function sampleSummary(
  metrics: EpochMetrics[],
  tested: Pick<RunSummary, 'testScore' | 'confusionMatrix' | 'classes'>,
): RunSummary {
  const last = metrics.at(-1);
  const { correct, count } = tested.testScore;
  return {
    ...tested,
    preset: 'quick',
    testAccuracy: count > 0 ? correct / count : 0,
    testLoss: 0.0412,
    bestValAccuracy: last?.validationAccuracy ?? 0,
    bestEpoch: last?.epoch ?? 0,
    trainScore: { correct: 49_320, count: 50_000 },
    validationScore: { correct: 9_876, count: 10_000 },
    trainSeconds: 36.4,
    totalSeconds: 41.2,
    epochs: metrics.length,
    samplesPerSecond: 4120.5,
    gflops: 96.34,
    peakRssMb: 412.6,
    energyJoules: null,
    backend: 'cpu',
    backendDescription: 'AVX-512',
    threads: 2,
    parameters: 199_818,
    seed: 0,
    useAmp: false,
    skippedSteps: 0,
    stoppedBy: 'epochs',
    refusals: null,
    reversedScore: null,
    reorderedScore: null,
    version: '0.1.0',
    node: 'v20.20.2',
  };
}

/** A mistake with a picture of 4 × 4 pixels: a bar on a dark background. */
export function sampleMistake(index: number, classes: number): Mistake {
  const pixels = new Uint8Array(16);
  for (let y = 0; y < 4; y++) pixels[4 * y + 1 + (index % 2)] = 200 + index;
  return {
    index: 100 + index,
    label: index % classes,
    predicted: (index + 1) % classes,
    confidence: 0.998 - 0.01 * (index % 50),
    labelProbability: 0.001,
    picture: { width: 4, height: 4, channels: 1, pixels },
  };
}

/** The same mistake with strokes: the first has three points, the second two. */
export function sampleStrokeMistake(index: number, classes: number): Mistake {
  const moves = [
    [5, 4, 0, 0],
    [0, 6, 0, 0],
    [4 + (index % 3), 4, 0, 0],
    [0, 0, 1, 0],
    [2, -8, 0, 0],
    [0, 5, 0, 0],
    [0, 0, 1, 1],
  ];
  return { ...sampleMistake(index, classes), picture: { moves: Int16Array.from(moves.flat()) } };
}

/** Results of `evaluate --robustness`: every form, one variant and several, the best and the worst accuracy. */
export function sampleRobustness(): Robustness {
  const row = (change: string, form: RobustnessRow['form'], ...correct: number[]): RobustnessRow => {
    const total = correct.reduce((sum, value) => sum + value, 0);
    const accuracy = total / (200 * correct.length);
    return {
      change,
      form,
      accuracy,
      difference: 100 * (accuracy - 0.98),
      interval: [Math.max(0, accuracy - 0.03), Math.min(1, accuracy + 0.02)],
      count: 200 * correct.length,
      correct: total,
      unread: change === 'inverted' ? 40 : 0,
      variants: correct.map((value, n) => ({ name: ['left', 'right'][n], correct: value, unread: 0 })),
      worstClass: { class: '\u001b[2J9', recall: accuracy / 2 },
    };
  };
  return {
    checkpoint: 'best.safetensors',
    data: 'strokes',
    part: 'test',
    samples: 200,
    seed: 0,
    rows: [
      row('unchanged', 'data', 196),
      row('as a drawing', 'drawing', 195),
      row('rotated 10°', 'drawing', 190, 150),
      row('salt and pepper 5 %', 'picture', 200),
      row('inverted', 'picture', 5),
    ],
  };
}
