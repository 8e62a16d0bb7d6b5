/**
 * Follows one run: fetches its details once, then listens to its events while it trains. The browser reconnects a
 * broken event stream itself; where the browser gives up, RunFeed opens a new stream.
 *
 * A browser opens six connections to a server at most, for all tabs together, and a stream of events holds one for as
 * long as it is open. So only a live run in a visible page is listened to, and compared runs are not: they are loaded
 * again when the list says that they have changed (`refresh`). Otherwise requests for samples would never be sent.
 */
import { oneOf, readAs, record, whole } from '#src/formats/shape.js';
import type { EpochMetrics, RunSummary } from '#src/runs/run-folder.js';
import { epochMetricsOf, runSummaryOf } from '#src/runs/run-values.js';
import type { RunDetails, RunState } from '#src/serve/api.js';
import { connection } from '../connection.js';
import { messageOf } from '../hooks.js';
import { getApi } from '../requests.js';

/** A run's details, metrics and summary, with keys in camelCase. */
export interface Run {
  id: string;
  details: RunDetails;
  state: RunState;
  metrics: EpochMetrics[];
  summary: RunSummary | null;
}

const AGAIN_MS = 2000;
const RUN_STATES: readonly RunState[] = ['live', 'done', 'stopped'];
/** The data of events. */
const resetData = record({ epoch: whole(0) });
const stateData = record({ state: oneOf(RUN_STATES) });

export class RunFeed {
  run: Run | null = null;
  error: string | null = null;
  readonly #id: string;
  readonly #follow: boolean;
  readonly #changed: () => void;
  readonly #forget: () => void;
  #events: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #loading = false;

  /**
   * @param follow whether to listen to the run's events while it trains
   * @param changed is called after every change
   */
  constructor(id: string, follow: boolean, changed: () => void) {
    this.#id = id;
    this.#follow = follow;
    this.#changed = changed;
    const seen = () => {
      if (document.visibilityState === 'visible') void this.refresh();
      else this.#events?.close();
    };
    document.addEventListener('visibilitychange', seen);
    const stop = connection.subscribe(() => {
      if (!connection.lost && this.error !== null) void this.refresh();
    });
    this.#forget = () => {
      document.removeEventListener('visibilitychange', seen);
      stop();
    };
    void this.refresh();
  }

  /** Whether the events of the run tell all that changes, so that `refresh` is not needed: not of the first weights. */
  get isFollowed(): boolean {
    const isListening = this.#events !== null && this.#events.readyState !== EventSource.CLOSED;
    return isListening && this.run?.details.model === true;
  }

  /** Loads the run again, and listens to its events if it is live. */
  async refresh(): Promise<void> {
    if (this.#loading || this.#closed) return;
    this.#loading = true;
    clearTimeout(this.#timer);
    try {
      const { value } = await getApi<RunDetails>(`runs/${encodeURIComponent(this.#id)}`);
      if (this.#closed) return;
      this.run = runOf(value);
      this.error = null;
      if (value.state === 'live' && this.#follow && document.visibilityState === 'visible') this.#listen();
    } catch (error) {
      if (this.#closed) return;
      this.error = messageOf(error);
    } finally {
      this.#loading = false;
    }
    this.#changed();
  }

  close(): void {
    this.#closed = true;
    this.#events?.close();
    this.#forget();
    clearTimeout(this.#timer);
  }

  #listen(): void {
    this.#events?.close();
    const events = new EventSource(`api/runs/${encodeURIComponent(this.#id)}/events`);
    this.#events = events;
    const on = (name: string, react: (run: Run, data: unknown) => Run) =>
      events.addEventListener(name, (event) => {
        if (this.#closed || !this.run) return;
        try {
          const next = react(this.run, JSON.parse((event as MessageEvent<string>).data));
          if (next === this.run) return;
          this.run = next;
        } catch (error) {
          this.error = messageOf(error);
        }
        this.#changed();
      });
    on('epoch', (run, data) => {
      const metrics = epochMetricsOf(data, 'epoch');
      // A new stream begins with all epochs, of which the run has most.
      const known = run.metrics.find(({ epoch }) => epoch === metrics.epoch);
      if (known && JSON.stringify(known) === JSON.stringify(metrics)) return run;
      const others = run.metrics.filter(({ epoch }) => epoch !== metrics.epoch);
      return { ...run, metrics: [...others, metrics].sort((a, b) => a.epoch - b.epoch) };
    });
    on('reset', (run, data) => {
      const { epoch: last } = readAs(resetData, data, 'reset');
      return { ...run, metrics: run.metrics.filter(({ epoch }) => epoch <= last), summary: null };
    });
    on('state', (run, data) => ({ ...run, state: readAs(stateData, data, 'state').state }));
    on('summary', (run, data) => {
      events.close();
      return { ...run, state: 'done', summary: runSummaryOf(data, 'summary') };
    });
    events.onerror = () => {
      // The browser reconnects, except after an answer that is no stream of events.
      if (events.readyState !== EventSource.CLOSED || this.#closed) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.refresh(), AGAIN_MS);
    };
  }
}

/** The best validation accuracy so far; null before the end of the first epoch. */
export function bestValidation(metrics: readonly EpochMetrics[]): number | null {
  if (metrics.length === 0) return null;
  // Not Math.max(...): a list of some hundred thousand arguments overflows the stack.
  return metrics.reduce((best, { validationAccuracy }) => Math.max(best, validationAccuracy), 0);
}

function runOf(details: RunDetails): Run {
  return {
    id: details.id,
    details,
    state: details.state,
    metrics: details.metrics.map((line) => epochMetricsOf(line, 'metrics')),
    summary: details.summary && runSummaryOf(details.summary, 'summary'),
  };
}
