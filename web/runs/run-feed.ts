/**
 * Follows one run: fetches its details once, then listens to its events while it trains. The browser reconnects a
 * broken event stream itself; where the browser gives up, RunFeed opens a new stream.
 */
import { camelCaseKeys } from '#src/formats/key-case.js';
import type { EpochMetrics, RunSummary } from '#src/runs/run-folder.js';
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
      this.error = error instanceof Error ? error.message : String(error);
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
        this.run = react(this.run, JSON.parse((event as MessageEvent<string>).data));
        this.#changed();
      });
    on('epoch', (run, data) => {
      const metrics = camelCaseKeys(data, 'epoch') as unknown as EpochMetrics;
      const others = run.metrics.filter(({ epoch }) => epoch !== metrics.epoch);
      return { ...run, metrics: [...others, metrics].sort((a, b) => a.epoch - b.epoch) };
    });
    on('reset', (run, data) => {
      const last = (data as { epoch: number }).epoch;
      return { ...run, metrics: run.metrics.filter(({ epoch }) => epoch <= last), summary: null };
    });
    on('state', (run, data) => ({ ...run, state: (data as { state: RunState }).state }));
    on('summary', (run, data) => {
      events.close();
      return { ...run, state: 'done', summary: camelCaseKeys(data, 'summary') as unknown as RunSummary };
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

function runOf(details: RunDetails): Run {
  return {
    id: details.id,
    details,
    state: details.state,
    metrics: details.metrics.map((line) => camelCaseKeys(line, 'metrics') as unknown as EpochMetrics),
    summary: details.summary && (camelCaseKeys(details.summary, 'summary') as unknown as RunSummary),
  };
}
