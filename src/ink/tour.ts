/**
 * Lines to an order: in which the pixels of a thinned image are visited, as a pen might have drawn them. From the
 * start always on to the nearest pixel that has not been visited. Where several are equally near there are several
 * such tours, and the shortest round trip is taken.
 *
 * The original drew ten tours at random and kept the shortest. Here all of them are looked through, by branch and
 * bound: for digits that is less work than ten tours, and never longer. Should there be too many (broad ink has very
 * many), ten random ones join in. Among equally short tours chance decides.
 *
 * The step from one pixel to another costs |dx|³ + |dy|³, so that ten small steps are cheaper than a jump.
 */

import type { Random } from '../random.js';
import { countNeighbours } from './thin.js';

/** The pixels of a mask, and the one to begin with. */
export interface TourPoints {
  width: number;
  height: number;
  /** [N] columns and rows, in reading order. */
  xs: Int32Array;
  ys: Int32Array;
  /** Index of the first point of the tour; −1 if there are no points. */
  start: number;
}

/** Tours at random where there are too many to look through. */
const TOURS = 10;
/** Steps after which the search through all tours is given up: 200 of MNIST's 70,000 digits need more. */
const MAX_STEPS = 2 ** 16;

/**
 * The ink of a mask as points, with the start: of the ends of lines (at most one neighbour) that with the least row +
 * column, the first in reading order if there are several; where no line ends, the pixel with the least row + column,
 * the leftmost if there are several.
 * @param mask [height, width] 0 or 1
 */
export function tourPoints(mask: Uint8Array, width: number, height: number): TourPoints {
  let count = 0;
  for (let i = 0; i < mask.length; i++) count += mask[i];
  const xs = new Int32Array(count);
  const ys = new Int32Array(count);
  let found = 0;
  let end = -1;
  let corner = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (mask[y * width + x] === 0) continue;
      const n = found++;
      xs[n] = x;
      ys[n] = y;
      const sum = x + y;
      if ((end < 0 || sum < xs[end] + ys[end]) && countNeighbours(mask, width, height, x, y) <= 1) end = n;
      // On a tie the later point stands further down, hence further left.
      if (corner < 0 || sum <= xs[corner] + ys[corner]) corner = n;
    }
  }
  return { width, height, xs, ys, start: end >= 0 ? end : corner };
}

/**
 * Orders the points.
 * @param random decides among tours of the same length
 * @returns [N] indices of points, the start first
 */
export function orderPoints(points: TourPoints, random: Random): Int32Array {
  const search = new TourSearch(points, random);
  if (points.start >= 0 && !search.throughAll(MAX_STEPS)) {
    for (let n = 0; n < TOURS; n++) search.atRandom();
  }
  return search.best;
}

/** |dx|³ + |dy|³, exact for any image. */
export function stepCost(dx: number, dy: number): number {
  const x = Math.abs(dx);
  const y = Math.abs(dy);
  return x * x * x + y * y * y;
}

/**
 * Tours of one set of points. The nearest point is searched in growing squares round the current one, in a picture of
 * the points that are left; when a square has become larger than the list of these points, in the list instead.
 */
class TourSearch {
  /** [N] the shortest tour so far, and the cost of its round trip. */
  readonly best: Int32Array;
  #bestCost = Number.POSITIVE_INFINITY;

  readonly #points: TourPoints;
  readonly #random: Random;
  /** The tour that is being made: its first `#length` points. */
  readonly #order: Int32Array;
  #length = 0;
  /** [height, width] 1 + index of a point that is left, 0 elsewhere. */
  readonly #picture: Int32Array;
  /** Points that are left: the first `#count` of the list, and where each point is in it. */
  readonly #left: Int32Array;
  readonly #place: Int32Array;
  #count: number;
  /** What findNearest found: points, all at cost `#least`. */
  readonly #nearest: Int32Array;
  #ties = 0;
  #least = 0;

  constructor(points: TourPoints, random: Random) {
    const { xs, ys, width, height } = points;
    const count = xs.length;
    this.best = new Int32Array(count);
    this.#points = points;
    this.#random = random;
    this.#order = new Int32Array(count);
    this.#picture = new Int32Array(width * height);
    this.#left = new Int32Array(count);
    this.#place = new Int32Array(count);
    this.#count = count;
    this.#nearest = new Int32Array(count);
    for (let n = 0; n < count; n++) {
      this.#left[n] = n;
      this.#place[n] = n;
      this.#picture[ys[n] * width + xs[n]] = n + 1;
    }
  }

  /**
   * Finds the shortest of all tours.
   * @returns whether that was done within `mostSteps` steps; if not, `best` is the shortest that was met
   */
  throughAll(mostSteps: number): boolean {
    const { xs, ys, start } = this.#points;
    const cheapest = this.#cheapestSteps();
    // Every point that is left will cost at least its cheapest step.
    let bound = 0;
    for (let n = 0; n < cheapest.length; n++) if (n !== start) bound += cheapest[n];
    // [length of the tour] The choices not yet taken there are a slice of `choices`; what the tour costs up to there.
    const choices: number[] = [];
    const begins = new Int32Array(cheapest.length + 1);
    const costs = new Float64Array(cheapest.length + 1);
    const stepCosts = new Float64Array(cheapest.length + 1);

    this.#visit(start);
    for (let steps = 0; steps < mostSteps; steps++) {
      const length = this.#length;
      const at = this.#order[length - 1];
      begins[length] = choices.length;
      if (this.#count === 0) {
        this.#keep(costs[length] + stepCost(xs[at] - xs[start], ys[at] - ys[start]));
      } else if (costs[length] + bound < this.#bestCost) {
        this.#findNearest(xs[at], ys[at]);
        stepCosts[length] = this.#least;
        this.#shuffleNearest();
        for (let n = 0; n < this.#ties; n++) choices.push(this.#nearest[n]);
      }
      // Back to the last choice that is left.
      while (begins[this.#length] === choices.length) {
        if (this.#length === 1) {
          this.#undo();
          return true;
        }
        bound += cheapest[this.#undo()];
      }
      const next = choices.pop() as number;
      costs[this.#length + 1] = costs[this.#length] + stepCosts[this.#length];
      bound -= cheapest[next];
      this.#visit(next);
    }
    while (this.#length > 0) this.#undo();
    return false;
  }

  /** Makes one tour, taking any of the nearest points, and keeps it if it is shorter. */
  atRandom(): void {
    const { xs, ys, start } = this.#points;
    let cost = 0;
    let at = start;
    this.#visit(start);
    while (this.#count > 0 && cost < this.#bestCost) {
      this.#findNearest(xs[at], ys[at]);
      cost += this.#least;
      at = this.#nearest[this.#ties === 1 ? 0 : this.#random.below(this.#ties)];
      this.#visit(at);
    }
    if (this.#count === 0) this.#keep(cost + stepCost(xs[at] - xs[start], ys[at] - ys[start]));
    while (this.#length > 0) this.#undo();
  }

  #keep(cost: number): void {
    if (cost >= this.#bestCost) return;
    this.#bestCost = cost;
    this.best.set(this.#order);
  }

  #visit(point: number): void {
    const { xs, ys, width } = this.#points;
    this.#picture[ys[point] * width + xs[point]] = 0;
    const hole = this.#place[point];
    const last = this.#left[--this.#count];
    this.#left[hole] = last;
    this.#place[last] = hole;
    this.#left[this.#count] = point;
    this.#place[point] = this.#count;
    this.#order[this.#length++] = point;
  }

  /** Takes the last point back. */
  #undo(): number {
    const { xs, ys, width } = this.#points;
    const point = this.#order[--this.#length];
    this.#picture[ys[point] * width + xs[point]] = point + 1;
    // It stands where the list of those that are left ends.
    this.#count++;
    return point;
  }

  /** [N] the least cost of a step to each point from any other. */
  #cheapestSteps(): Float64Array {
    const { xs, ys } = this.#points;
    return Float64Array.from(xs, (x, n) => {
      this.#findNearest(x, ys[n]);
      return this.#ties === 0 ? 0 : this.#least;
    });
  }

  #shuffleNearest(): void {
    for (let n = this.#ties - 1; n > 0; n--) {
      const other = this.#random.below(n + 1);
      const held = this.#nearest[n];
      this.#nearest[n] = this.#nearest[other];
      this.#nearest[other] = held;
    }
  }

  /** The points that are left and nearest to the pixel (x, y), without that pixel itself. */
  #findNearest(x: number, y: number): void {
    this.#least = Number.POSITIVE_INFINITY;
    this.#ties = 0;
    // Every point outside the square of radius r costs at least (r + 1)³.
    for (let r = 1; r * r * r <= this.#least; r++) {
      if (r > 1 && 8 * r > this.#count) {
        this.#searchList(x, y, r);
        return;
      }
      this.#searchSquare(x, y, r);
    }
  }

  /** The points at distance r in the maximum norm. */
  #searchSquare(x: number, y: number, r: number): void {
    const { width, height } = this.#points;
    const left = Math.max(0, x - r);
    const right = Math.min(width - 1, x + r);
    for (let v = Math.max(0, y - r); v <= Math.min(height - 1, y + r); v++) {
      const whole = v === y - r || v === y + r;
      if (whole) {
        for (let u = left; u <= right; u++) this.#look(u, v, x, y);
      } else {
        if (x - r >= 0) this.#look(x - r, v, x, y);
        if (x + r < width) this.#look(x + r, v, x, y);
      }
    }
  }

  #look(u: number, v: number, x: number, y: number): void {
    const point = this.#picture[v * this.#points.width + u] - 1;
    if (point >= 0) this.#offer(point, stepCost(u - x, v - y));
  }

  /** The points at distance `radius` and more; nearer ones have been offered already. */
  #searchList(x: number, y: number, radius: number): void {
    const { xs, ys } = this.#points;
    for (let n = 0; n < this.#count; n++) {
      const point = this.#left[n];
      const dx = xs[point] - x;
      const dy = ys[point] - y;
      if (Math.abs(dx) >= radius || Math.abs(dy) >= radius) this.#offer(point, stepCost(dx, dy));
    }
  }

  #offer(point: number, cost: number): void {
    if (cost > this.#least) return;
    if (cost < this.#least) {
      this.#least = cost;
      this.#ties = 0;
    }
    this.#nearest[this.#ties++] = point;
  }
}
