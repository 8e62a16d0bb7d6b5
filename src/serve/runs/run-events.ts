/**
 * Server-Sent Events of a run. The files of a run are read periodically while a listener is connected. Training and
 * server share only these files, so each can be restarted at any time. A listener sends its last epoch in
 * Last-Event-ID.
 */
import type { PassThrough, Readable } from 'node:stream';
import type { RunPlace } from '../../runs/find-runs.js';
import type { RunEventName } from '../api.js';
import { beat, openEventStream, sendEvent } from '../event-stream.js';
import { HttpError } from '../http-error.js';
import { MAX_LISTENERS } from '../server-limits.js';
import { stateOf } from './run-entry.js';
import type { RunStore } from './run-store.js';
import type { RunProgress } from './runs-worker.js';

/** Interval between two reads of a run's files. */
const LOOK_MS = 500;

interface Listener {
  stream: PassThrough;
  /** The last epoch sent. */
  epoch: number;
  state: string | null;
  summary: string | null;
}

interface Feed {
  place: RunPlace;
  listeners: Set<Listener>;
  timer: NodeJS.Timeout;
  looking: boolean;
  /** The run's last progress. */
  progress: RunProgress | null;
}

export class RunEvents {
  readonly #runs: RunStore;
  readonly #onDefect: (error: unknown) => void;
  /** By the path of the checkpoint, which no two runs share. The id of a run may come to mean another one. */
  readonly #feeds = new Map<string, Feed>();
  #beat: NodeJS.Timeout | undefined;

  /** @param onDefect called with unexpected errors */
  constructor(runs: RunStore, onDefect: (error: unknown) => void) {
    this.#runs = runs;
    this.#onDefect = onDefect;
  }

  /**
   * The events of a run: first the epochs after `seen`, then everything new.
   * @param seen the last epoch that the listener has; 0 for none
   * @throws HttpError 503 if there are too many listeners
   */
  listen(place: RunPlace, seen: number): Readable {
    const count = [...this.#feeds.values()].reduce((sum, { listeners }) => sum + listeners.size, 0);
    if (count >= MAX_LISTENERS) {
      throw new HttpError(503, `${count} connections listen to runs already; close some of them`);
    }
    const stream = openEventStream();
    const listener: Listener = { stream, epoch: seen, state: null, summary: null };
    const feed = this.#feeds.get(place.checkpoint) ?? this.#open(place);
    feed.listeners.add(listener);
    stream.on('close', () => this.#leave(feed, listener));
    void this.#look(feed);
    return stream;
  }

  /** Ends all event streams. */
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
      progress: null,
    };
    this.#feeds.set(place.checkpoint, feed);
    this.#beat ??= beat(() =>
      [...this.#feeds.values()].flatMap(({ listeners }) => [...listeners].map(({ stream }) => stream)),
    );
    return feed;
  }

  #leave(feed: Feed, listener: Listener): void {
    feed.listeners.delete(listener);
    if (feed.listeners.size > 0) return;
    clearInterval(feed.timer);
    const { checkpoint } = feed.place;
    if (this.#feeds.get(checkpoint) === feed) this.#feeds.delete(checkpoint);
    if (this.#feeds.size > 0) return;
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  /** Sends every listener what is new to it. */
  async #look(feed: Feed): Promise<void> {
    if (feed.looking) return;
    feed.looking = true;
    try {
      const { place, progress: before } = feed;
      // Who comes while the files are read wants other epochs, and is told at the next look.
      const listeners = [...feed.listeners];
      const after = listeners.reduce((least, { epoch }) => Math.min(least, epoch), before?.last ?? 0);
      // Nothing is sent of a damaged run, which is read again when its files change.
      const isBehind =
        before?.damaged !== true &&
        listeners.some(({ epoch, state }) => state === null || epoch < (before?.last ?? 0));
      const news = await this.#runs.progress(place, after, isBehind ? null : (before?.version ?? null));
      const progress = news ?? before;
      if (progress === null) return;
      // The lines are sent now, and not kept.
      feed.progress = { ...progress, lines: [] };
      for (const listener of listeners) tell(listener, progress);
    } catch (error) {
      // The next look reads the run again.
      if (!(error instanceof HttpError)) this.#onDefect(error);
    } finally {
      feed.looking = false;
    }
  }
}

function tell(listener: Listener, progress: RunProgress): void {
  const { lines, last, summary, damaged } = progress;
  // A file that is being replaced cannot be read; the next look reads it.
  if (damaged) return;
  if (last < listener.epoch) {
    send(listener, 'reset', JSON.stringify({ epoch: last }));
    listener.epoch = last;
  }
  for (const { epoch, json } of lines) {
    if (epoch <= listener.epoch) continue;
    send(listener, 'epoch', json, epoch);
    listener.epoch = epoch;
  }
  // The rest of a long file comes at the next look.
  if (listener.epoch < last) return;
  const state = stateOf(progress, Date.now());
  if (state !== listener.state) send(listener, 'state', JSON.stringify({ state }));
  listener.state = state;
  if (state === 'done' && summary !== null && summary !== listener.summary)
    send(listener, 'summary', summary);
  listener.summary = summary;
}

/** @param json one line */
function send({ stream }: Listener, name: RunEventName, json: string, id?: number): void {
  sendEvent(stream, name, json, id);
}
