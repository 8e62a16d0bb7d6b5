/** Checks what comes from metrics.jsonl and summary.json, in Node.js and in the page. */
import { MAX_CLASSES } from '../data/class-names.js';
import { camelCaseKeys } from '../formats/key-case.js';
import {
  between,
  finite,
  flag,
  list,
  nullable,
  optional,
  type Reader,
  readAs,
  record,
  refined,
  textUpTo,
  whole,
} from '../formats/shape.js';
import type { CurvePoint, EpochMetrics, Refusals, Refused, RunSummary, Score } from './run-folder.js';

/** A run writes at most 50 points an epoch. */
const MAX_CURVE_POINTS = 10_000;
/** There are seven kinds of negatives. */
const MAX_KINDS = 100;
/** Names and versions are shorter. */
const text = textUpTo(1000);
const count = whole(0);
const share = between(0, 1);
const amount = between(0, Number.MAX_VALUE);
const score: Reader<Score> = refined(
  record({ correct: count, count }),
  'a score with correct at most count',
  ({ correct, count: all }) => correct <= all,
);
const curvePoint: Reader<CurvePoint> = record({
  step: count,
  loss: finite,
  accuracy: share,
  learningRate: finite,
});

const isPossible = ({ refused, count: all }: Refused) => refused <= all;
const AT_MOST = 'with refused at most count';
const refused: Reader<Refused> = refined(
  record({ refused: count, count }),
  `refusals ${AT_MOST}`,
  isPossible,
);
const refusals: Reader<Refusals> = record({
  test: refused,
  negatives: refused,
  kinds: list(
    refined(record({ kind: text, refused: count, count }), `a kind ${AT_MOST}`, isPossible),
    MAX_KINDS,
  ),
});

const epochMetrics: Reader<EpochMetrics> = record({
  epoch: whole(1),
  trainLoss: finite,
  trainAccuracy: share,
  validationLoss: finite,
  validationAccuracy: share,
  learningRate: finite,
  seconds: amount,
  samplesPerSecond: amount,
  lossScale: optional(nullable(amount), null),
  skippedSteps: optional(count, 0),
  curve: list(curvePoint, MAX_CURVE_POINTS),
});

const runSummary: Reader<RunSummary> = refined(
  record({
    preset: nullable(text),
    testAccuracy: share,
    testLoss: finite,
    bestValAccuracy: share,
    bestEpoch: count,
    trainScore: score,
    validationScore: score,
    testScore: score,
    trainSeconds: amount,
    totalSeconds: amount,
    epochs: count,
    samplesPerSecond: amount,
    gflops: amount,
    peakRssMb: amount,
    energyJoules: optional(nullable(amount), null),
    backend: text,
    backendDescription: optional(text, ''),
    threads: count,
    parameters: count,
    seed: count,
    useAmp: optional(flag, false),
    skippedSteps: optional(count, 0),
    stoppedBy: text,
    reversedScore: optional(nullable(score), null),
    reorderedScore: optional(nullable(score), null),
    refusals: optional(nullable(refusals), null),
    confusionMatrix: list(list(count, MAX_CLASSES), MAX_CLASSES),
    classes: list(text, MAX_CLASSES),
    version: text,
    node: text,
  }),
  'a summary whose confusion_matrix has a row and a column for each of its classes',
  ({ classes, confusionMatrix }) =>
    [confusionMatrix, ...confusionMatrix].every(({ length }) => length === classes.length),
);

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
