/** The first test samples with a wrong answer. The Inspect view has all of them. */
import { useState } from 'preact/hooks';
import { formatCount } from '#src/report/text.js';
import type { SamplesPending } from '#src/serve/api.js';
import { useLoaded } from '../hooks.js';
import { fetchSamples, SampleTile, WaitingForSamples } from '../inspect/samples.js';
import { linkTo } from '../route.js';
import { Failure } from '../states.js';

const MAX_SHOWN = 24;

export function Mistakes({ run }: { run: string }) {
  const [pending, setPending] = useState<SamplesPending | null>(null);
  const { value, error, reload } = useLoaded(
    (signal) => fetchSamples({ run, part: 'test', correct: 'false', limit: MAX_SHOWN }, signal, setPending),
    [run],
  );
  return (
    <section class="card" aria-label="Mistakes">
      <header class="with-link">
        <h2>Mistakes</h2>
        {value && value.matching > 0 && (
          <a href={linkTo('inspect', { run, correct: 'false' })}>
            {value.matching > value.samples.length
              ? `All ${formatCount(value.matching)} mistakes`
              : 'Inspect'}
          </a>
        )}
      </header>
      {error && <Failure title="The mistakes cannot be shown." message={error} retry={reload} />}
      {!value && !error && <WaitingForSamples pending={pending} />}
      {value?.matching === 0 && <p class="muted">The network makes no mistake on the test samples.</p>}
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
