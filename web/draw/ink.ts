/**
 * The drawing on the canvas: strokes with pressure and time, and the undo history. Independent of the screen: a canvas
 * for one symbol is `SIDE` units wide and high, so the drawing does not change when the canvas is resized.
 */

/** Width and height in units of a canvas for one symbol. */
export const SIDE = 1000;

/** What drew a stroke. Only a pen reports pressure. */
export type Tool = 'mouse' | 'touch' | 'pen' | 'keyboard';

/** One stroke, from pen down to pen up. All arrays have one entry per point. */
export interface InkStroke {
  tool: Tool;
  /** In units, to the right. */
  xs: number[];
  /** In units, downwards. */
  ys: number[];
  /** 0 to 1. */
  pressures: number[];
  /** Milliseconds; only differences matter. */
  times: number[];
}

/** Points beyond this number are ignored. No hand draws that many on one canvas. */
export const MAX_POINTS = 20_000;
const MAX_UNDO = 200;

/** A drawing that grows stroke by stroke. Finished strokes never change. */
export class Ink {
  /** Width and height of the canvas in units. */
  width = SIDE;
  height = SIDE;
  /** Says whether a stroke that ends is none, such as a tap; it is then removed. */
  refuses: (stroke: InkStroke) => boolean = () => false;
  #strokes: readonly InkStroke[] = [];
  #growing: InkStroke | null = null;
  #past: (readonly InkStroke[])[] = [];
  #future: (readonly InkStroke[])[] = [];
  readonly #listeners = new Set<() => void>();

  /** All strokes; the unfinished one is last. */
  get strokes(): readonly InkStroke[] {
    return this.#growing ? [...this.#strokes, this.#growing] : this.#strokes;
  }
  get isPenDown(): boolean {
    return this.#growing !== null;
  }
  get canUndo(): boolean {
    return this.#growing !== null || this.#past.length > 0;
  }
  get canRedo(): boolean {
    return this.#growing === null && this.#future.length > 0;
  }
  /** Number of points in all strokes. */
  get pointCount(): number {
    return this.strokes.reduce((sum, { xs }) => sum + xs.length, 0);
  }

  /** Calls `listener` after every change. @returns a function that unsubscribes */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Puts the pen down. */
  begin(tool: Tool, x: number, y: number, pressure: number, time: number): void {
    if (this.#growing) this.end();
    this.#growing = { tool, xs: [x], ys: [y], pressures: [pressure], times: [time] };
    this.#changed();
  }

  /** Adds a point to the unfinished stroke, unless the pen has not moved. @returns whether the point was added */
  extend(x: number, y: number, pressure: number, time: number): boolean {
    const growing = this.#growing;
    if (!growing || this.pointCount >= MAX_POINTS) return false;
    if (growing.xs[growing.xs.length - 1] === x && growing.ys[growing.ys.length - 1] === y) return false;
    growing.xs.push(x);
    growing.ys.push(y);
    growing.pressures.push(pressure);
    growing.times.push(time);
    return true;
  }

  /** Notifies the listeners. Call once after one or several `extend`. */
  extended(): void {
    this.#changed();
  }

  /** Lifts the pen. */
  end(): void {
    if (!this.#growing) return;
    if (this.refuses(this.#growing)) this.cancel();
    else this.replace([...this.#strokes, this.#growing]);
  }

  /** Removes the unfinished stroke; undo does not bring it back. */
  cancel(): void {
    if (!this.#growing) return;
    this.#growing = null;
    this.#changed();
  }

  undo(): void {
    if (this.#growing) {
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
    if (this.#growing) return;
    const after = this.#future.pop();
    if (!after) return;
    this.#past.push(this.#strokes);
    this.#strokes = after;
    this.#changed();
  }

  /** Removes all strokes; undo brings the finished ones back. */
  clear(): void {
    this.#growing = null;
    if (this.#strokes.length > 0) this.replace([]);
    else this.#changed();
  }

  /** Makes these the strokes; undo brings the former ones back. */
  replace(strokes: readonly InkStroke[]): void {
    this.#past.push(this.#strokes);
    if (this.#past.length > MAX_UNDO) this.#past.shift();
    this.#future = [];
    this.#strokes = strokes;
    this.#growing = null;
    this.#changed();
  }

  /** Removes all strokes and what could be undone or done again: a new drawing begins. */
  forget(): void {
    this.#growing = null;
    this.#strokes = [];
    this.#past = [];
    this.#future = [];
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The first `count` points as strokes; cuts the last stroke where needed. */
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
