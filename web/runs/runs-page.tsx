/** The Runs view: the list, and one run in full or several compared. Updates live during training. */
import { useEffect, useReducer, useState } from 'preact/hooks';
import { formatShare } from '#src/report/text.js';
import type { RunEntry, RunList as RunListJson } from '#src/serve/api.js';
import { getApi } from '../requests.js';
import { linkTo } from '../route.js';
import '../style/runs.css';
import { Confusion } from './confusion.js';
import { Curves } from './curves.js';
import { Comparison, Configuration, Facts } from './facts.js';
import { Mistakes } from './mistakes.js';
import { type Run, RunFeed } from './run-feed.js';
import { MAX_COMPARED, RunList, StateBadge } from './run-list.js';

const REFRESH_LIST_EVERY_MS = 3000;

export default function RunsPage({ query }: { query: URLSearchParams }) {
  const { runs, error } = useRunList();
  const wanted = query.getAll('run').slice(0, MAX_COMPARED);
  const shown = wanted.length > 0 ? wanted : (runs?.slice(0, 1).map(({ id }) => id) ?? []);
  return (
    <main class={`runs${wanted.length > 0 ? ' chosen' : ''}`}>
      <h1 class="hidden">Runs</h1>
      <nav class="rail" aria-label="Runs">
        {error && (
          <p class="card notice" role="status">
            {error}
          </p>
        )}
        {runs?.length === 0 && <NoRuns />}
        {runs && runs.length > 1 && <p class="muted">Newest first. Tick several to compare.</p>}
        {runs && <RunList runs={runs} shown={shown} />}
      </nav>
      <div class="content">
        <a class="back" href={linkTo('runs')}>
          ← All runs
        </a>
        {shown.length > 0 && runs && <Shown key={shown.join(' ')} ids={shown} runs={runs} />}
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
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const controller = new AbortController();
    const ask = async () => {
      try {
        if (document.visibilityState === 'visible') {
          const { value } = await getApi<RunListJson>('runs', controller.signal);
          setState({ runs: value.runs, error: null });
        }
      } catch (reason) {
        if (controller.signal.aborted) return;
        const error = reason instanceof Error ? reason.message : String(reason);
        setState(({ runs }) => ({ runs, error: `${error} Trying again.` }));
      }
      timer = setTimeout(ask, REFRESH_LIST_EVERY_MS);
    };
    void ask();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, []);
  return state;
}

function NoRuns() {
  return (
    <section class="card notice">
      <h2>No runs yet</h2>
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
  const live = ids.filter((id) => runs.find((run) => run.id === id)?.state === 'live');
  useEffect(() => {
    // A run that had ended is training again.
    for (const [n, feed] of feeds.entries()) if (live.includes(ids[n])) feed.wake();
  }, [live.join()]);
  useEffect(() => {
    const opened = ids.map((id) => new RunFeed(id, () => render(undefined)));
    setFeeds(opened);
    return () => {
      for (const feed of opened) feed.close();
    };
  }, []);
  const loaded = feeds.flatMap(({ run }) => (run ? [run] : []));
  const failed = feeds.find(({ run, error }) => !run && error);
  if (failed)
    return (
      <p class="card notice" role="alert">
        {failed.error}
      </p>
    );
  if (loaded.length < ids.length || loaded.length === 0) return <div class="card waiting" aria-busy="true" />;
  return loaded.length === 1 ? <OneRun run={loaded[0]} /> : <SeveralRuns runs={loaded} />;
}

function OneRun({ run }: { run: Run }) {
  const { id, details, metrics, summary, state } = run;
  const best = Math.max(...metrics.map(({ validationAccuracy }) => validationAccuracy));
  const accuracy = summary?.testAccuracy ?? (metrics.length > 0 ? best : null);
  const wanted = details.num_epochs;
  return (
    <>
      <section class="card headline" aria-label="Result">
        <header>
          <h2>
            {id}
            <StateBadge state={state} />
          </h2>
          <p class="actions">
            {details.model && <a href={linkTo('draw', { model: id })}>Draw with this model</a>}
            {details.model && <a href={linkTo('inspect', { run: id })}>Inspect samples</a>}
          </p>
        </header>
        {details.problem && <p role="alert">{details.problem}</p>}
        <p class="hero">{accuracy === null ? '–' : formatShare(accuracy)}</p>
        <p class="muted" aria-live="polite">
          {summary ? 'test accuracy' : 'best validation accuracy so far'}
          {state === 'live' && wanted ? `, epoch ${metrics.length} of ${wanted} done` : ''}
        </p>
        {state === 'live' && wanted && (
          <progress value={metrics.length} max={wanted} aria-label="Epochs done" />
        )}
        <Facts run={run} />
      </section>
      <section class="card" aria-label="Curves">
        <Curves runs={[run]} />
      </section>
      {summary && <Confusion run={id} summary={summary} />}
      {summary && details.model && <Mistakes run={id} />}
      <Configuration run={run} />
    </>
  );
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
