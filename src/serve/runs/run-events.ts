/**
 * Runs as they go on, as Server-Sent Events. A run is looked at as long as somebody listens to it; its files are all
 * there is between the training and the server, so either can be started anew at any time. A listener says by
 * Last-Event-ID which epoch it has seen last.
 */
import { PassThrough, type Readable } from 'node:stream';
import { snakeCaseKeys } from '../../formats/key-case.js';
import type { RunPlace } from '../../runs/find-runs.js';
import type { EpochMetrics } from '../../runs/run-folder.js';
import type { RunEventName } from '../api.js';
import { HttpError } from '../http-error.js';
import { MAX_BEHIND_BYTES, MAX_LISTENERS } from '../limits.js';
import type { RunRecord, RunStore } from './run-store.js';

/** How often a run is looked at. */
const LOOK_MS = 500;
/** How often something is said, so that nobody takes the connection for dead. */
const BEAT_MS = 15_000;

interface Listener {
  stream: PassThrough;
  /** The last epoch it was told of. */
  epoch: number;
  state: string | null;
  summary: unknown;
}

interface Feed {
  place: RunPlace;
  listeners: Set<Listener>;
  timer: NodeJS.Timeout;
  looking: boolean;
}

export class RunEvents {
  readonly #runs: RunStore;
  readonly #feeds = new Map<string, Feed>();
  #beat: NodeJS.Timeout | undefined;

  constructor(runs: RunStore) {
    this.#runs = runs;
  }

  /**
   * The events of a run from now on, and those epochs before that the listener has not seen.
   * @param seen the last epoch that it has; 0 for none
   * @throws HttpError 503 when too many listen
   */
  listen(place: RunPlace, seen: number): Readable {
    const count = [...this.#feeds.values()].reduce((sum, { listeners }) => sum + listeners.size, 0);
    if (count >= MAX_LISTENERS) {
      throw new HttpError(503, `${count} connections listen to runs already; close some of them`);
    }
    const stream = new PassThrough();
    const listener: Listener = { stream, epoch: seen, state: null, summary: null };
    const feed = this.#feeds.get(place.id) ?? this.#open(place);
    feed.listeners.add(listener);
    stream.on('close', () => this.#leave(feed, listener));
    stream.write('retry: 1000\n\n');
    void this.#look(feed);
    return stream;
  }

  /** Ends all events. */
  close(): void {
    for (const { listeners } of this.#feeds.values()) for (const { stream } of listeners) stream.end();
    for (const feed of this.#feeds.values()) clearInterval(feed.timer);
    this.#feeds.clear();
    clearInterval(this.#beat);
  }

  #open(place: RunPlace): Feed {
    const feed: Feed = {
      place,
      listeners: new Set(),
      timer: setInterval(() => this.#look(feed), LOOK_MS),
      looking: false,
    };
    this.#feeds.set(place.id, feed);
    this.#beat ??= setInterval(() => {
      for (const { listeners } of this.#feeds.values())
        for (const { stream } of listeners) stream.write(': beat\n\n');
    }, BEAT_MS);
    return feed;
  }

  #leave(feed: Feed, listener: Listener): void {
    feed.listeners.delete(listener);
    if (feed.listeners.size > 0) return;
    clearInterval(feed.timer);
    if (this.#feeds.get(feed.place.id) === feed) this.#feeds.delete(feed.place.id);
    if (this.#feeds.size > 0) return;
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  /** Tells every listener what it does not know yet. */
  async #look(feed: Feed): Promise<void> {
    if (feed.looking) return;
    feed.looking = true;
    try {
      const record = await this.#runs.record(feed.place);
      for (const listener of feed.listeners) tell(listener, record);
    } finally {
      feed.looking = false;
    }
  }
}

function tell(listener: Listener, { metrics, state, summary, problem }: RunRecord): void {
  // What is being replaced at this moment cannot be read; it is looked at again.
  if (problem !== null) return;
  const last = metrics.at(-1)?.epoch ?? 0;
  if (last < listener.epoch) {
    send(listener, 'reset', { epoch: last });
    listener.epoch = last;
  }
  for (const line of metrics) {
    if (line.epoch <= listener.epoch) continue;
    send(listener, 'epoch', metricsJson(line), line.epoch);
    listener.epoch = line.epoch;
  }
  if (state !== listener.state) send(listener, 'state', { state });
  listener.state = state;
  if (state === 'done' && summary !== listener.summary)
    send(listener, 'summary', snakeCaseKeys(summary, 'summary'));
  listener.summary = summary;
}

export function metricsJson(line: EpochMetrics): Record<string, unknown> {
  return snakeCaseKeys(line, 'metrics') as Record<string, unknown>;
}

function send({ stream }: Listener, name: RunEventName, data: unknown, id?: number): void {
  if (stream.writableLength > MAX_BEHIND_BYTES) {
    stream.destroy();
    return;
  }
  stream.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
