/**
 * One order and direction of strokes for all ways to draw them, so a network need not learn that they mean the same.
 * The first stroke begins at the end that is nearest to the top, and of equally high ones to the left. From the end of a
 * stroke the pen moves to the nearest end of those that are left. A closed stroke runs anticlockwise, as people write 0.
 */
import type { StrokePoints } from './stroke-points.js';

/** For the users of exported models, whose programs have to do the same. */
export const SORT_STROKES =
  'Sort the strokes of every drawing: the first begins at the end with the smallest x + 2 * y (then the smallest y), each ' +
  'other one at the end that is nearest to the pen (then likewise). A stroke whose ends are at most 2 pixels apart, across ' +
  'and down, is reversed where the sum of x1 * y2 - x2 * y1 over its lines, back to its beginning, is above 0. ' +
  '`scanstroke data strokes --sort` writes sorted strokes.';

/** A stroke whose ends are no further apart, across and down, is closed. In pixels. */
export const CLOSED_WITHIN = 2;

/** A stroke of those that are left, from one of its ends to the other. */
interface Way {
  /** Place in the list of strokes that are left. */
  place: number;
  /** Indices of its points: the first and the last on this way. */
  from: number;
  to: number;
}

/** Sorts drawings of up to `capacity` points; its buffers are reused. */
export class StrokeSorter {
  /** [strokes + 1] index of each stroke's first point. */
  readonly #starts: Int32Array;
  /** [strokes] those that are left come first. */
  readonly #left: Int32Array;

  constructor(capacity: number) {
    this.#starts = new Int32Array(capacity + 1);
    this.#left = new Int32Array(capacity);
  }

  /** Writes the strokes of `from` to `to`, sorted. */
  sort(from: StrokePoints, to: StrokePoints): void {
    const starts = this.#starts;
    const left = this.#left;
    const strokes = from.findStrokes(starts);
    starts[strokes] = from.count;
    for (let s = 0; s < strokes; s++) left[s] = s;
    to.count = 0;
    let pen = -1;
    for (let count = strokes; count > 0; count--) {
      const { place, from: begin, to: last } = this.#next(from, count, pen);
      const [first, end] = [starts[left[place]], starts[left[place] + 1]];
      left[place] = left[count - 1];
      const turn = isClosed(from, first, end) ? turnOf(from, first, end) : 0;
      const isReversed = turn === 0 ? begin > last : turn > 0;
      if (isReversed) to.appendReversed(from, first, end);
      else to.append(from, first, end);
      pen = isReversed ? first : end - 1;
    }
  }

  /** The next of the first `count` strokes that are left, and its beginning. @param pen the last point; -1 for none */
  #next(points: StrokePoints, count: number, pen: number): Way {
    const starts = this.#starts;
    const left = this.#left;
    let best: Way | null = null;
    for (let place = 0; place < count; place++) {
      const first = starts[left[place]];
      const last = starts[left[place] + 1] - 1;
      for (const [from, to] of [
        [first, last],
        [last, first],
      ]) {
        const way = { place, from, to };
        if (best === null || compareWays(points, pen, way, best) < 0) best = way;
      }
    }
    return best!;
  }
}

/** Below 0 if the stroke `a` comes before `b`. Where strokes share an end, all their points decide. */
function compareWays(points: StrokePoints, pen: number, a: Way, b: Way): number {
  const first =
    distance(points, pen, a.from) - distance(points, pen, b.from) || compare(points, a.from, b.from);
  if (first !== 0) return first;
  const [stepA, stepB] = [Math.sign(a.to - a.from), Math.sign(b.to - b.from)];
  let [n, m] = [a.from, b.from];
  while (n !== a.to && m !== b.to) {
    n += stepA;
    m += stepB;
    const difference = compare(points, n, m);
    if (difference !== 0) return difference;
  }
  return (n === a.to ? 0 : 1) - (m === b.to ? 0 : 1);
}

/** The square of the distance of two points; 0 without the first. */
function distance({ xs, ys }: StrokePoints, pen: number, n: number): number {
  return pen < 0 ? 0 : (xs[n] - xs[pen]) ** 2 + (ys[n] - ys[pen]) ** 2;
}

/** Below 0 if point n is higher than point m; a line to the right may rise by half its length and still begins left. */
function compare({ xs, ys }: StrokePoints, n: number, m: number): number {
  return xs[n] + 2 * ys[n] - (xs[m] + 2 * ys[m]) || ys[n] - ys[m];
}

/** Whether the ends of a stroke, points first … end − 1, nearly meet. */
function isClosed({ xs, ys }: StrokePoints, first: number, end: number): boolean {
  return (
    Math.abs(xs[end - 1] - xs[first]) <= CLOSED_WITHIN && Math.abs(ys[end - 1] - ys[first]) <= CLOSED_WITHIN
  );
}

/** Twice the area that a stroke encloses, above 0 if it runs clockwise. */
function turnOf({ xs, ys }: StrokePoints, first: number, end: number): number {
  let sum = xs[end - 1] * ys[first] - xs[first] * ys[end - 1];
  for (let n = first; n < end - 1; n++) sum += xs[n] * ys[n + 1] - xs[n + 1] * ys[n];
  return sum;
}
