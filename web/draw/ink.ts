/**
 * What has been drawn: strokes with pressure and time, and the way back and forth through how it came about. Knows no
 * screen. Coordinates count in `SIDE` units a side of the canvas, so that a drawing survives a change of its size.
 */

/** Units a side of the canvas. */
export const SIDE = 1000;

/** What a stroke was made with; only pens say how hard they were pressed. */
export type Tool = 'mouse' | 'touch' | 'pen' | 'keyboard';

/** A line drawn without lifting the pen. */
export interface InkStroke {
  tool: Tool;
  xs: number[];
  ys: number[];
  /** 0 to 1. */
  pressures: number[];
  /** Milliseconds, of any clock. */
  times: number[];
}

/** More points than a hand makes on one canvas: what comes after them is not taken. */
export const MAX_POINTS = 20_000;
const MAX_UNDO = 200;

/** A drawing in the making. Strokes that are finished are never changed. */
export class Ink {
  #strokes: readonly InkStroke[] = [];
  #live: InkStroke | null = null;
  #past: (readonly InkStroke[])[] = [];
  #future: (readonly InkStroke[])[] = [];
  readonly #listeners = new Set<() => void>();

  /** All strokes, the one that is being drawn last. */
  get strokes(): readonly InkStroke[] {
    return this.#live ? [...this.#strokes, this.#live] : this.#strokes;
  }
  get drawing(): boolean {
    return this.#live !== null;
  }
  get canUndo(): boolean {
    return this.#live !== null || this.#past.length > 0;
  }
  get canRedo(): boolean {
    return this.#live === null && this.#future.length > 0;
  }
  /** How many points there are. */
  get count(): number {
    return this.strokes.reduce((sum, { xs }) => sum + xs.length, 0);
  }

  /** Is told of every change. @returns stops telling */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Puts the pen down. */
  begin(tool: Tool, x: number, y: number, pressure: number, time: number): void {
    if (this.#live) this.end();
    this.#live = { tool, xs: [x], ys: [y], pressures: [pressure], times: [time] };
    this.#changed();
  }

  /** The pen has moved; a point where it was already is not taken. @returns whether it was taken */
  extend(x: number, y: number, pressure: number, time: number): boolean {
    const live = this.#live;
    if (!live || this.count >= MAX_POINTS) return false;
    if (live.xs[live.xs.length - 1] === x && live.ys[live.ys.length - 1] === y) return false;
    live.xs.push(x);
    live.ys.push(y);
    live.pressures.push(pressure);
    live.times.push(time);
    return true;
  }

  /** To be called once after one or several `extend`. */
  extended(): void {
    this.#changed();
  }

  /** Lifts the pen. */
  end(): void {
    if (!this.#live) return;
    this.#keep([...this.#strokes, this.#live]);
  }

  /** Takes back the stroke that is being drawn, as if it had not been begun. */
  cancel(): void {
    if (!this.#live) return;
    this.#live = null;
    this.#changed();
  }

  undo(): void {
    if (this.#live) {
      this.cancel();
      return;
    }
    const before = this.#past.pop();
    if (!before) return;
    this.#future.push(this.#strokes);
    this.#strokes = before;
    this.#changed();
  }

  redo(): void {
    if (this.#live) return;
    const after = this.#future.pop();
    if (!after) return;
    this.#past.push(this.#strokes);
    this.#strokes = after;
    this.#changed();
  }

  /** Takes everything away; undo brings it back. */
  clear(): void {
    this.#live = null;
    if (this.#strokes.length > 0) this.#keep([]);
    else this.#changed();
  }

  #keep(strokes: readonly InkStroke[]): void {
    this.#past.push(this.#strokes);
    if (this.#past.length > MAX_UNDO) this.#past.shift();
    this.#future = [];
    this.#strokes = strokes;
    this.#live = null;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The first `count` points of strokes, the last stroke cut where they end. */
export function firstPoints(strokes: readonly InkStroke[], count: number): InkStroke[] {
  const first: InkStroke[] = [];
  let left = count;
  for (const stroke of strokes) {
    if (left <= 0) break;
    if (stroke.xs.length <= left) first.push(stroke);
    else {
      const cut = (values: number[]) => values.slice(0, left);
      first.push({
        tool: stroke.tool,
        xs: cut(stroke.xs),
        ys: cut(stroke.ys),
        pressures: cut(stroke.pressures),
        times: cut(stroke.times),
      });
    }
    left -= stroke.xs.length;
  }
  return first;
}
