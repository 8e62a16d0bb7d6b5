/**
 * The Inspect view: a run's samples with the network's answers, filters, and the inside of the network for one sample.
 */
import { useEffect, useState } from 'preact/hooks';
import { formatCount } from '#src/report/text.js';
import type { RunDetails, RunList, SampleList, SamplePart, SamplesPending } from '#src/serve/api.js';
import { useLoaded } from '../hooks.js';
import { BackIcon, NextIcon } from '../icons.js';
import { getApi } from '../requests.js';
import { linkTo, parseRoute } from '../route.js';
import '../style/runs.css';
import '../style/inspect.css';
import { SampleDetails } from './sample-details.js';
import { fetchSamples, SampleTile } from './samples.js';

const SAMPLES_PER_PAGE = 60;
const PARTS: SamplePart[] = ['test', 'validation', 'train'];

/** The selected run, filters, page and sample, as strings from the URL. */
type Choice = Record<'run' | 'part' | 'true' | 'predicted' | 'correct' | 'offset' | 'index', string | null>;

export default function InspectPage({ query }: { query: URLSearchParams }) {
  const { value: runs, error } = useLoaded(async (signal) => {
    const { value } = await getApi<RunList>('runs', signal);
    return value.runs.filter(({ model }) => model);
  }, []);
  const choice = choiceOf(query);
  choice.run ??= runs?.[0]?.id ?? null;
  return (
    <main class="inspect">
      <h1 class="hidden">Inspect</h1>
      {error && (
        <p class="card notice" role="alert">
          {error}
        </p>
      )}
      {runs?.length === 0 && (
        <p class="card notice">No run has a checkpoint yet. A run gets one after its first epoch.</p>
      )}
      {choice.run && (
        <OneRun key={choice.run} id={choice.run} runs={runs?.map(({ id }) => id) ?? []} choice={choice} />
      )}
    </main>
  );
}

function choiceOf(query: URLSearchParams): Choice {
  const get = (key: keyof Choice) => query.get(key);
  return {
    run: get('run'),
    part: get('part'),
    true: get('true'),
    predicted: get('predicted'),
    correct: get('correct'),
    offset: get('offset'),
    index: get('index'),
  };
}

/** Updates the URL. Reads the current URL first, because two changes may happen in one frame. */
function choose(changes: Partial<Choice>): void {
  location.hash = linkTo('inspect', { ...choiceOf(parseRoute(location.hash).query), ...changes });
}

interface OneRunProps {
  id: string;
  runs: readonly string[];
  choice: Choice;
}

function OneRun({ id, runs, choice }: OneRunProps) {
  const details = useLoaded(
    async (signal) => (await getApi<RunDetails>(`runs/${encodeURIComponent(id)}`, signal)).value,
    [id],
  );
  const [pending, setPending] = useState<SamplesPending | null>(null);
  const { part, true: label, predicted, correct, offset } = choice;
  const samples = useLoaded(
    (signal) =>
      fetchSamples(
        {
          run: id,
          part: (part ?? 'test') as SamplePart,
          true: label,
          predicted,
          correct,
          offset: Number(offset ?? 0),
          limit: SAMPLES_PER_PAGE,
        },
        signal,
        setPending,
      ),
    [part, label, predicted, correct, offset],
  );
  const list = samples.value;
  const index = choice.index ?? (list?.samples[0] ? String(list.samples[0].index) : null);
  useEffect(() => {
    if (list) setPending(null);
  }, [list]);
  const error = details.error ?? samples.error;
  return (
    <>
      <Filters id={id} runs={runs} classes={list?.classes ?? []} choice={choice} />
      {error && (
        <p class="card notice" role="alert">
          {error}
        </p>
      )}
      {!list && !error && <Pending pending={pending} />}
      {list && (
        <div class="browse">
          <Browser list={list} choice={choice} index={index} />
          {details.value && index !== null && (
            <SampleDetails run={details.value} part={list.part} index={Number(index)} />
          )}
        </div>
      )}
    </>
  );
}

function Pending({ pending }: { pending: SamplesPending | null }) {
  return (
    <div class="card waiting" role="status">
      <p class="muted">
        {pending
          ? `Running the network: ${formatCount(pending.done)} of ${formatCount(pending.total)} samples.`
          : 'Running the network …'}
      </p>
      {pending && <progress value={pending.done} max={pending.total} aria-label="Samples done" />}
    </div>
  );
}

interface FiltersProps {
  id: string;
  runs: readonly string[];
  classes: readonly string[];
  choice: Choice;
}

function Filters({ id, runs, classes, choice }: FiltersProps) {
  const firstPage = { offset: null, index: null };
  const names = classes.map((name, k) => [String(k), name] as const);
  const any = [['', 'any'] as const];
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <Select
        name="Run"
        value={id}
        options={[...new Set([id, ...runs])].map((run) => [run, run] as const)}
        onChange={(run) => choose({ run, ...firstPage, true: null, predicted: null })}
      />
      <Select
        name="Part"
        value={choice.part ?? 'test'}
        options={PARTS.map((part) => [part, part] as const)}
        onChange={(part) => choose({ part, ...firstPage })}
      />
      <Select
        name="True class"
        value={choice.true ?? ''}
        options={[...any, ...names]}
        onChange={(label) => choose({ true: label, ...firstPage })}
      />
      <Select
        name="Predicted class"
        value={choice.predicted ?? ''}
        options={[...any, ...names]}
        onChange={(predicted) => choose({ predicted, ...firstPage })}
      />
      <Select
        name="Answer"
        value={choice.correct ?? ''}
        options={[
          ['', 'any'],
          ['true', 'correct'],
          ['false', 'wrong'],
        ]}
        onChange={(correct) => choose({ correct, ...firstPage })}
      />
    </form>
  );
}

interface SelectProps {
  name: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
}

function Select({ name, value, options, onChange }: SelectProps) {
  return (
    <label>
      <span class="muted">{name}</span>
      <select value={value} onChange={(event) => onChange((event.target as HTMLSelectElement).value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

interface BrowserProps {
  list: SampleList;
  choice: Choice;
  index: string | null;
}

function Browser({ list, choice, index }: BrowserProps) {
  const { samples, matching, total, offset, classes } = list;
  const goTo = (next: number) => choose({ offset: next > 0 ? String(next) : null, index: null });
  return (
    <section class="card browser" aria-label="Samples">
      <header>
        <p class="muted">
          {matching === 0
            ? 'No samples match'
            : `${formatCount(offset + 1)} to ${formatCount(offset + samples.length)} of ${formatCount(matching)}`}
          {matching === total ? '' : ` (${formatCount(total)} in all)`}
        </p>
        <button
          type="button"
          class="quiet"
          aria-label="Previous samples"
          disabled={offset === 0}
          onClick={() => goTo(offset - SAMPLES_PER_PAGE)}
        >
          <BackIcon />
        </button>
        <button
          type="button"
          class="quiet"
          aria-label="Next samples"
          disabled={offset + samples.length >= matching}
          onClick={() => goTo(offset + SAMPLES_PER_PAGE)}
        >
          <NextIcon />
        </button>
      </header>
      <div class="tiles">
        {samples.map((sample) => (
          <SampleTile
            key={sample.index}
            sample={sample}
            classes={classes}
            current={String(sample.index) === index}
            href={linkTo('inspect', { ...choice, index: sample.index })}
          />
        ))}
      </div>
    </section>
  );
}
