/**
 * Follows one run: fetches its details once, then listens to its events while it trains. The browser reconnects a
 * broken event stream itself; where the browser gives up, RunFeed opens a new stream.
 */
import { oneOf, readAs, record, whole } from '#src/formats/shape.js';
import type { EpochMetrics, RunSummary } from '#src/runs/run-folder.js';
import { epochMetricsOf, runSummaryOf } from '#src/runs/run-values.js';
import type { RunDetails, RunState } from '#src/serve/api.js';
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
  readonly #changed: () => void;
  #events: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param changed is called after every change */
  constructor(id: string, changed: () => void) {
    this.#id = id;
    this.#changed = changed;
    void this.#load();
  }

  /** Call when a run that had ended is training again: reloads it, unless its events are already followed. */
  wake(): void {
    if (this.run && this.run.state !== 'live' && this.#events?.readyState !== EventSource.OPEN)
      void this.#load();
  }

  close(): void {
    this.#closed = true;
    this.#events?.close();
    clearTimeout(this.#timer);
  }

  async #load(): Promise<void> {
    try {
      const { value } = await getApi<RunDetails>(`runs/${encodeURIComponent(this.#id)}`);
      if (this.#closed) return;
      this.run = runOf(value);
      this.error = null;
      if (value.state !== 'done') this.#listen();
    } catch (error) {
      if (this.#closed) return;
      this.error = messageOf(error);
      this.#again(() => void this.#load());
    }
    this.#changed();
  }

  #listen(): void {
    this.#events?.close();
    const events = new EventSource(`api/runs/${encodeURIComponent(this.#id)}/events`);
    this.#events = events;
    const on = (name: string, react: (run: Run, data: unknown) => Run) =>
      events.addEventListener(name, (event) => {
        if (this.#closed || !this.run) return;
        try {
          this.run = react(this.run, JSON.parse((event as MessageEvent<string>).data));
        } catch (error) {
          this.error = messageOf(error);
        }
        this.#changed();
      });
    on('epoch', (run, data) => {
      const metrics = epochMetricsOf(data, 'epoch');
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
      if (events.readyState === EventSource.CLOSED && !this.#closed) this.#again(() => this.#listen());
    };
  }

  #again(work: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(work, AGAIN_MS);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
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
