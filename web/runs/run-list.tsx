/** The list of runs, newest first, with their accuracies and checkboxes to compare them. */

import { formatShare } from '#src/report/text.js';
import type { RunEntry } from '#src/serve/api.js';
import { linkTo } from '../route.js';
import { RUN_COLORS } from './curves.js';

export const MAX_COMPARED = RUN_COLORS.length;

export function RunList({ runs, shown }: { runs: readonly RunEntry[]; shown: readonly string[] }) {
  return (
    <ul class="run-list">
      {runs.map((run) => (
        <RunRow key={run.id} run={run} shown={shown} />
      ))}
    </ul>
  );
}

function RunRow({ run, shown }: { run: RunEntry; shown: readonly string[] }) {
  const { id, preset, data, epochs, num_epochs: wanted } = run;
  const place = shown.indexOf(id);
  const compared = place >= 0 && shown.length > 1;
  const accuracy = run.test_accuracy ?? run.best_val_accuracy;
  const toggle = () => {
    const next = place >= 0 ? shown.filter((each) => each !== id) : [...shown, id];
    location.hash = linkTo('runs', { run: next });
  };
  return (
    <li class={place >= 0 ? 'shown' : ''}>
      <a href={linkTo('runs', { run: id })} aria-current={place >= 0 && !compared ? 'true' : undefined}>
        <span class="run-name">
          {compared && <i class="dot" style={{ background: RUN_COLORS[place] }} />}
          {id}
          <StateBadge state={run.state} />
        </span>
        <span class="run-facts">
          {[preset, data, epochsText(epochs, wanted)].filter(Boolean).join(' · ')}
        </span>
        <span class="run-accuracy">
          {accuracy === null ? '–' : formatShare(accuracy)}
          <small>{accuracy === null ? '' : run.test_accuracy === null ? 'validation' : 'test'}</small>
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

export function StateBadge({ state }: { state: RunEntry['state'] }) {
  if (state === 'done') return null;
  return <span class={`badge ${state}`}>{state === 'live' ? 'training' : 'stopped'}</span>;
}

function epochsText(done: number, wanted: number | null): string {
  return wanted === null || wanted === done
    ? `${done} epochs`.replace(/^1 epochs/, '1 epoch')
    : `epoch ${done} of ${wanted}`;
}
