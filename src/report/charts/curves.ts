/**
 * The charts over the time of training: loss, accuracy and learning rate. They show single updates; the axis is labelled
 * in epochs. Each line's name is at its end, so there is no legend.
 */

import type { EpochMetrics, RunSummary } from '../../runs/run-folder.js';
import { light } from '../palette.js';
import { formatNumber, formatShare, plural, testedEpoch } from '../text.js';
import { type Chart, linearScale, logScale, type Place, shareDecimals, wholeTicks } from './chart.js';
import { GAP, type Line, lineChart, type Plot, type Point } from './line-chart.js';

/** Input of the charts. */
export interface CurveInput {
  metrics: EpochMetrics[];
  summary: RunSummary;
  /** The settings of the run, as config.json has them. */
  config?: Record<string, unknown>;
}

/** The curves of all epochs, joined. `x` is the time in epochs since the run began. */
interface Timeline {
  firstEpoch: number;
  lastEpoch: number;
  /** Null if no update was recorded, or the epochs have different numbers. */
  updatesPerEpoch: number | null;
  points: { x: number; loss: number; accuracy: number; learningRate: number }[];
}

/** Most points of a curve; more points are averaged, so that the file stays small. */
const MAX_POINTS = 400;
/** Smaller losses are drawn here: a logarithmic axis has no zero. */
const MIN_DRAWN_LOSS = 1e-8;

function timeline(metrics: EpochMetrics[]): Timeline {
  const firstEpoch = metrics.length > 0 ? metrics[0].epoch : 1;
  const lastEpoch = metrics.length > 0 ? Math.max(firstEpoch, metrics[metrics.length - 1].epoch) : 1;
  const updates = new Set<number>();
  const points: Timeline['points'] = [];
  metrics.forEach(({ epoch, curve }, n) => {
    const { from, to } = stepsOf(metrics[n], metrics[n - 1]);
    if (to > from) updates.add(Math.round(to - from));
    for (const { step, ...values } of curve) {
      points.push({ x: epoch - 1 + Math.max(0, step - from) / (to - from), ...values });
    }
  });
  points.sort((a, b) => a.x - b.x);
  const bucketSize = Math.ceil(points.length / MAX_POINTS);
  const averaged: Timeline['points'] = [];
  for (let start = 0; start < points.length; start += bucketSize) {
    const bucket = points.slice(start, start + bucketSize);
    const mean = (pick: (point: Timeline['points'][number]) => number) =>
      bucket.reduce((sum, point) => sum + pick(point) / bucket.length, 0);
    averaged.push({
      x: bucket[bucket.length - 1].x,
      loss: mean((point) => point.loss),
      accuracy: mean((point) => point.accuracy),
      learningRate: mean((point) => point.learningRate),
    });
  }
  const [updatesPerEpoch] = updates;
  return {
    firstEpoch,
    lastEpoch,
    updatesPerEpoch: updates.size === 1 ? updatesPerEpoch : null,
    points: averaged,
  };
}

/** The steps between which the updates of an epoch lie: a run may have gone on with other batches. */
function stepsOf(
  { epoch, curve }: EpochMetrics,
  before: EpochMetrics | undefined,
): { from: number; to: number } {
  const to = most(
    curve.map(({ step }) => step),
    0,
  );
  const end = before?.epoch === epoch - 1 ? before.curve.at(-1)?.step : undefined;
  const isBefore = end !== undefined && curve.every(({ step }) => step > end);
  return { from: isBefore ? end : (to * (epoch - 1)) / epoch, to };
}

function epochAxis({ firstEpoch, lastEpoch, updatesPerEpoch }: Timeline, place: Place): Plot['across'] {
  return {
    spacing: 'linear',
    min: firstEpoch - 1,
    max: lastEpoch,
    ticks: wholeTicks(firstEpoch - 1, lastEpoch, place === 'file' ? 12 : 7),
    name: updatesPerEpoch === null ? 'epoch' : `epoch of ${plural(updatesPerEpoch, 'update')}`,
  };
}

/** With `--class-weights balanced`. */
const WEIGHTED =
  'The training loss has the weights of the classes, the validation loss has none: their heights do not compare.';

/** Training loss of the updates, its mean per epoch, and validation loss, on a logarithmic axis. */
export function lossChart({ metrics, summary, config }: CurveInput, place: Place): Chart {
  const time = timeline(metrics);
  const drawn = (loss: number) => Math.max(MIN_DRAWN_LOSS, loss);
  const lines = metricLines(time, metrics, summary, {
    curve: time.points.map(({ x, loss }) => [x, drawn(loss)]),
    training: ({ trainLoss }) => drawn(trainLoss),
    validation: ({ validationLoss }) => drawn(validationLoss),
    format: formatNumber,
  });
  const values = lines.flatMap(({ points }) => points.filter((point) => point !== GAP).map(([, y]) => y));
  const scale = logScale(least(values, 0.1), most(values, 1), place === 'file' ? 8 : 6);
  const isWeighted = config?.class_weights === 'balanced';
  return lineChart('loss', place, lossTitle(metrics), isWeighted ? WEIGHTED : trainingNote(metrics), {
    across: epochAxis(time, place),
    scale,
    lines,
    format: formatNumber,
  });
}

function lossTitle(metrics: EpochMetrics[]): string {
  if (metrics.length === 0) return 'No epoch was completed';
  const best = metrics.reduce((low, epoch) => (epoch.validationLoss < low.validationLoss ? epoch : low));
  const last = metrics[metrics.length - 1];
  const lowest = formatNumber(best.validationLoss);
  if (metrics.length === 1) return `Validation loss ${lowest} after ${plural(last.epoch, 'epoch')}`;
  if (best.epoch !== last.epoch) return `Validation loss was lowest after epoch ${best.epoch}: ${lowest}`;
  return `Validation loss fell from ${formatNumber(metrics[0].validationLoss)} to ${lowest} in ${plural(last.epoch, 'epoch')}`;
}

function trainingNote(metrics: EpochMetrics[]): string {
  if (metrics.length === 0) return 'The run ended before the end of its first epoch.';
  const both = 'Training is measured during the updates, validation after each epoch.';
  return metrics.length === 1 ? both : `${both} The ring marks the tested weights.`;
}

/** Training accuracy of the updates, its mean per epoch, validation accuracy, and test accuracy as a horizontal line. */
export function accuracyChart({ metrics, summary }: CurveInput, place: Place): Chart {
  const time = timeline(metrics);
  const lines = metricLines(time, metrics, summary, {
    curve: time.points.map(({ x, accuracy }) => [x, accuracy]),
    training: ({ trainAccuracy }) => trainAccuracy,
    validation: ({ validationAccuracy }) => validationAccuracy,
    format: (value) => formatShare(value),
  });
  const tested: Point[] = [
    [time.firstEpoch - 1, summary.testAccuracy],
    [time.lastEpoch, summary.testAccuracy],
  ];
  lines.unshift({
    name: 'test',
    value: formatShare(summary.testAccuracy),
    color: light.ink,
    points: tested,
    width: 1.25,
    dashed: true,
  });
  // The axis is zoomed to the values that are compared. Two parts may lie below it: the curve in the first half of the
  // training, and the training mean of the first epoch.
  const half = (time.firstEpoch - 1 + time.lastEpoch) / 2;
  const shown = [
    summary.testAccuracy,
    ...metrics.map(({ validationAccuracy }) => validationAccuracy),
    ...metrics.slice(metrics.length > 1 ? 1 : 0).map(({ trainAccuracy }) => trainAccuracy),
    ...time.points.filter(({ x }) => x > half).map(({ accuracy }) => accuracy),
  ];
  const low = least(shown, 0);
  const high = most(shown, 1);
  const margin = Math.max(0.001, (high - low) * 0.06);
  const scale = linearScale(Math.max(0, low - margin), Math.min(1, high + margin), 7);
  const decimals = shareDecimals(scale);
  const title = `Test accuracy ${formatShare(summary.testAccuracy)} ${testedEpoch(summary)}`;
  return lineChart('accuracy', place, title, accuracyNote(metrics, summary), {
    across: epochAxis(time, place),
    scale,
    lines,
    format: (value) => formatShare(value, decimals),
  });
}

function accuracyNote(metrics: EpochMetrics[], summary: RunSummary): string {
  if (metrics.length <= 1) return trainingNote(metrics);
  const best = `epoch ${summary.bestEpoch}`;
  return `The weights of ${best}, the best on validation (ring), were tested. Training is measured during the updates.`;
}

/** The learning rate of the updates. */
export function learningRateChart({ metrics }: CurveInput, place: Place): Chart {
  const time = timeline(metrics);
  const points: Point[] =
    time.points.length > 0
      ? time.points.map(({ x, learningRate }) => [x, learningRate])
      : metrics.map(({ epoch, learningRate }) => [epoch, learningRate]);
  const values = points.map(([, y]) => y);
  const scale = linearScale(0, most(values, 1e-3) || 1e-3, place === 'file' ? 7 : 6);
  const last = values.length > 0 ? formatNumber(values[values.length - 1]) : null;
  const line: Line = {
    name: 'at the end',
    value: last,
    color: light.training,
    points,
    width: 2,
    marked: true,
  };
  const note = 'The learning rate of each update, as set by the schedule.';
  return lineChart('learning-rate', place, rateTitle(values), note, {
    across: epochAxis(time, place),
    scale,
    lines: [line],
    format: formatNumber,
  });
}

function rateTitle(values: number[]): string {
  if (values.length === 0) return 'No learning rate was recorded';
  const [first, last] = [values[0], values[values.length - 1]].map(formatNumber);
  const peak = formatNumber(most(values, 0));
  if (formatNumber(least(values, 0)) === peak) return `Learning rate ${peak} throughout`;
  if (peak === first) return `Learning rate fell from ${first} to ${last}`;
  if (peak === last) return `Learning rate rose from ${first} to ${last}`;
  return `Learning rate rose to ${peak}, then fell to ${last}`;
}

/** The three lines that loss and accuracy share: the curve, the mean per epoch, validation. */
function metricLines(
  time: Timeline,
  metrics: EpochMetrics[],
  summary: RunSummary,
  measure: {
    curve: Point[];
    training: (epoch: EpochMetrics) => number;
    validation: (epoch: EpochMetrics) => number;
    format: (value: number) => string;
  },
): Line[] {
  const last = metrics.at(-1);
  return [
    { name: 'curve', value: null, color: light.trainingCurve, points: measure.curve, width: 1.25 },
    {
      name: 'training',
      value: last === undefined ? null : measure.format(measure.training(last)),
      color: light.training,
      points: meanPoints(time, metrics, measure.training),
      width: 2.25,
      marked: time.points.length === 0,
    },
    {
      name: 'validation',
      value: last === undefined ? null : measure.format(measure.validation(last)),
      color: light.validation,
      points: metrics.map((epoch) => [epoch.epoch, measure.validation(epoch)]),
      width: 2.25,
      marked: true,
      ringAt: metrics.length > 1 ? summary.bestEpoch : undefined,
    },
  ];
}

/**
 * Points of the training means. With a curve, each mean is a horizontal line over its epoch; more than 20 epochs are
 * joined at the middles of the epochs instead. Without a curve, each mean is a point at the end of its epoch.
 */
function meanPoints(time: Timeline, metrics: EpochMetrics[], mean: (epoch: EpochMetrics) => number): Point[] {
  if (time.points.length === 0) return metrics.map((epoch) => [epoch.epoch, mean(epoch)]);
  if (metrics.length > 20) return metrics.map((epoch) => [epoch.epoch - 0.5, mean(epoch)]);
  return metrics.flatMap((epoch) => [
    [epoch.epoch - 1, mean(epoch)],
    [epoch.epoch, mean(epoch)],
    ...(epoch === metrics.at(-1) ? [] : [GAP]),
  ]);
}

function least(values: number[], otherwise: number): number {
  return values.length > 0 ? values.reduce((a, b) => Math.min(a, b)) : otherwise;
}

function most(values: number[], otherwise: number): number {
  return values.length > 0 ? values.reduce((a, b) => Math.max(a, b)) : otherwise;
}
