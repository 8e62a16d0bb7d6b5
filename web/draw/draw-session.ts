/**
 * State of the Draw view: the drawing and the networks' answers. Lives as long as the page, so that switching to
 * another view and back loses nothing.
 */
import type { ModelEntry } from '#src/serve/api.js';
import { messageOf } from '../hooks.js';
import type { RecognitionClient } from '../recognition/client.js';
import type { ModelSource } from '../recognition/models.js';
import { type Moment, Moments } from '../recognition/moments.js';
import type { Stroke } from '../workers/protocol.js';
import { firstPoints, Ink, type InkStroke } from './ink.js';

/** Number of models shown side by side. */
const MAX_SHOWN_MODELS = 2;
/** The page shows the median of this many latencies. */
const MAX_LATENCIES = 60;
/** Name of the performance measure from the pen's event to the bars; the browser's developer tools show it. */
export const PEN_TO_BARS = 'pen to bars';

export type Phase =
  | { state: 'loading' }
  | { state: 'ready' }
  | { state: 'failed'; reason: string; retry: () => void };

/** See above. Calls its subscribers after every change. */
export class DrawSession {
  readonly ink = new Ink();
  phase: Phase = { state: 'loading' };
  models: ModelEntry[] = [];
  /** Ids of the models shown. */
  chosen: string[] = [];
  /** Whether the page comes from `scanstroke serve`, which has runs and samples; false on a static host. */
  hasServer = false;
  /** Whether the server was started with a project, which the view Teach opens. */
  offersProject = false;
  /** Why one of the models cannot be opened, while others can. */
  problem: string | null = null;
  /** Name of the model that is being opened. */
  opening: string | null = null;
  /** Number of points that the slider or a replay shows; null: all points, also new ones. */
  playhead: number | null = null;
  readonly #client: RecognitionClient;
  readonly #source: ModelSource;
  readonly #moments = new Moments();
  /** The models that are open or being opened, by their ids and versions. */
  readonly #opened = new Map<string, Promise<void>>();
  /** Ids of the models that were chosen last; they may still be opening. */
  #wanted: string[] = [];
  readonly #listeners = new Set<() => void>();
  /** Increases when points are removed or models change. Answers of an older generation are dropped. */
  #generation = 0;
  /** Number of points at the last change. */
  #lastPointCount = 0;
  /** Time of the newest pen event that no job has taken yet, in milliseconds. */
  #penEventAt: number | null = null;
  /** Time of the pen event whose answer has arrived but is not in the document yet. */
  #unshownEventAt: number | null = null;
  #latencies: number[] = [];

  constructor(client: RecognitionClient, source: ModelSource) {
    this.#client = client;
    this.#source = source;
    client.background = () => this.#backgroundJob();
    this.ink.subscribe(() => this.#inkChanged());
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Fetches the list of models and opens the first of each kind. */
  async start(): Promise<void> {
    this.phase = { state: 'loading' };
    this.#changed();
    try {
      const { models, api, project = null } = await this.#source.list();
      this.models = models;
      this.hasServer = api;
      this.offersProject = project !== null;
      const { opened, problem } = await this.#open(firstOfEachKind(models));
      this.problem = problem;
      this.#setChosen(opened);
      if (this.chosen.length > 0 || models.length === 0) this.phase = { state: 'ready' };
      else this.#failed(this.problem);
      this.#changed();
    } catch (error) {
      this.#failed(error);
    }
  }

  /**
   * Shows a model in the place of another; if it is shown already, the two change places. If it cannot be opened, keeps
   * the current models and sets `problem`.
   */
  async choose(id: string, place: number): Promise<void> {
    const before = this.#wanted[place];
    const wanted = this.#wanted.map((other, n) => (n === place ? id : other === id ? before : other));
    if (before === undefined) wanted.push(id);
    this.#wanted = wanted;
    const { opened, problem } = await this.#open(wanted);
    if (wanted !== this.#wanted) return; // The choice after this one counts.
    this.problem = problem;
    if (opened.length === wanted.length) this.#setChosen(wanted);
    else this.#wanted = this.chosen;
    this.#changed();
  }

  /** Enters the failed phase: nothing can be recognised, until a new page starts another worker. */
  fail(reason: string): void {
    this.#failed(reason, () => location.reload());
  }

  /** Shows this model in place of the shown model of the same kind. It, or its weights, may be newer than the page's. */
  async show(id: string): Promise<void> {
    try {
      const newest = await this.#newest(id);
      const isShown = this.#wanted.includes(id);
      if (isShown && this.#opened.has(keyOf(newest))) return;
      // What is shown belongs to the weights before until the newer ones are open.
      if (isShown) await this.#openOnce(newest);
      this.models = this.models.map((model) => (model.id === id ? newest : model));
      if (isShown) return this.#answerAnew();
      const place = this.#wanted.findIndex((other) => this.entry(other).kind === newest.kind);
      await this.choose(id, Math.max(0, place));
    } catch (error) {
      this.problem = messageOf(error);
      this.#changed();
    }
  }

  #has(id: string): boolean {
    return this.models.some((model) => model.id === id);
  }

  /** The model as it is in the list now. Others that are new are added; those that the page knows may be shown. */
  async #newest(id: string): Promise<ModelEntry> {
    const { models } = await this.#source.list().catch((error: unknown) => {
      if (!this.#has(id)) throw error;
      return { models: this.models };
    });
    this.models = [...models.filter((model) => !this.#has(model.id)), ...this.models];
    const newest = [...models, ...this.models].find((model) => model.id === id);
    if (!newest) throw new Error(`There is no network ${id}.`);
    return newest;
  }

  entry(id: string): ModelEntry {
    return this.models.find((model) => model.id === id) as ModelEntry;
  }

  /** Call at the start of a pen event's handler. Latency is measured from here to `barsShown`. */
  penMoved(): void {
    this.#penEventAt = performance.now();
  }

  /** All known answers for the current drawing, in pen order. */
  moments(): Moment[] {
    return this.#moments.list();
  }

  /** The answers shown now: at the playhead, or the newest. */
  moment(): Moment | undefined {
    return this.ink.pointCount === 0 ? undefined : this.#moments.at(this.playhead ?? this.ink.pointCount);
  }

  /** The answers to the whole drawing, wherever the playhead is; undefined until they arrive. */
  lastMoment(): Moment | undefined {
    const points = this.ink.pointCount;
    return this.#moments.has(points) ? this.#moments.at(points) : undefined;
  }

  /** Strokes up to the playhead. */
  shownStrokes(): readonly InkStroke[] {
    return this.playhead === null ? this.ink.strokes : firstPoints(this.ink.strokes, this.playhead);
  }

  /** Moves the playhead. @param points number of points to show; null: all, also new ones */
  seek(points: number | null): void {
    this.playhead = points === null || points >= this.ink.pointCount ? null : Math.max(1, points);
    this.#changed();
  }

  /** Call when the bars are in the document. Ends the latency measurement of the pen event that they answer. */
  barsShown(): void {
    if (this.#unshownEventAt === null) return;
    const measure = performance.measure(PEN_TO_BARS, { start: this.#unshownEventAt, end: performance.now() });
    this.#unshownEventAt = null;
    this.#latencies = [...this.#latencies.slice(1 - MAX_LATENCIES), measure.duration];
    // The measures are for the browser's developer tools; this limits their number.
    if (performance.getEntriesByName(PEN_TO_BARS).length > 2000) performance.clearMeasures(PEN_TO_BARS);
  }

  /** Median of the newest latencies, in milliseconds; null before the first. */
  latency(): number | null {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }

  /** Hidden states, gradients and trace of one model for the current drawing. */
  inspect(model: string) {
    return this.#client.inspect(model, copyOf(this.ink.strokes));
  }

  #inkChanged(): void {
    this.playhead = null;
    // Answers for the points that remain are still valid.
    if (this.ink.pointCount < this.#lastPointCount) this.#forget(this.ink.pointCount);
    this.#lastPointCount = this.ink.pointCount;
    this.#recognizeNewest();
    this.#changed();
  }

  #forget(points: number): void {
    this.#moments.truncate(points);
    this.#generation++;
  }

  #recognizeNewest(): void {
    const points = this.ink.pointCount;
    if (points === 0 || this.chosen.length === 0 || this.#moments.has(points)) return;
    const eventAt = this.#penEventAt;
    this.#penEventAt = null;
    this.#client.recognize({ ...this.#jobFor(points), answered: this.#answerHandler(points, eventAt) });
  }

  /** While the pen rests: the next point that has no answer yet. */
  #backgroundJob() {
    if (this.ink.isPenDown || this.chosen.length === 0) return null;
    const points = this.#moments.missing(this.ink.pointCount);
    return points === null ? null : { ...this.#jobFor(points), answered: this.#answerHandler(points, null) };
  }

  #jobFor(points: number) {
    return { models: this.chosen, strokes: copyOf(firstPoints(this.ink.strokes, points)) };
  }

  #answerHandler(points: number, eventAt: number | null) {
    const generation = this.#generation;
    return ({ answers, shown }: Omit<Moment, 'points'>) => {
      if (generation !== this.#generation) return;
      this.#moments.keep({ points, answers, shown });
      this.#unshownEventAt = eventAt;
      this.#changed();
    };
  }

  /** Opens models that are not open yet. @returns ids of the models that are open, and why the first other is not */
  async #open(ids: string[]): Promise<{ opened: string[]; problem: string | null }> {
    const opened: string[] = [];
    let problem: string | null = null;
    for (const id of ids) {
      try {
        this.opening = this.entry(id).name;
        this.#changed();
        await this.#openOnce(this.entry(id));
        opened.push(id);
      } catch (error) {
        problem ??= messageOf(error);
      }
    }
    this.opening = null;
    return { opened, problem };
  }

  #openOnce(model: ModelEntry): Promise<void> {
    const key = keyOf(model);
    const known = this.#opened.get(key);
    if (known) return known;
    const opening = this.#client.open(model.id, this.#source.checkpointOf(model));
    this.#opened.set(key, opening);
    opening.catch(() => this.#opened.delete(key)); // The next choice tries again.
    return opening;
  }

  #setChosen(ids: string[]): void {
    this.chosen = ids;
    this.#wanted = ids;
    this.#answerAnew();
  }

  #answerAnew(): void {
    this.#forget(0);
    this.#recognizeNewest();
    this.#changed();
  }

  #failed(reason: unknown, retry: () => void = () => this.start()): void {
    this.phase = { state: 'failed', reason: messageOf(reason), retry };
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Names a model with its weights. */
function keyOf({ id, version }: ModelEntry): string {
  return `${id} ${version}`;
}

/** The first model of each kind; with one kind only, the first two models. */
function firstOfEachKind(models: ModelEntry[]): string[] {
  const kinds = new Set(models.map(({ kind }) => kind));
  const first =
    kinds.size > 1
      ? [...kinds].map((kind) => models.find((model) => model.kind === kind) as ModelEntry)
      : models.slice(0, MAX_SHOWN_MODELS);
  return first.map(({ id }) => id);
}

/** A copy to send: the unfinished stroke keeps growing. */
export function copyOf(strokes: readonly InkStroke[]): Stroke[] {
  return strokes.map(({ xs, ys }) => ({ xs: [...xs], ys: [...ys] }));
}
