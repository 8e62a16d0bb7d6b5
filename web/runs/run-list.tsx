/** The list of runs, newest first, with their accuracies and checkboxes to compare them. A long list is filtered. */
import { useState } from 'preact/hooks';
import { formatCount, formatShare, plural } from '#src/report/text.js';
import type { RunEntry } from '#src/serve/api.js';
import { linkTo } from '../route.js';
import { RUN_COLORS } from './curves.js';
import { epochsText, isImported, isTaught } from './facts.js';

export const MAX_COMPARED = RUN_COLORS.length;
/** Rows at first, and rows that a click adds: more would make the page slow on a phone. */
const ROWS = 40;
/** A shorter list has no filter. */
const FILTER_FROM = 8;

export function RunList({ runs, shown }: { runs: readonly RunEntry[]; shown: readonly string[] }) {
  const [filter, setFilter] = useState('');
  const [rows, setRows] = useState(ROWS);
  const found = runs.filter((run) => matches(run, filter));
  // A run that is shown stays in the list, however old it is.
  const listed = found.filter((run, n) => n < rows || shown.includes(run.id));
  return (
    <>
      {runs.length >= FILTER_FROM && (
        <div class="run-filter">
          <input
            type="search"
            value={filter}
            placeholder="Filter by name, data, state"
            aria-label="Filter the runs by name, data or state"
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setFilter((event.target as HTMLInputElement).value)}
          />
          <p class="muted" role="status">
            {filter.trim() === ''
              ? plural(runs.length, 'run')
              : `${formatCount(found.length)} of ${plural(runs.length, 'run')}`}
          </p>
        </div>
      )}
      {runs.length > 1 && (
        <p class="muted">
          {orderText(runs)} Tick up to {MAX_COMPARED} to compare.
          {shown.length > 1 && (
            <>
              {' '}
              <a class="to-comparison" href={linkTo('runs', { run: [...shown] })}>
                Compare {shown.length} runs
              </a>
            </>
          )}
        </p>
      )}
      {found.length === 0 && <p class="muted">No run matches “{filter.trim()}”.</p>}
      <ul class="run-list">
        {listed.map((run) => (
          <RunRow key={run.id} run={run} shown={shown} />
        ))}
      </ul>
      {found.length > listed.length && (
        <button type="button" class="more" onClick={() => setRows(rows + ROWS)}>
          Show {Math.min(ROWS, found.length - listed.length)} more of {formatCount(found.length)}
        </button>
      )}
    </>
  );
}

function orderText(runs: readonly RunEntry[]): string {
  const shipped = runs.filter((run) => run.shipped).length;
  if (shipped === runs.length) return 'These came with scanstroke.';
  return shipped === 0 ? 'Newest first.' : 'Newest first; at the end those that came with scanstroke.';
}

/** Whether the list and the runs take turns, as on a phone (style/runs.css). */
export function isNarrow(): boolean {
  return matchMedia('(width <= 820px)').matches;
}

/** Whether every word of the filter is in the run's name, preset, data or state. */
function matches({ id, preset, data, state, shipped, problem }: RunEntry, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const marks = [STATES[state], shipped ? SHIPPED : '', problem === null ? '' : DAMAGED];
  const text = [id, preset, data, ...marks].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}

const STATES: Record<RunEntry['state'], string> = { live: 'training', stopped: 'stopped', done: 'done' };
const DAMAGED = 'damaged';
const SHIPPED = 'shipped';

function RunRow({ run, shown }: { run: RunEntry; shown: readonly string[] }) {
  const { id, preset, data, epochs, num_epochs: wanted } = run;
  const place = shown.indexOf(id);
  const compared = place >= 0 && shown.length > 1;
  const accuracy = run.test_accuracy ?? run.best_val_accuracy;
  const toggle = () => {
    const next = place >= 0 ? shown.filter((each) => each !== id) : [...shown, id];
    // On a phone the list stays, so that more runs can be ticked.
    location.hash = linkTo('runs', { run: next, pick: isNarrow() ? 1 : null });
  };
  return (
    <li class={place >= 0 ? 'shown' : ''}>
      <a href={linkTo('runs', { run: id })} aria-current={place >= 0 && !compared ? 'true' : undefined}>
        <span class="run-name">
          {compared && <i class="dot" style={{ background: RUN_COLORS[place] }} />}
          <bdi class="run-id" title={id}>
            {id}
          </bdi>
          <StateBadge run={run} />
        </span>
        <span class="run-facts">
          {[
            preset,
            data && dataName(data),
            isTaught(run) ? 'taught' : isImported(run) ? 'imported' : epochsText(epochs, wanted),
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
        <span class="run-accuracy">
          {accuracy === null ? '–' : formatShare(accuracy)}
          <small>
            {accuracy === null ? 'no result' : run.test_accuracy === null ? 'validation' : 'test'}
          </small>
        </span>
      </a>
      <label>
        <input
          type="checkbox"
          checked={place >= 0}
          disabled={(place < 0 && shown.length >= MAX_COMPARED) || (place >= 0 && shown.length === 1)}
          onChange={toggle}
        />
        <span class="hidden">compare {id}</span>
      </label>
    </li>
  );
}

/** The data's name without the folders that lead to it: `strokes:digits` for `strokes:/home/me/digits`. */
function dataName(data: string): string {
  const [, kind, path] = /^(\w+:)?(.*)$/s.exec(data) ?? ['', '', '', data];
  return `${kind ?? ''}${path.split(/[/\\]/).filter(Boolean).at(-1) ?? path}`;
}

type Marks = Pick<RunEntry, 'state' | 'problem' | 'shipped'>;

export function StateBadge({ run: { state, problem, shipped } }: { run: Marks }) {
  if (problem !== null) return <span class="badge damaged">{DAMAGED}</span>;
  if (shipped)
    return (
      <span class="badge shipped" title="This network came with scanstroke.">
        {SHIPPED}
      </span>
    );
  if (state === 'done') return null;
  return <span class={`badge ${state}`}>{STATES[state]}</span>;
}
