/** Accuracy and loss over the epochs. One run: training and validation. Several runs: validation only. */

import { useState } from 'preact/hooks';
import { linearScale, logScale } from '#src/report/charts/chart.js';
import { formatNumber, formatSeconds, formatShare, plural } from '#src/report/text.js';
import type { EpochMetrics } from '#src/runs/run-folder.js';
import { type ChartLine, LineChart } from '../charts/line-chart.js';
import { WideTable } from '../wide-table.js';
import type { Run } from './run-feed.js';

/** Colours of compared runs. */
export const RUN_COLORS = [
  'var(--training)',
  'var(--validation)',
  'var(--run-2)',
  'var(--run-3)',
  'var(--run-4)',
];
/** The table of numbers has the newest epochs. */
const MAX_ROWS = 500;
/** The logarithmic axis of the loss cannot show 0. */
const MIN_LOSS = 1e-8;

export function Curves({ runs }: { runs: readonly Run[] }) {
  const last = max([1, ...runs.flatMap(({ metrics }) => metrics.map(({ epoch }) => epoch))]);
  const domain = [0, last] as const;
  const accuracy = runs.flatMap((run, n) => accuracyLines(run, runs.length > 1 ? n : null));
  const loss = runs.flatMap((run, n) => lossLines(run, runs.length > 1 ? n : null));
  const shares = accuracy.flatMap(({ points, faint }) => (faint ? [] : points.map(([, value]) => value)));
  const losses = loss.flatMap(({ points }) => points.map(([, value]) => value));
  if (shares.length === 0) return <p class="muted">The curves begin after the first epoch.</p>;
  const margin = Math.max(0.002, (max(shares) - min(shares)) * 0.08);
  const accuracyScale = linearScale(Math.max(0, min(shares) - margin), Math.min(1, max(shares) + margin), 6);
  const [low, high] = accuracyScale.ticks;
  const decimals = Math.max(0, Math.ceil(-Math.log10((high - low) * 100) - 1e-9));
  return (
    <>
      <div class="curves">
        <figure>
          <figcaption>Accuracy over epochs</figcaption>
          <LineChart
            lines={accuracy.map((line) => clipped(line, accuracyScale.min))}
            domain={domain}
            scale={accuracyScale}
            format={(value) => formatShare(value, Math.max(decimals, value % 1 === 0 ? 0 : decimals))}
            label={`Accuracy over ${plural(last, 'epoch')}. ${ends(accuracy, (value) => formatShare(value))}`}
          />
        </figure>
        <figure>
          <figcaption>Loss over epochs</figcaption>
          <LineChart
            lines={loss}
            domain={domain}
            scale={logScale(min(losses), max(losses), 6)}
            format={formatNumber}
            label={`Loss over ${plural(last, 'epoch')}. ${ends(loss, formatNumber)}`}
          />
        </figure>
      </div>
      <Numbers runs={runs} />
    </>
  );
}

/** The values of the curves as a table, which needs neither a pointer nor eyes. */
function Numbers({ runs }: { runs: readonly Run[] }) {
  const [open, setOpen] = useState(false);
  const several = runs.length > 1;
  const epochs = [...new Set(runs.flatMap(({ metrics }) => metrics.map(({ epoch }) => epoch)))]
    .sort((a, b) => b - a)
    .slice(0, MAX_ROWS);
  const columns = runs.flatMap(({ id, metrics }) => {
    const byEpoch = new Map(metrics.map((line) => [line.epoch, line]));
    const cell = (read: (line: EpochMetrics) => string) => (epoch: number) => {
      const line = byEpoch.get(epoch);
      return line ? read(line) : '–';
    };
    const validation = [
      { name: 'validation accuracy', cell: cell((line) => formatShare(line.validationAccuracy)) },
      { name: 'validation loss', cell: cell((line) => formatNumber(line.validationLoss)) },
    ];
    if (several) return validation.map((column) => ({ ...column, name: `${id}: ${column.name}` }));
    return [
      { name: 'training accuracy', cell: cell((line) => formatShare(line.trainAccuracy)) },
      validation[0],
      { name: 'training loss', cell: cell((line) => formatNumber(line.trainLoss)) },
      validation[1],
      { name: 'duration', cell: cell((line) => formatSeconds(line.seconds)) },
    ];
  });
  return (
    <details class="numbers" onToggle={(event) => setOpen((event.target as HTMLDetailsElement).open)}>
      <summary>Numbers</summary>
      {open && (
        <WideTable label="Numbers of every epoch" hint="Scroll sideways to see all columns.">
          <table>
            <thead>
              <tr>
                <th scope="col">epoch</th>
                {columns.map(({ name }) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {epochs.map((epoch) => (
                <tr key={epoch}>
                  <th scope="row">{epoch}</th>
                  {columns.map(({ name, cell }) => (
                    <td key={name}>{cell(epoch)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </WideTable>
      )}
    </details>
  );
}

function accuracyLines(run: Run, compared: number | null): ChartLine[] {
  return linesOf(run, compared, {
    curve: ({ accuracy }) => accuracy,
    training: ({ trainAccuracy }) => trainAccuracy,
    validation: ({ validationAccuracy }) => validationAccuracy,
  });
}

function lossLines(run: Run, compared: number | null): ChartLine[] {
  return linesOf(run, compared, {
    curve: ({ loss }) => Math.max(MIN_LOSS, loss),
    training: ({ trainLoss }) => Math.max(MIN_LOSS, trainLoss),
    validation: ({ validationLoss }) => Math.max(MIN_LOSS, validationLoss),
  });
}

interface Measures {
  curve: (point: Run['metrics'][number]['curve'][number]) => number;
  training: (epoch: Run['metrics'][number]) => number;
  validation: (epoch: Run['metrics'][number]) => number;
}

/** @param compared index of the run among several; null for a single run */
function linesOf({ id, metrics }: Run, compared: number | null, measures: Measures): ChartLine[] {
  const validation = metrics.map((epoch) => [epoch.epoch, measures.validation(epoch)] as const);
  if (compared !== null) {
    return [
      {
        name: id,
        color: RUN_COLORS[compared % RUN_COLORS.length],
        points: thinned(validation),
        marked: true,
      },
    ];
  }
  const updatesPerEpoch = max([
    0,
    ...metrics.flatMap(({ epoch, curve }) => curve.map(({ step }) => step / epoch)),
  ]);
  const curve = metrics.flatMap((epoch) =>
    epoch.curve.map((point) => [point.step / updatesPerEpoch, measures.curve(point)] as const),
  );
  const training = metrics.map((epoch) => [epoch.epoch, measures.training(epoch)] as const);
  return [
    {
      name: 'training, within the epochs',
      color: 'var(--training-curve)',
      points: thinned(curve),
      faint: true,
      unnamed: true,
    },
    { name: 'training', color: 'var(--training)', points: thinned(training), marked: true },
    { name: 'validation', color: 'var(--validation)', points: thinned(validation), marked: true },
  ];
}

/** About `most` points, evenly spaced, and the last point. */
function thinned<T>(points: readonly T[], most = 400): T[] {
  const every = Math.ceil(points.length / most);
  return points.filter((_, n) => n % every === 0 || n === points.length - 1);
}

/** Removes a faint line's points below the axis. */
function clipped(line: ChartLine, least: number): ChartLine {
  return line.faint ? { ...line, points: line.points.filter(([, value]) => value >= least) } : line;
}

/** For screen readers: each line's name and last value. */
function ends(lines: readonly ChartLine[], format: (value: number) => string): string {
  return lines
    .filter(({ unnamed, points }) => !unnamed && points.length > 0)
    .map(({ name, points }) => `${name} ${format(points[points.length - 1][1])}`)
    .join(', ');
}

function min(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b));
}
function max(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b));
}
