/** The Runs view: the list, and one run in full or several compared. Updates live during training. */
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import { formatShare } from '#src/report/text.js';
import type { RunEntry, RunList as RunListJson } from '#src/serve/api.js';
import { connection } from '../connection.js';
import { messageOf, useTitle } from '../hooks.js';
import { getApi } from '../requests.js';
import { linkTo } from '../route.js';
import { Failure, Waiting } from '../states.js';
import '../style/charts.css';
import '../style/runs.css';
import '../style/run-details.css';
import '../style/tables.css';
import { Confusion } from './confusion.js';
import { Curves } from './curves.js';
import { Comparison, Configuration, epochsText, Facts, isImported, isTaught } from './facts.js';
import { Mistakes } from './mistakes.js';
import { bestValidation, type Run, RunFeed } from './run-feed.js';
import { isNarrow, MAX_COMPARED, RunList, StateBadge } from './run-list.js';
import { SweepCard } from './sweep-card.js';

const REFRESH_LIST_EVERY_MS = 3000;
/** A server that needs long for its list is asked less often: at most this share of its time. */
const REFRESH_SHARE = 0.25;

export default function RunsPage({ query }: { query: URLSearchParams }) {
  const { runs, error, reload } = useRunList();
  const wanted = [...new Set(query.getAll('run'))].slice(0, MAX_COMPARED);
  const shown = wanted.length > 0 ? wanted : (runs?.slice(0, 1).map(({ id }) => id) ?? []);
  useTitle(...(wanted.length === 1 ? wanted : wanted.length > 1 ? ['Comparison'] : []), 'Runs');
  const content = useRef<HTMLDivElement>(null);
  // On a phone: whether the chosen runs are shown, not the list with its ticks.
  const isChosen = wanted.length > 0 && !query.has('pick');
  const key = isChosen ? wanted.join('\n') : '';
  const isFirst = useRef(true);
  useEffect(() => {
    // On a phone a run takes the place of the list, so the focus and the view move to it.
    const isChange = !isFirst.current;
    isFirst.current = false;
    if (!isChange || key === '' || !isNarrow()) return;
    scrollTo(0, 0);
    content.current?.focus({ preventScroll: true });
  }, [key]);
  return (
    <main class={`runs${isChosen ? ' chosen' : ''}`} tabIndex={-1}>
      <h1 class="hidden">Runs</h1>
      <nav class="rail" aria-label="Runs">
        {error && (
          <section class="card">
            <Failure title="The list of runs cannot be loaded." message={error} retry={reload} />
          </section>
        )}
        {!runs && !error && (
          <section class="card">
            <Waiting what="Loading the list of runs" />
          </section>
        )}
        {runs && runs.length > 0 && <RunList runs={runs} shown={shown} />}
        {runs?.every(({ shipped }) => shipped) && (
          <NoRuns title={runs.length === 0 ? 'No runs yet' : 'No runs of your own yet'} />
        )}
      </nav>
      <div class="content" ref={content} tabIndex={-1}>
        <a class="back" href={linkTo('runs', wanted.length > 1 ? { run: wanted, pick: 1 } : {})}>
          ← All runs
        </a>
        {shown.length > 0 && (runs || wanted.length > 0) && (
          <Shown key={shown.join('\n')} ids={shown} runs={runs ?? []} />
        )}
      </div>
    </main>
  );
}

/** The list of runs, refreshed at intervals while the page is visible. */
function useRunList() {
  const [state, setState] = useState<{ runs: RunEntry[] | null; error: string | null }>({
    runs: null,
    error: null,
  });
  const [attempt, reload] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const controller = new AbortController();
    const ask = async () => {
      const began = performance.now();
      try {
        if (document.visibilityState === 'visible' && !connection.lost) {
          const { value } = await getApi<RunListJson>('runs', controller.signal);
          setState({ runs: value.runs, error: null });
        }
      } catch (reason) {
        if (controller.signal.aborted) return;
        // While the connection is lost the page says so, and the last list stays.
        setState(({ runs }) => ({ runs, error: connection.lost && runs ? null : messageOf(reason) }));
      }
      const took = performance.now() - began;
      timer = setTimeout(ask, Math.max(REFRESH_LIST_EVERY_MS, took / REFRESH_SHARE));
    };
    void ask();
    const stop = connection.subscribe(() => {
      if (connection.lost) return;
      clearTimeout(timer);
      void ask();
    });
    return () => {
      stop();
      controller.abort();
      clearTimeout(timer);
    };
  }, [attempt]);
  return { ...state, reload: () => reload(undefined) };
}

function NoRuns({ title }: { title: string }) {
  return (
    <section class="card notice">
      <h2>{title}</h2>
      <p>A run appears here when its training starts:</p>
      <pre>
        <code>npx scanstroke train</code>
      </pre>
    </section>
  );
}

/** Follows and shows the selected runs. */
function Shown({ ids, runs }: { ids: readonly string[]; runs: readonly RunEntry[] }) {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const [feeds, setFeeds] = useState<RunFeed[]>([]);
  const changes = ids.map((id) => {
    const entry = runs.find((run) => run.id === id);
    return entry ? `${entry.changed} ${entry.state}` : '';
  });
  const seen = useRef(changes);
  useEffect(() => {
    // The files of a run have changed that is not followed: it is compared, or it had ended and trains again.
    for (const [n, feed] of feeds.entries())
      if (seen.current[n] !== '' && changes[n] !== seen.current[n] && !feed.isFollowed) void feed.refresh();
    seen.current = changes;
  }, [changes.join('\n')]);
  useEffect(() => {
    const opened = ids.map((id) => new RunFeed(id, ids.length === 1, () => render(undefined)));
    setFeeds(opened);
    return () => {
      for (const feed of opened) feed.close();
    };
  }, []);
  const loaded = feeds.flatMap(({ run }) => (run ? [run] : []));
  const failed = feeds.findIndex(({ run, error }) => !run && error);
  if (failed >= 0) {
    const others = ids.filter((_, n) => n !== failed);
    return (
      <section class="card notice">
        <Failure
          title={`The run ${ids[failed]} cannot be shown.`}
          message={feeds[failed].error ?? ''}
          retry={() => {
            feeds[failed].error = null;
            render(undefined);
            void feeds[failed].refresh();
          }}
        >
          {others.length > 0 && (
            <a class="way" href={linkTo('runs', { run: others })}>
              Show the others
            </a>
          )}
          <a class="way" href={linkTo('runs')}>
            All runs
          </a>
        </Failure>
      </section>
    );
  }
  if (loaded.length < ids.length || loaded.length === 0)
    return (
      <section class="card">
        <Waiting what={ids.length === 1 ? `Loading the run ${ids[0]}` : `Loading ${ids.length} runs`} />
      </section>
    );
  return loaded.length === 1 ? <OneRun run={loaded[0]} runs={runs} /> : <SeveralRuns runs={loaded} />;
}

/** @param runs the list of all runs */
function OneRun({ run, runs }: { run: Run; runs: readonly RunEntry[] }) {
  const { id, details, metrics, summary, state } = run;
  const accuracy = summary?.testAccuracy ?? bestValidation(metrics);
  const wanted = details.num_epochs;
  return (
    <>
      <section class="card headline" aria-label="Result">
        <header>
          <h2>
            {id}
            <StateBadge run={{ state, problem: details.problem, shipped: details.shipped }} />
          </h2>
          {details.model && (
            <p class="actions">
              <a href={linkTo('draw', { model: id })}>Draw with this model</a>
              <a href={linkTo('inspect', { run: id })}>Inspect samples</a>
            </p>
          )}
        </header>
        {details.problem && (
          <div class="state" role="alert">
            <p>
              <b>A file of this run cannot be read.</b>
            </p>
            <p class="reason">{details.problem}</p>
          </div>
        )}
        {accuracy !== null && <p class="hero">{formatShare(accuracy).replace(' ', '\u00a0')}</p>}
        <p class="muted" aria-live="polite">
          {resultText(run)}
        </p>
        {state === 'live' && wanted && (
          <progress value={metrics.length} max={wanted} aria-label="Epochs done" />
        )}
        <Facts run={run} />
      </section>
      <SweepCard id={id} runs={runs} />
      {(metrics.length > 0 || details.problem === null) && (
        <section class="card" aria-label="Curves">
          <Curves runs={[run]} />
        </section>
      )}
      {summary && <Confusion run={id} summary={summary} hasSamples={details.model} />}
      {summary && details.model && <Mistakes run={id} />}
      <Configuration run={run} />
    </>
  );
}

/** What the large figure is; why there is none. */
function resultText({ details, metrics, summary, state }: Run): string {
  if (summary) return 'test accuracy';
  if (metrics.length === 0) {
    if (details.problem !== null) return 'There is no result that can be read.';
    if (isTaught(details)) return 'This network was taught from drawings; Inspect shows them.';
    if (isImported(details)) return 'This network was imported; it was not trained here.';
    return state === 'live'
      ? 'In training; the first epoch has not finished yet.'
      : 'Stopped before the end of the first epoch.';
  }
  const epochs = epochsText(metrics.length, details.num_epochs);
  return `best validation accuracy so far, ${state === 'live' ? '' : 'stopped after '}${epochs}${state === 'live' ? ' done' : ''}`;
}

function SeveralRuns({ runs }: { runs: readonly Run[] }) {
  return (
    <>
      <section class="card" aria-label="Curves">
        <h2>Validation</h2>
        <Curves runs={runs} />
      </section>
      <Comparison runs={runs} />
    </>
  );
}
