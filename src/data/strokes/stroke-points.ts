/**
 * Pen strokes as points: converts moves `dx dy eos eod` to coordinates and back. In between, strokes can be reordered or
 * reversed.
 */

import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { addPoint, type InkSums, type Slant, type Spread, spreadOf } from '../deslant.js';

/** How the pen arrived at a point: drawing; after a pen-up; or by a jump without a pen-up (see `readMoves`). */
export const ARRIVAL = { drawn: 0, penUp: 1, jump: 2 } as const;

/** A drawing's points in drawing order, in buffers that are reused for the next drawing. */
export class StrokePoints {
  count = 0;
  /** [capacity] coordinates in the picture; the first pixel is 1. */
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** [capacity] of ARRIVAL; the first point of every stroke is `penUp`. */
  readonly arrival: Uint8Array;

  constructor(capacity: number) {
    this.xs = new Float64Array(capacity);
    this.ys = new Float64Array(capacity);
    this.arrival = new Uint8Array(capacity);
  }

  /**
   * Reads the points of moves first … end − 1; the capacity must be at least as many.
   * @param toured whether the moves are a tour over pixels. Such a tour may continue at a pixel that is no neighbour
   * without a pen-up, before a drawing's last point (see ink/image-to-strokes.ts). This is a jump, not a line.
   */
  readMoves(moves: Int16Array, first: number, end: number, toured: boolean): void {
    const { xs, ys, arrival } = this;
    let n = 0;
    let x = 0;
    let y = 0;
    let down = false;
    for (let at = first * STROKE_COLUMNS; at < end * STROKE_COLUMNS; at += STROKE_COLUMNS) {
      const dx = moves[at];
      const dy = moves[at + 1];
      x += dx;
      y += dy;
      if (moves[at + 2] === 0) {
        xs[n] = x;
        ys[n] = y;
        const isJump = toured && (dx > 1 || dx < -1 || dy > 1 || dy < -1);
        arrival[n++] = down ? (isJump ? ARRIVAL.jump : ARRIVAL.drawn) : ARRIVAL.penUp;
        down = true;
      } else {
        down = false;
      }
      if (moves[at + 3] !== 0) break;
    }
    this.count = n;
  }

  /** Removes a slant: x becomes x - slope · (y - middle). */
  deslant({ slope, middle }: Slant): void {
    const { xs, ys, count } = this;
    for (let n = 0; n < count; n++) xs[n] -= slope * (ys[n] - middle);
  }

  /** How the points lie; all have the same mass. */
  spread(): Spread {
    const sums: InkSums = { mass: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 };
    for (let n = 0; n < this.count; n++) addPoint(sums, this.xs[n], this.ys[n]);
    return spreadOf(sums);
  }

  /**
   * Writes the points as moves: differences, `0 0 1 0` where the pen is lifted, `0 0 1 1` at the end.
   * @param target [moves, 4] from index `at` on
   * @param scale dx and dy are multiplied by this
   * @returns the index after the last move
   */
  writeMoves(target: Float32Array | Int16Array, at: number, scale: number): number {
    const { xs, ys, arrival, count } = this;
    let to = at;
    let x = 0;
    let y = 0;
    for (let n = 0; n < count; n++) {
      if (arrival[n] === ARRIVAL.penUp && n > 0) {
        target[to] = 0;
        target[to + 1] = 0;
        target[to + 2] = 1;
        target[to + 3] = 0;
        to += STROKE_COLUMNS;
      }
      target[to] = (xs[n] - x) * scale;
      target[to + 1] = (ys[n] - y) * scale;
      target[to + 2] = 0;
      target[to + 3] = 0;
      to += STROKE_COLUMNS;
      x = xs[n];
      y = ys[n];
    }
    target[to] = 0;
    target[to + 1] = 0;
    target[to + 2] = 1;
    target[to + 3] = 1;
    return to + STROKE_COLUMNS;
  }

  /**
   * Finds the strokes.
   * @param starts [strokes] at least: index of the first point of each
   * @returns the number of strokes
   */
  findStrokes(starts: Int32Array): number {
    const { arrival, count } = this;
    let strokes = 0;
    for (let n = 0; n < count; n++) if (arrival[n] === ARRIVAL.penUp) starts[strokes++] = n;
    return strokes;
  }

  /** Adds points first … end − 1 of another drawing, which are a stroke. */
  append(from: StrokePoints, first: number, end: number): void {
    const { xs, ys, arrival } = this;
    let n = this.count;
    for (let i = first; i < end; i++, n++) {
      xs[n] = from.xs[i];
      ys[n] = from.ys[i];
      arrival[n] = from.arrival[i];
    }
    this.count = n;
  }

  /** Adds points first … end − 1 of another drawing, which are a stroke, from the last to the first. */
  appendReversed(from: StrokePoints, first: number, end: number): void {
    const { xs, ys, arrival } = this;
    let n = this.count;
    let how: number = ARRIVAL.penUp;
    for (let i = end - 1; i >= first; i--, n++) {
      xs[n] = from.xs[i];
      ys[n] = from.ys[i];
      arrival[n] = how;
      how = from.arrival[i];
    }
    this.count = n;
  }
}

/** Other ways to draw a drawing: the last stroke first, each from its end (`reversed`) or from its beginning. */
export type Redrawing = 'reversed' | 'reordered';

/**
 * Draws a drawing in another way.
 * @param starts room for the strokes of `from`
 */
export function redraw(from: StrokePoints, to: StrokePoints, starts: Int32Array, how: Redrawing): void {
  const strokes = from.findStrokes(starts);
  to.count = 0;
  for (let s = strokes - 1; s >= 0; s--) {
    const end = s + 1 < strokes ? starts[s + 1] : from.count;
    if (how === 'reversed') to.appendReversed(from, starts[s], end);
    else to.append(from, starts[s], end);
  }
}
