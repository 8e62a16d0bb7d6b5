/** The first test samples with a wrong answer. The Inspect view has all of them. */
import { useState } from 'preact/hooks';
import { formatCount } from '#src/report/text.js';
import type { SamplesPending } from '#src/serve/api.js';
import { useLoaded } from '../hooks.js';
import { fetchSamples, SampleTile } from '../inspect/samples.js';
import { linkTo } from '../route.js';

const MAX_SHOWN = 24;

export function Mistakes({ run }: { run: string }) {
  const [pending, setPending] = useState<SamplesPending | null>(null);
  const { value, error } = useLoaded(
    (signal) => fetchSamples({ run, part: 'test', correct: 'false', limit: MAX_SHOWN }, signal, setPending),
    [run],
  );
  return (
    <section class="card" aria-label="Mistakes">
      <header class="with-link">
        <h2>Mistakes</h2>
        {value && value.matching > 0 && (
          <a href={linkTo('inspect', { run, correct: 'false' })}>All {formatCount(value.matching)}</a>
        )}
      </header>
      {error && <p class="muted">{error}</p>}
      {!value && !error && (
        <p class="muted">
          {pending
            ? `Running the network: ${formatCount(pending.done)} of ${formatCount(pending.total)} samples.`
            : 'Running the network …'}
        </p>
      )}
      {value?.matching === 0 && <p class="muted">None.</p>}
      {value && (
        <div class="tiles">
          {value.samples.map((sample) => (
            <SampleTile
              key={sample.index}
              sample={sample}
              classes={value.classes}
              href={linkTo('inspect', { run, correct: 'false', index: sample.index })}
            />
          ))}
        </div>
      )}
    </section>
  );
}
