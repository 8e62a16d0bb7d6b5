/** A run's results and settings as lists; for several runs, one table with a column per run. */
import { snakeCase } from '#src/formats/key-case.js';
import {
  formatCount,
  formatNumber,
  formatScore,
  formatSeconds,
  formatSetting,
  formatShare,
} from '#src/report/text.js';
import { linkTo } from '../route.js';
import { RUN_COLORS } from './curves.js';
import type { Run } from './run-feed.js';

type Fact = [name: string, value: string];

/** The results that a run has so far. */
export function factsOf({ details, metrics, summary }: Run): Fact[] {
  const last = metrics.at(-1);
  const best = Math.max(...metrics.map(({ validationAccuracy }) => validationAccuracy));
  const seconds = summary?.trainSeconds ?? metrics.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const speed = summary?.samplesPerSecond ?? last?.samplesPerSecond;
  const facts: (Fact | null)[] = [
    summary && ['Test', formatScore(summary.testScore)],
    metrics.length > 0 ? ['Best validation', formatShare(best)] : null,
    last ? ['Training loss', formatNumber(last.trainLoss)] : null,
    summary?.reversedScore ? ['Drawn in reverse', formatScore(summary.reversedScore)] : null,
    metrics.length > 0 ? ['Training time', formatSeconds(seconds)] : null,
    speed ? ['Samples per second', formatCount(speed)] : null,
    summary && summary.gflops > 0 ? ['GFLOP/s', summary.gflops.toFixed(1)] : null,
    summary ? ['Peak memory', `${formatCount(summary.peakRssMb)} MB`] : null,
    details.parameters ? ['Parameters', formatCount(details.parameters)] : null,
    summary ? ['Backend', `${summary.backend} (${summary.backendDescription})`] : null,
    summary ? ['Threads', String(summary.threads)] : null,
    [
      'Started',
      new Date(details.started).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
    ],
  ];
  return facts.filter((fact) => fact !== null);
}

export function Facts({ run }: { run: Run }) {
  return (
    <dl class="facts">
      {factsOf(run).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value.replaceAll(' %', '\u00a0%')}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Configuration({ run }: { run: Run }) {
  return (
    <details class="card configuration" open={matchMedia('(width > 820px)').matches}>
      <summary>Configuration</summary>
      <dl class="settings">
        {settingsOf(run).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** All results, then the settings that differ. */
export function Comparison({ runs }: { runs: readonly Run[] }) {
  const facts = runs.map((run) => new Map(factsOf(run)));
  const settings = runs.map((run) => new Map(settingsOf(run)));
  const names = (tables: Map<string, string>[]) => [...new Set(tables.flatMap((table) => [...table.keys()]))];
  const differing = names(settings).filter(
    (name) => new Set(settings.map((table) => table.get(name))).size > 1,
  );
  const row = (tables: Map<string, string>[]) => (name: string) => (
    <tr key={name}>
      <th scope="row">{name}</th>
      {tables.map((table, n) => (
        <td key={runs[n].id}>{table.get(name) ?? '–'}</td>
      ))}
    </tr>
  );
  return (
    <section class="card" aria-label="Comparison">
      <h2>Comparison</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <td />
              {runs.map(({ id }, n) => (
                <th key={id} scope="col">
                  <i class="dot" style={{ background: RUN_COLORS[n] }} />
                  <a href={linkTo('runs', { run: id })}>{id}</a>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{names(facts).map(row(facts))}</tbody>
          {differing.length > 0 && (
            <tbody>
              <tr>
                <th scope="rowgroup" colSpan={runs.length + 1} class="group">
                  Settings that differ
                </th>
              </tr>
              {differing.map(row(settings))}
            </tbody>
          )}
        </table>
      </div>
    </section>
  );
}

function settingsOf({ details }: Run): Fact[] {
  return Object.entries(details.config ?? {}).map(([name, value]) => [
    snakeCase(name).replaceAll('_', ' '),
    typeof value === 'number' ? formatSetting(value) : value === null ? '–' : String(value),
  ]);
}
