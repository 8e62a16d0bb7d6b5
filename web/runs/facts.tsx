/** A run's results and settings as lists; for several runs, one table with a column per run. */
import {
  formatCount,
  formatEnergy,
  formatNumber,
  formatRefused,
  formatScore,
  formatSeconds,
  formatShare,
  plural,
} from '#src/report/text.js';
import type { RunSummary } from '#src/runs/run-folder.js';
import type { RunEntry } from '#src/serve/api.js';
import { linkTo } from '../route.js';
import { WideTable } from '../wide-table.js';
import { RUN_COLORS } from './curves.js';
import { bestValidation, type Run } from './run-feed.js';
import { SETTING_GROUPS, settingName, settingValue } from './setting-names.js';

type Fact = [name: string, value: string];

/** The results that a run has so far. */
export function factsOf({ details, metrics, summary }: Run): Fact[] {
  const last = metrics.at(-1);
  const best = bestValidation(metrics);
  const seconds = summary?.trainSeconds ?? metrics.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const speed = summary?.samplesPerSecond ?? last?.samplesPerSecond;
  const facts: (Fact | null)[] = [
    summary && ['Test accuracy', formatScore(summary.testScore)],
    best === null ? null : ['Best validation accuracy', formatShare(best)],
    last ? ['Training loss', formatNumber(last.trainLoss)] : null,
    last ? ['Validation loss', formatNumber(last.validationLoss)] : null,
    summary?.reversedScore ? ['Accuracy drawn in reverse', formatScore(summary.reversedScore)] : null,
    summary?.reorderedScore
      ? ['Accuracy with strokes in reverse order', formatScore(summary.reorderedScore)]
      : null,
    ...refusalFacts(summary?.refusals ?? null),
    ['Epochs', epochsText(metrics.length, details.num_epochs)],
    metrics.length > 0 ? ['Training time', formatSeconds(seconds)] : null,
    speed ? ['Training speed', `${formatCount(speed)} samples/s`] : null,
    summary && summary.gflops > 0 ? ['Computing speed', `${summary.gflops.toFixed(1)} GFLOP/s`] : null,
    summary ? ['Peak memory', `${formatCount(summary.peakRssMb)} MB`] : null,
    summary && summary.energyJoules !== null
      ? ['Energy', formatEnergy(summary.energyJoules, summary.totalSeconds)]
      : null,
    details.parameters ? ['Parameters', formatCount(details.parameters)] : null,
    summary ? ['Backend', `${summary.backend} (${summary.backendDescription})`] : null,
    summary ? ['Threads', plural(summary.threads, 'thread')] : null,
    // The files of a package have the time of its installation.
    details.shipped ? null : ['Started', timeText(details.started)],
  ];
  return facts.filter((fact) => fact !== null).map(([name, value]) => [name, kept(value)]);
}

function timeText(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

function refusalFacts(refusals: RunSummary['refusals']): Fact[] {
  if (refusals === null) return [];
  return [
    ['Test samples answered “none of these”', formatRefused(refusals.test)],
    ['Negatives answered “none of these”', formatRefused(refusals.negatives)],
  ];
}

/** `3 epochs`, or `4 of 12 epochs`. */
export function epochsText(done: number, wanted: number | null): string {
  return wanted === null || wanted === done
    ? plural(done, 'epoch')
    : `${formatCount(done)} of ${plural(wanted, 'epoch')}`;
}

/** Numbers stay on one line with their units. */
function kept(value: string): string {
  return value.replace(/(\d) (?=[^\d=(])/g, '$1\u00a0');
}

/** Whether a network was taught from the project in its folder. */
export function isTaught(run: Pick<RunEntry, 'model' | 'preset' | 'epochs' | 'data'>): boolean {
  return isImported(run) && /[/\\]project\.json$/.test(run.data ?? '');
}

/** Whether a run is a network that no training of a run has made, such as one of another tool. */
export function isImported({
  model,
  preset,
  epochs,
}: Pick<RunEntry, 'model' | 'preset' | 'epochs'>): boolean {
  return model && preset === null && epochs === 0;
}

export function Facts({ run }: { run: Run }) {
  return (
    <dl class="facts">
      {factsOf(run).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Configuration({ run }: { run: Run }) {
  const settings = settingsOf(run);
  if (settings.size === 0) return null;
  const known = new Set(SETTING_GROUPS.flatMap((group) => Object.keys(group.settings)));
  const others = [...settings.keys()].filter((key) => !known.has(key));
  const groups = [
    ...SETTING_GROUPS.map(({ title, settings }) => ({ title, keys: Object.keys(settings) })),
    { title: 'Others', keys: others },
  ];
  return (
    <details class="card configuration" open={matchMedia('(width > 820px)').matches}>
      <summary>Settings</summary>
      {groups.map(({ title, keys }) => {
        const present = keys.filter((key) => settings.has(key));
        if (present.length === 0) return null;
        return (
          <section key={title} aria-label={title}>
            <h3>{title}</h3>
            <dl class="settings">
              {present.map((key) => (
                <div key={key} data-setting={key}>
                  <dt>{settingName(key)}</dt>
                  <dd>{settings.get(key)}</dd>
                </div>
              ))}
            </dl>
          </section>
        );
      })}
    </details>
  );
}

/** All results, then the settings that differ. */
export function Comparison({ runs }: { runs: readonly Run[] }) {
  const facts = runs.map((run) => new Map(factsOf(run)));
  const settings = runs.map(settingsOf);
  const names = (tables: ReadonlyMap<string, string>[]) => [
    ...new Set(tables.flatMap((table) => [...table.keys()])),
  ];
  const differing = names(settings).filter(
    (name) => name !== 'saving_path' && new Set(settings.map((table) => table.get(name))).size > 1,
  );
  const row = (tables: ReadonlyMap<string, string>[], nameOf: (key: string) => string) => (key: string) => (
    <tr key={key}>
      <th scope="row">{nameOf(key)}</th>
      {tables.map((table, n) => (
        <td key={runs[n].id}>{table.get(key) ?? '–'}</td>
      ))}
    </tr>
  );
  return (
    <section class="card" aria-label="Comparison">
      <h2>Comparison</h2>
      <WideTable label="Table of the compared runs" hint={`Scroll sideways to see all ${runs.length} runs.`}>
        <table class="comparison" style={{ '--runs': runs.length }}>
          <thead>
            <tr>
              <td class="corner" />
              {runs.map(({ id }, n) => (
                <th key={id} scope="col">
                  <i class="dot" style={{ background: RUN_COLORS[n] }} />
                  <a href={linkTo('runs', { run: id })} title={id}>
                    {id}
                  </a>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{names(facts).map(row(facts, (name) => name))}</tbody>
          {differing.length > 0 && (
            <tbody>
              <tr>
                <th scope="rowgroup" class="group">
                  Settings that differ
                </th>
                <td colSpan={runs.length} />
              </tr>
              {differing.map(row(settings, settingName))}
            </tbody>
          )}
        </table>
      </WideTable>
    </section>
  );
}

/** The settings by their keys in config.json. */
function settingsOf({ details }: Run): ReadonlyMap<string, string> {
  return new Map(Object.entries(details.config ?? {}).map(([key, value]) => [key, settingValue(key, value)]));
}
