/**
 * One order and direction of strokes for all ways to draw them, so a network need not learn that they mean the same. The
 * first stroke begins at the end with the smallest x + 2y: at the top, and a line to the right begins left. Each other
 * stroke begins at the end that is nearest to the pen. A closed stroke runs anticlockwise, as people write 0.
 */
import type { StrokePoints } from './stroke-points.js';

/** For the users of exported models, whose programs have to do the same. */
export const SORT_STROKES =
  'Sort the strokes of every drawing: the first begins at the end with the smallest x + 2 * y (then the smallest y), each ' +
  'other one at the end that is nearest to the pen (then likewise). A stroke is closed if its ends are at most 2 / 28 of ' +
  'the width of the picture apart, across and down, and the sum of x1 * y2 - x2 * y1 over its lines, back to its ' +
  'beginning, is more than 3.5 / 784 of the square of the width above or below 0. Afterwards, every closed stroke for ' +
  'which this sum is above 0 is reversed.';

/** The ends of a closed stroke are no further apart, across and down. As a share of the picture's width. */
const CLOSED_WITHIN = 2 / 28;
/**
 * The area that a closed stroke encloses is larger, as a share of the square of the width: a short line with a step
 * encloses next to nothing, and rounding would decide which way it turns. The smallest loop of a thinned picture has an
 * area of 2 pixels.
 */
const CLOSED_AREA = 1.75 / 28 ** 2;

/** Sorts drawings of up to `capacity` points; its buffers are reused. */
export class StrokeSorter {
  /** In pixels. */
  readonly #closedWithin: number;
  /** As turnOf gives it. */
  readonly #closedTurn: number;
  /** [strokes + 1] index of each stroke's first point. */
  readonly #starts: Int32Array;
  /** [strokes] those that are left come first. */
  readonly #left: Int32Array;
  /** The place in #left of the stroke that #choose has chosen, and the indices of its first and last point. */
  #place = 0;
  #begin = 0;
  #end = 0;

  /** @param width of the picture, in pixels */
  constructor(capacity: number, width: number) {
    this.#closedWithin = CLOSED_WITHIN * width;
    this.#closedTurn = 2 * CLOSED_AREA * width * width;
    this.#starts = new Int32Array(capacity + 1);
    this.#left = new Int32Array(capacity);
  }

  /**
   * Writes the strokes of `from` to `to`, sorted.
   * @param by the same points in other places, which decide on the order
   */
  sort(from: StrokePoints, to: StrokePoints, by: StrokePoints = from): void {
    const starts = this.#starts;
    const left = this.#left;
    const strokes = by.findStrokes(starts);
    starts[strokes] = by.count;
    for (let s = 0; s < strokes; s++) left[s] = s;
    to.count = 0;
    let pen = -1;
    for (let count = strokes; count > 0; count--) {
      this.#choose(by, count, pen);
      const place = this.#place;
      const [first, end] = [starts[left[place]], starts[left[place] + 1]];
      left[place] = left[count - 1];
      const turn = this.#isClosed(by, first, end) ? turnOf(by, first, end) : 0;
      const isReversed = Math.abs(turn) > this.#closedTurn ? turn > 0 : this.#begin > this.#end;
      if (isReversed) to.appendReversed(from, first, end);
      else to.append(from, first, end);
      pen = isReversed ? first : end - 1;
    }
  }

  /** Chooses the next of the first `count` strokes that are left, and its direction. @param pen the last point, or -1 */
  #choose(points: StrokePoints, count: number, pen: number): void {
    const starts = this.#starts;
    let least = Number.POSITIVE_INFINITY;
    for (let place = 0; place < count; place++) {
      const first = starts[this.#left[place]];
      const last = starts[this.#left[place] + 1] - 1;
      for (let end = 0; end < 2; end++) {
        const [n, m] = end === 0 ? [first, last] : [last, first];
        const away = distance(points, pen, n);
        if (away > least) continue;
        if (away === least && comparePaths(points, n, m, this.#begin, this.#end) >= 0) continue;
        least = away;
        this.#place = place;
        this.#begin = n;
        this.#end = m;
      }
    }
  }

  /** Whether the ends of a stroke, points first … end − 1, nearly meet. */
  #isClosed({ xs, ys }: StrokePoints, first: number, end: number): boolean {
    const most = this.#closedWithin;
    return Math.abs(xs[end - 1] - xs[first]) <= most && Math.abs(ys[end - 1] - ys[first]) <= most;
  }
}

/**
 * Below 0 if the path through points n … m comes before that through u … v, either of which may run backwards. Their
 * beginnings decide; where two strokes share one, the points that follow.
 */
function comparePaths(points: StrokePoints, n: number, m: number, u: number, v: number): number {
  const [step, otherStep] = [Math.sign(m - n), Math.sign(v - u)];
  for (; ; n += step, u += otherStep) {
    const difference = compare(points, n, u);
    if (difference !== 0) return difference;
    if (n === m || u === v) return (n === m ? 0 : 1) - (u === v ? 0 : 1);
  }
}

/** Below 0 if a drawing rather begins at point n than at point u. */
function compare({ xs, ys }: StrokePoints, n: number, u: number): number {
  return xs[n] + 2 * ys[n] - (xs[u] + 2 * ys[u]) || ys[n] - ys[u];
}

/** The square of the distance of two points; 0 without the first. */
function distance({ xs, ys }: StrokePoints, pen: number, n: number): number {
  if (pen < 0) return 0;
  const [dx, dy] = [xs[n] - xs[pen], ys[n] - ys[pen]];
  return dx * dx + dy * dy;
}

/** Twice the area that a stroke encloses, above 0 if it runs clockwise. Points are taken from the first, for precision. */
function turnOf({ xs, ys }: StrokePoints, first: number, end: number): number {
  const [left, top] = [xs[first], ys[first]];
  let sum = 0;
  for (let n = first + 1; n < end - 1; n++) {
    sum += (xs[n] - left) * (ys[n + 1] - top) - (xs[n + 1] - left) * (ys[n] - top);
  }
  return sum;
}
