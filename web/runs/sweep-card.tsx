/** The sweep that a run is a trial of: all its trials as parallel coordinates, in which a click opens a trial. */
import { useEffect, useReducer, useRef } from 'preact/hooks';
import { type DrawnAxis, parallelAxes, rankShare } from '#src/report/charts/parallel-axes.js';
import { formatShare, plural } from '#src/report/text.js';
import type { Settings } from '#src/runs/sweep/sweep-folder.js';
import type { RunDetails, RunEntry } from '#src/serve/api.js';
import { getApi } from '../requests.js';
import { linkTo } from '../route.js';
import { WideTable } from '../wide-table.js';
import { settingName } from './setting-names.js';
import { differingAxes, plainSettings, sweepOf, trialNumber } from './sweep-axes.js';

/** Trials that are shown, the first: each costs a request. */
const MAX_TRIALS = 60;
/** Requests at a time. */
const PARALLEL = 3;

const WIDTH = 780;
const HEIGHT = 380;
const TOP = 40;
const BOTTOM = 16;
const SIDE = 70;

/** @param runs the list of runs */
export function SweepCard({ id, runs }: { id: string; runs: readonly RunEntry[] }) {
  const sweep = sweepOf(id);
  const trials = runs
    .filter((run) => sweep !== null && sweepOf(run.id) === sweep && run.best_val_accuracy !== null)
    .sort((a, b) => trialNumber(a.id) - trialNumber(b.id))
    .slice(0, MAX_TRIALS);
  const settings = useSettings(trials.map((trial) => trial.id));
  const known = trials.flatMap((entry) => {
    const own = settings.get(entry.id);
    return own ? [{ entry, settings: own, bestValAccuracy: entry.best_val_accuracy }] : [];
  });
  if (sweep === null || known.length < 2) return null;
  known.sort((a, b) => (b.bestValAccuracy ?? 0) - (a.bestValAccuracy ?? 0));
  const axes = parallelAxes(known, differingAxes(known.map((trial) => trial.settings)), settingName);
  const [best] = known;
  const names = axes.slice(0, -1).map(({ name }) => name);
  const label = `Parallel coordinates of ${plural(known.length, 'trial')}: ${names.join(', ')}, validation accuracy. The best is trial ${trialNumber(best.entry.id)}.`;
  return (
    <section class="card" aria-label="Sweep">
      <h2>Sweep</h2>
      <p class="muted">
        {plural(known.length, 'trial')} of <bdi>{sweep}</bdi>. The best on the validation samples is{' '}
        <a class="sweep-best" href={linkTo('runs', { run: best.entry.id })}>
          trial {trialNumber(best.entry.id)}
        </a>{' '}
        with {formatShare(best.bestValAccuracy ?? 0)}. A line is a trial; click one to open it.
      </p>
      <WideTable label="Settings and accuracy of the trials" hint="Scroll sideways to see all settings.">
        <svg class="parallel-chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
          <title>{label}</title>
          {axes.map((axis, n) => (
            <AxisLine key={axis.name} axis={axis} at={x(n, axes)} isLast={n === axes.length - 1} />
          ))}
          {known.toReversed().map((trial) => {
            const rank = rankShare(known.indexOf(trial), known.length);
            const path = pathOf(axes, (axis) => axis.place(trial, rank));
            return (
              // The keyboard reaches the trials in the list.
              <a key={trial.entry.id} href={linkTo('runs', { run: trial.entry.id })} tabIndex={-1}>
                <title>{`Trial ${trialNumber(trial.entry.id)}: ${formatShare(trial.bestValAccuracy ?? 0)}`}</title>
                <path class="parallel-reach" d={path} />
                <path
                  class={[
                    'parallel-trial',
                    trial === best ? 'best' : '',
                    trial.entry.id === id ? 'current' : '',
                    trial.entry.state === 'done' ? '' : 'dashed',
                  ].join(' ')}
                  d={path}
                  style={{ opacity: trial === best || trial.entry.id === id ? 1 : 0.75 - 0.5 * rank }}
                />
              </a>
            );
          })}
        </svg>
      </WideTable>
    </section>
  );
}

/** The settings of runs by their ids, loaded once each. */
function useSettings(ids: readonly string[]): ReadonlyMap<string, Settings> {
  const settings = useRef(new Map<string, Settings>());
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const controller = new AbortController();
    const left = ids.filter((id) => !settings.current.has(id));
    const load = async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) {
        try {
          const { value } = await getApi<RunDetails>(`runs/${encodeURIComponent(id)}`, controller.signal);
          settings.current.set(id, plainSettings(value.config ?? {}));
          render(undefined);
        } catch {
          if (controller.signal.aborted) return;
          // A trial whose settings cannot be loaded is left out; the next change of the list asks again.
        }
      }
    };
    for (let n = 0; n < PARALLEL; n++) void load();
    return () => controller.abort();
  }, [ids.join('\n')]);
  return settings.current;
}

function x(n: number, axes: readonly DrawnAxis[]): number {
  return axes.length < 2 ? WIDTH / 2 : SIDE + (n * (WIDTH - 2 * SIDE)) / (axes.length - 1);
}

function y(share: number): number {
  return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

function pathOf(axes: readonly DrawnAxis[], place: (axis: DrawnAxis) => number | null): string {
  const points = axes.flatMap((axis, n) => {
    const at = place(axis);
    return at === null ? [] : [`${x(n, axes).toFixed(1)} ${y(at).toFixed(1)}`];
  });
  return `M${points.join('L')}`;
}

function AxisLine({ axis, at, isLast }: { axis: DrawnAxis; at: number; isLast: boolean }) {
  return (
    <g>
      <line class="parallel-axis" x1={at} x2={at} y1={TOP} y2={HEIGHT - BOTTOM} />
      <text class="parallel-name" x={at} y={TOP - 20}>
        {axis.name}
      </text>
      {axis.ticks.map((tick) => (
        <text
          key={tick.text}
          class={isLast ? 'parallel-tick last' : 'parallel-tick'}
          x={at + (isLast ? 8 : -8)}
          y={y(tick.at)}
        >
          {tick.text}
        </text>
      ))}
    </g>
  );
}
