/** Checks what comes from metrics.jsonl and summary.json, in Node.js and in the page. */
import { camelCaseKeys } from '../formats/key-case.js';
import {
  finite,
  flag,
  list,
  nullable,
  optional,
  type Reader,
  readAs,
  record,
  text,
  whole,
} from '../formats/shape.js';
import type { CurvePoint, EpochMetrics, RunSummary, Score } from './run-folder.js';

const count = whole(0);
const score: Reader<Score> = record({ correct: count, count });
const curvePoint: Reader<CurvePoint> = record({
  step: count,
  loss: finite,
  accuracy: finite,
  learningRate: finite,
});

const epochMetrics: Reader<EpochMetrics> = record({
  epoch: whole(1),
  trainLoss: finite,
  trainAccuracy: finite,
  validationLoss: finite,
  validationAccuracy: finite,
  learningRate: finite,
  seconds: finite,
  samplesPerSecond: finite,
  lossScale: optional(nullable(finite), null),
  skippedSteps: optional(count, 0),
  curve: list(curvePoint),
});

const runSummary: Reader<RunSummary> = record({
  preset: nullable(text),
  testAccuracy: finite,
  testLoss: finite,
  bestValAccuracy: finite,
  bestEpoch: count,
  trainScore: score,
  validationScore: score,
  testScore: score,
  trainSeconds: finite,
  totalSeconds: finite,
  epochs: count,
  samplesPerSecond: finite,
  gflops: finite,
  peakRssMb: finite,
  backend: text,
  backendDescription: optional(text, ''),
  threads: count,
  parameters: count,
  seed: finite,
  useAmp: optional(flag, false),
  skippedSteps: optional(count, 0),
  stoppedBy: text,
  reversedScore: optional(nullable(score), null),
  reorderedScore: optional(nullable(score), null),
  confusionMatrix: list(list(count)),
  classes: list(text),
  version: text,
  node: text,
});

/**
 * An epoch of metrics.jsonl.
 * @param value keys in snake_case
 * @param where how messages name it
 * @throws UserError naming the member that is not as it should be
 */
export function epochMetricsOf(value: unknown, where: string): EpochMetrics {
  return readAs(epochMetrics, camelCaseKeys(value, where), where);
}

/** What summary.json holds. Parameters and errors as epochMetricsOf. */
export function runSummaryOf(value: unknown, where: string): RunSummary {
  return readAs(runSummary, camelCaseKeys(value, where), where);
}
