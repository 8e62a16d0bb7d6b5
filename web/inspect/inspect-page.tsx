/**
 * The Inspect view: a run's samples with the network's answers, filters, and the inside of the network for one sample.
 */
import { useEffect, useState } from 'preact/hooks';
import { plural } from '#src/report/text.js';
import type { RunDetails, RunList, SampleList, SamplePart, SamplesPending } from '#src/serve/api.js';
import { isolated, shownNames } from '../charts/class-name.js';
import { type Loaded, useLoaded, useTitle } from '../hooks.js';
import { BackIcon, NextIcon } from '../icons.js';
import { getApi } from '../requests.js';
import { linkTo, parseRoute } from '../route.js';
import '../style/charts.css';
import '../style/runs.css';
import '../style/run-details.css';
import '../style/tables.css';
import '../style/inspect.css';
import { Failure, rangeText, Waiting } from '../states.js';
import { SampleDetails } from './sample-details.js';
import { fetchSamples, SampleTile, WaitingForSamples } from './samples.js';

const SAMPLES_PER_PAGE = 60;
const PARTS: SamplePart[] = ['test', 'validation', 'train'];

/** All samples of a part, from the first. */
const NO_FILTERS = { true: null, predicted: null, correct: null, offset: null, index: null };

/** The selected run, filters, page and sample, as strings from the URL. */
type Choice = Record<'run' | 'part' | 'true' | 'predicted' | 'correct' | 'offset' | 'index', string | null>;

export default function InspectPage({ query }: { query: URLSearchParams }) {
  const {
    value: runs,
    error,
    reload,
  } = useLoaded(async (signal) => {
    const { value } = await getApi<RunList>('runs', signal);
    return value.runs.filter(({ model }) => model);
  }, []);
  const choice = choiceOf(query);
  choice.run ??= runs?.[0]?.id ?? null;
  useTitle(...(choice.run === null ? [] : [choice.run]), 'Inspect');
  return (
    <main class="inspect" tabIndex={-1}>
      <h1 class="hidden">Inspect</h1>
      {error && (
        <section class="card">
          <Failure title="The list of runs cannot be loaded." message={error} retry={reload} />
        </section>
      )}
      {!runs && !error && !choice.run && (
        <section class="card">
          <Waiting what="Loading the list of runs" />
        </section>
      )}
      {runs?.length === 0 && !choice.run && (
        <section class="card notice">
          <h2>Nothing to inspect yet</h2>
          <p>
            No run has a checkpoint. A run gets one after its first epoch.{' '}
            <a class="way" href={linkTo('runs')}>
              All runs
            </a>
          </p>
        </section>
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
  return (
    <>
      <Filters id={id} runs={runs} classes={list?.classes ?? []} choice={choice} />
      {samples.error && (
        <section class="card notice">
          <Failure
            title={`The samples of ${id} cannot be shown.`}
            message={samples.error}
            retry={samples.reload}
          >
            <a class="way" href={linkTo('runs', { run: id })}>
              Results of this run
            </a>
            <a class="way" href={linkTo('runs')}>
              All runs
            </a>
          </Failure>
        </section>
      )}
      {!list && !samples.error && (
        <section class="card">
          <WaitingForSamples pending={pending} />
        </section>
      )}
      {list && (
        <div class="browse" aria-busy={samples.loading}>
          <Browser list={list} choice={choice} index={index} />
          {index !== null && <Sample details={details} part={list.part} index={Number(index)} />}
        </div>
      )}
    </>
  );
}

interface SampleProps {
  details: Loaded<RunDetails>;
  part: SamplePart;
  index: number;
}

/** The selected sample. It needs the run's settings, which are a request of their own. */
function Sample({ details, part, index }: SampleProps) {
  if (details.value) return <SampleDetails run={details.value} part={part} index={index} />;
  return (
    <section class="card" aria-label={`Sample ${index}`}>
      {details.error ? (
        <Failure title="The run cannot be read." message={details.error} retry={details.reload} />
      ) : (
        <Waiting what="Loading the run" />
      )}
    </section>
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
  const names = shownNames(classes).map((name, k) => [String(k), isolated(name)] as const);
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
            ? 'No sample matches these filters'
            : rangeText(offset + 1, offset + samples.length, matching, 'sample')}
          {matching === total ? '' : `; the part has ${plural(total, 'sample')}`}
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
      {matching === 0 && (
        <p class="ways">
          <button type="button" onClick={() => choose(NO_FILTERS)}>
            Remove the filters
          </button>
        </p>
      )}
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
