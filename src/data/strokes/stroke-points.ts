/**
 * Pen strokes as points: moves `dx dy eos eod` taken apart into places and put together again. Between the two, whole
 * strokes can be put into another order or drawn from their ends; data sets are, to see whether a model minds.
 */

import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';
import { emptyStrokes, type StrokeExamples } from './stroke-examples.js';

/** How the pen came to a point: drawing; lifted; or not lifted, though there is no line (see `readMoves`). */
export const PEN = { drawn: 0, lifted: 1, jumped: 2 } as const;

const MAX_STEP = 32767;

/** A drawing's points in the order in which they are drawn, in buffers that are used again for the next. */
export class StrokePoints {
  count = 0;
  /** [capacity] places in the picture; the first pixel is 1. */
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** [capacity] of PEN; the first point of every stroke is `lifted`. */
  readonly came: Uint8Array;

  constructor(capacity: number) {
    this.xs = new Float64Array(capacity);
    this.ys = new Float64Array(capacity);
    this.came = new Uint8Array(capacity);
  }

  /**
   * Takes moves first … end − 1 apart; needs room for as many points.
   * @param toured the moves are a tour over pixels. Where such a tour goes on to a pixel that is no neighbour, the pen
   * should have been lifted; before a drawing's last point it is not (see ink/image-to-strokes.ts). That is a jump, not a line.
   */
  readMoves(moves: Int16Array, first: number, end: number, toured: boolean): void {
    const { xs, ys, came } = this;
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
        came[n++] = down ? (isJump ? PEN.jumped : PEN.drawn) : PEN.lifted;
        down = true;
      } else {
        down = false;
      }
      if (moves[at + 3] !== 0) break;
    }
    this.count = n;
  }

  /**
   * Writes the points as moves: differences, `0 0 1 0` where the pen is lifted, `0 0 1 1` at the end.
   * @param target [rowCount(), 4] from index `at` on
   * @param scale dx and dy are multiplied by this
   * @returns the index after the last move
   */
  writeMoves(target: Float32Array, at: number, scale: number): number {
    const { xs, ys, came, count } = this;
    let to = at;
    let x = 0;
    let y = 0;
    for (let n = 0; n < count; n++) {
      if (came[n] === PEN.lifted && n > 0) {
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
   * @returns how many there are
   */
  findStrokes(starts: Int32Array): number {
    const { came, count } = this;
    let strokes = 0;
    for (let n = 0; n < count; n++) if (came[n] === PEN.lifted) starts[strokes++] = n;
    return strokes;
  }

  /** Adds points first … end − 1 of another drawing, which are a stroke. */
  append(from: StrokePoints, first: number, end: number): void {
    const { xs, ys, came } = this;
    let n = this.count;
    for (let i = first; i < end; i++, n++) {
      xs[n] = from.xs[i];
      ys[n] = from.ys[i];
      came[n] = from.came[i];
    }
    this.count = n;
  }

  /** Adds points first … end − 1 of another drawing, which are a stroke, from the last to the first. */
  appendReversed(from: StrokePoints, first: number, end: number): void {
    const { xs, ys, came } = this;
    let n = this.count;
    let how: number = PEN.lifted;
    for (let i = end - 1; i >= first; i--, n++) {
      xs[n] = from.xs[i];
      ys[n] = from.ys[i];
      came[n] = how;
      how = from.came[i];
    }
    this.count = n;
  }
}

/**
 * Every drawing made in reverse: the last stroke first, each from its end.
 * @throws UserError naming a drawing with a step that 16 bits do not hold
 */
export function reversedStrokes(examples: StrokeExamples): StrokeExamples {
  return redrawn(examples, 'reversed', (from, to, first, end) => to.appendReversed(from, first, end));
}

/**
 * Every drawing with its strokes in reverse order: the last stroke first, each from its own beginning.
 * @throws UserError naming a drawing with a step that 16 bits do not hold
 */
export function reorderedStrokes(examples: StrokeExamples): StrokeExamples {
  return redrawn(examples, 'reordered', (from, to, first, end) => to.append(from, first, end));
}

/** Every drawing with the last stroke first, each drawn as `add` does. */
function redrawn(
  examples: StrokeExamples,
  how: string,
  add: (from: StrokePoints, to: StrokePoints, first: number, end: number) => void,
): StrokeExamples {
  const { count, moves, offsets, labels } = examples;
  const longest = longestOf(examples);
  const before = new StrokePoints(longest);
  const after = new StrokePoints(longest);
  const starts = new Int32Array(longest);
  // A drawing without an end move gets one.
  const written = new Float32Array((moves.length / STROKE_COLUMNS + count) * STROKE_COLUMNS);
  const ends = new Int32Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    before.readMoves(moves, offsets[i], offsets[i + 1], false);
    const strokes = before.findStrokes(starts);
    after.count = 0;
    for (let s = strokes - 1; s >= 0; s--) {
      add(before, after, starts[s], s + 1 < strokes ? starts[s + 1] : before.count);
    }
    const from = at;
    at = after.writeMoves(written, at, 1);
    ends[i] = at / STROKE_COLUMNS;
    for (let k = from; k < at; k++) {
      if (Math.abs(written[k]) > MAX_STEP) {
        throw new UserError(
          `strokes ${how}: drawing ${i} has a step of ${written[k]}; at most ${MAX_STEP} is accepted`,
        );
      }
    }
  }
  const result = emptyStrokes(count, at / STROKE_COLUMNS, `strokes ${how}`);
  result.moves.set(written.subarray(0, at));
  result.offsets.set(ends, 1);
  result.labels.set(labels);
  return result;
}

/** Moves of the longest drawing. */
export function longestOf({ count, offsets }: Pick<StrokeExamples, 'count' | 'offsets'>): number {
  let longest = 0;
  for (let i = 0; i < count; i++) longest = Math.max(longest, offsets[i + 1] - offsets[i]);
  return longest;
}
