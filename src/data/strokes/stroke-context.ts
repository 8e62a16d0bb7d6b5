/**
 * The ink around the point where a move ends, as more values of a step: a map of 5 × 5 cells. A network then sees what
 * lies beside the pen, drawn before or after. NPen++ combines moves with such bitmaps (Manke, Finke and Waibel, "The use of
 * dynamic writing information in a connectionist on-line cursive handwriting recognition system", NIPS 1994).
 */
import type { Sequence } from '../sequences/sequence.js';
import { CONTEXT_CELLS, type StrokePreprocessing, strokeInputSize } from './stroke-preprocessing.js';

/** For the users of exported models, whose programs have to do the same. */
export const CONTEXT_AFTER =
  'The last 25 values of a step are a map of the ink around the place where its move ends: 5 x 5 square cells, row by ' +
  "row, the middle one centred there; their side is 3/28 of the picture's larger side. Each point of the whole drawing " +
  '(a move without end of stroke) is divided bilinearly among the four nearest cell centres, and a value is ' +
  'min(2, sum / 3).';

/** Cells along a side of the map. */
const SIDE = Math.sqrt(CONTEXT_CELLS);
/** The map has a frame, which takes the shares outside of it. */
const FRAMED = SIDE + 2;
const MIDDLE = (FRAMED - 1) / 2;
/** A straight line through a cell has about this many points. */
const CELL_POINTS = 3;
const MOST = 2;

/** The time for the maps grows with the square of the moves. */
export const MAX_CONTEXT_MOVES = 4096;

/** A cell's side in pixels: 3 in a picture of 28 × 28. */
export function contextCell({ width, height }: StrokePreprocessing): number {
  return (Math.max(width, height) * 3) / 28;
}

/** Writes the maps of drawings of up to `capacity` moves, one after the other in one buffer. */
export class ContextMaps {
  readonly #inputSize: number;
  /** A cell's side, scaled as the moves. */
  readonly #unit: number;
  /** [capacity] where the moves end, in cells. */
  readonly #xs: Float64Array;
  readonly #ys: Float64Array;
  /** [capacity] the points, in cells. */
  readonly #inkXs: Float64Array;
  readonly #inkYs: Float64Array;
  readonly #map = new Float64Array(FRAMED * FRAMED);

  constructor(capacity: number, preprocessing: StrokePreprocessing) {
    this.#inputSize = strokeInputSize(preprocessing);
    this.#unit = contextCell(preprocessing) * Math.fround(preprocessing.scale);
    this.#xs = new Float64Array(capacity);
    this.#ys = new Float64Array(capacity);
    this.#inkXs = new Float64Array(capacity);
    this.#inkYs = new Float64Array(capacity);
  }

  /**
   * Writes the map of every move of a drawing, row by row, as the last values of its step. The middle cell is centred
   * where the move ends. Each point (a move without eos) is divided bilinearly among the four nearest cell centres; a
   * value is min(2, sum / 3).
   * @param target holds the moves `dx dy eos eod`, multiplied by the preprocessing's scale
   * @param rowStarts [T]; move t is at (rowStarts[t] + column) · I
   */
  write(target: Float32Array, rowStarts: Int32Array, column: number, steps: number): void {
    const points = this.#readPlaces(target, rowStarts, column, steps);
    const xs = this.#xs;
    const ys = this.#ys;
    const map = this.#map;
    for (let t = 0; t < steps; t++) {
      // A pen-up stays where it is, and so does its map.
      if (t === 0 || xs[t] !== xs[t - 1] || ys[t] !== ys[t - 1]) this.#fill(xs[t], ys[t], points);
      let to = (rowStarts[t] + column + 1) * this.#inputSize - CONTEXT_CELLS;
      for (let row = FRAMED; row < FRAMED * (SIDE + 1); row += FRAMED) {
        for (let at = row + 1; at <= row + SIDE; at++) target[to++] = Math.min(MOST, map[at] / CELL_POINTS);
      }
    }
  }

  /** @returns the number of points */
  #readPlaces(target: Float32Array, rowStarts: Int32Array, column: number, steps: number): number {
    const unit = this.#unit;
    let [x, y, points] = [0, 0, 0];
    for (let t = 0; t < steps; t++) {
      const at = (rowStarts[t] + column) * this.#inputSize;
      x += target[at] / unit;
      y += target[at + 1] / unit;
      this.#xs[t] = x;
      this.#ys[t] = y;
      if (target[at + 2] !== 0) continue;
      this.#inkXs[points] = x;
      this.#inkYs[points++] = y;
    }
    return points;
  }

  /** Makes the map around a place, with its frame. */
  #fill(x: number, y: number, points: number): void {
    const xs = this.#inkXs;
    const ys = this.#inkYs;
    const map = this.#map.fill(0);
    for (let n = 0; n < points; n++) {
      const u = xs[n] - x + MIDDLE;
      const v = ys[n] - y + MIDDLE;
      if (!(u > 0 && v > 0 && u < FRAMED - 1 && v < FRAMED - 1)) continue;
      // Both are positive: cut off is rounded down.
      const i = u | 0;
      const j = v | 0;
      const a = u - i;
      const b = v - j;
      const at = j * FRAMED + i;
      map[at] += (1 - a) * (1 - b);
      map[at + 1] += a * (1 - b);
      map[at + FRAMED] += (1 - a) * b;
      map[at + FRAMED + 1] += a * b;
    }
  }
}

/** Writes the maps of a sequence anew, whose other values are right. */
export function renewContext({ steps, sequence }: Sequence, preprocessing: StrokePreprocessing): void {
  const rows = Int32Array.from({ length: steps }, (_, t) => t);
  new ContextMaps(steps, preprocessing).write(sequence, rows, 0, steps);
}
