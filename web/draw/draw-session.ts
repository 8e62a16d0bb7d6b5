/**
 * A drawing and what the networks make of it: the state behind the Draw page. It lives as long as the page, so that
 * looking at something else loses nothing.
 */
import type { ModelEntry } from '#src/serve/api.js';
import type { RecognitionClient } from '../recognition/client.js';
import { fetchModels } from '../recognition/models.js';
import { type Moment, Moments } from '../recognition/moments.js';
import type { Line } from '../workers/protocol.js';
import { firstPoints, Ink, type InkStroke } from './ink.js';

/** Models that are shown side by side. */
const SIDE_BY_SIDE = 2;
/** Of the newest latencies the middle one is shown. */
const LATENCIES = 60;
/** The name under which the browser's tools show the time from pen to bars. */
export const PEN_TO_BARS = 'pen to bars';

export type Phase = { state: 'loading' } | { state: 'ready' } | { state: 'failed'; reason: string };

/** See above. Tells its subscribers of every change. */
export class DrawSession {
  readonly ink = new Ink();
  phase: Phase = { state: 'loading' };
  models: ModelEntry[] = [];
  /** Ids of those that are shown. */
  chosen: string[] = [];
  /** Whether a server stands behind the page. */
  api = false;
  /** Why a model could not be opened, while others can. */
  problem: string | null = null;
  /** Points up to which the drawing is shown; null for all of it, as it grows. */
  playhead: number | null = null;
  readonly #client: RecognitionClient;
  readonly #moments = new Moments();
  readonly #opened = new Set<string>();
  readonly #listeners = new Set<() => void>();
  /** Answers to questions of an older generation are about another drawing. */
  #generation = 0;
  /** Points there were at the last change. */
  #count = 0;
  /** When the event happened whose answer is not shown yet. */
  #penAt: number | null = null;
  #toShow: number | null = null;
  #latencies: number[] = [];

  constructor(client: RecognitionClient) {
    this.#client = client;
    client.background = () => this.#later();
    this.ink.subscribe(() => this.#inkChanged());
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Fetches the list of models and opens the first of each kind. */
  async start(): Promise<void> {
    try {
      const { models, api } = await fetchModels();
      this.models = models;
      this.api = api;
      this.#show(await this.#open(firstOfEachKind(models)));
      if (this.chosen.length > 0 || models.length === 0) this.phase = { state: 'ready' };
      else this.#failed(this.problem);
      this.#changed();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Shows these models, or those from before if one of them cannot be opened; then `problem` says why. */
  async choose(ids: string[]): Promise<void> {
    const opened = await this.#open(ids);
    if (opened.length === ids.length) this.#show(ids);
    this.#changed();
  }

  /** Gives up: nothing can be recognised. */
  fail(reason: string): void {
    this.#failed(reason);
  }

  /** Shows this model in the place of another of its kind. */
  async show(id: string): Promise<void> {
    const kind = this.models.find((model) => model.id === id)?.kind;
    if (kind === undefined || this.chosen.includes(id)) return;
    const slot = Math.max(
      0,
      this.chosen.findIndex((other) => this.entry(other).kind === kind),
    );
    await this.choose(this.chosen.map((other, n) => (n === slot ? id : other)));
  }

  entry(id: string): ModelEntry {
    return this.models.find((model) => model.id === id) as ModelEntry;
  }

  /** The pen's event is being handled: the time until its answer is shown is measured from here. */
  penMoved(): void {
    this.#penAt = performance.now();
  }

  /** All that is known of the drawing's making. */
  moments(): Moment[] {
    return this.#moments.list();
  }

  /** What is shown now: at the playhead, or the newest answer. */
  moment(): Moment | undefined {
    return this.ink.count === 0 ? undefined : this.#moments.at(this.playhead ?? this.ink.count);
  }

  /** Strokes up to the playhead. */
  shownStrokes(): readonly InkStroke[] {
    return this.playhead === null ? this.ink.strokes : firstPoints(this.ink.strokes, this.playhead);
  }

  /** @param points null for all, as it grows */
  seek(points: number | null): void {
    this.playhead = points === null || points >= this.ink.count ? null : Math.max(1, points);
    this.#changed();
  }

  /** The bars stand in the document: ends the measurement of the event that they answer. */
  barsShown(): void {
    if (this.#toShow === null) return;
    const measure = performance.measure(PEN_TO_BARS, { start: this.#toShow, end: performance.now() });
    this.#toShow = null;
    this.#latencies = [...this.#latencies.slice(1 - LATENCIES), measure.duration];
    // Kept for those who look with the browser's tools, but not without end.
    if (performance.getEntriesByName(PEN_TO_BARS).length > 2000) performance.clearMeasures(PEN_TO_BARS);
  }

  /** Milliseconds, the middle one of the newest; null before the first. */
  latency(): number | null {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }

  /** Goes into the network while it reads the drawing. */
  inspect(model: string) {
    return this.#client.inspect(model, linesOf(this.ink.strokes));
  }

  #inkChanged(): void {
    this.playhead = null;
    // What has been said of points that are still there stays true.
    if (this.ink.count < this.#count) this.#forget(this.ink.count);
    this.#count = this.ink.count;
    this.#ask();
    this.#changed();
  }

  #forget(points: number): void {
    this.#moments.truncate(points);
    this.#generation++;
  }

  #ask(): void {
    const points = this.ink.count;
    if (points === 0 || this.chosen.length === 0 || this.#moments.has(points)) return;
    const penAt = this.#penAt;
    this.#penAt = null;
    this.#client.ask({ ...this.#question(points), answered: this.#take(points, penAt) });
  }

  /** While the pen rests: what was left out when it moved. */
  #later() {
    if (this.ink.drawing || this.chosen.length === 0) return null;
    const points = this.#moments.missing(this.ink.count);
    return points === null ? null : { ...this.#question(points), answered: this.#take(points, null) };
  }

  #question(points: number) {
    return { models: this.chosen, lines: linesOf(firstPoints(this.ink.strokes, points)) };
  }

  #take(points: number, penAt: number | null) {
    const generation = this.#generation;
    return ({ answers, shown, error }: { error: string | null } & Omit<Moment, 'points'>) => {
      if (generation !== this.#generation) return;
      if (error) this.#failed(error);
      this.#moments.keep({ points, answers, shown });
      this.#toShow = penAt;
      this.#changed();
    };
  }

  /** @returns those that could be opened */
  async #open(ids: string[]): Promise<string[]> {
    this.problem = null;
    for (const id of ids.filter((each) => !this.#opened.has(each))) {
      try {
        await this.#client.open(this.entry(id));
        this.#opened.add(id);
      } catch (error) {
        this.problem ??= messageOf(error);
      }
    }
    return ids.filter((id) => this.#opened.has(id));
  }

  #show(ids: string[]): void {
    this.chosen = ids;
    this.#forget(0);
    this.#ask();
  }

  #failed(reason: unknown): void {
    this.phase = { state: 'failed', reason: messageOf(reason) };
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Row and stroke models side by side; if there is one kind only, the first two of it. */
function firstOfEachKind(models: ModelEntry[]): string[] {
  const kinds = new Set(models.map(({ kind }) => kind));
  const first =
    kinds.size > 1
      ? [...kinds].map((kind) => models.find((model) => model.kind === kind) as ModelEntry)
      : models.slice(0, SIDE_BY_SIDE);
  return first.map(({ id }) => id);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A copy: the stroke that is being drawn goes on growing. */
function linesOf(strokes: readonly InkStroke[]): Line[] {
  return strokes.map(({ xs, ys }) => ({ xs: [...xs], ys: [...ys] }));
}
