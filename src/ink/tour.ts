/**
 * Orders the pixels of a thinned image as a pen might have drawn them. A tour begins at the start and always moves to
 * the nearest pixel that has not been visited. Where several pixels are equally near, there are several tours; the one
 * with the shortest round trip is chosen.
 *
 * The original made ten random tours and kept the shortest. This search visits all tours, by branch and bound. For
 * digits it needs fewer visits than ten tours, and if it completes, its tour is never longer. If there are too many tours
 * (wide ink has very many), it stops and adds ten random tours. The seed decides among tours of equal length.
 *
 * The move from one pixel to another costs |dx|³ + |dy|³, so ten small moves cost less than one jump.
 */

import type { Random } from '../random.js';
import { countNeighbours } from './thin.js';

/** The ink pixels of a mask, and the first one of the tour. */
export interface TourPoints {
  width: number;
  height: number;
  /** [N] columns and pixel rows, in reading order. */
  xs: Int32Array;
  ys: Int32Array;
  /** Index of the first point of the tour; −1 if there are no points. */
  start: number;
}

/** Number of random tours if there are too many for a complete search. */
const RANDOM_TOURS = 10;
/** Visits after which the complete search stops. 200 of MNIST's 70,000 digits need more. */
const MAX_VISITS = 2 ** 16;

/**
 * The ink pixels of a mask as points, with the start of the tour.
 *
 * The start is the end point (a pixel with at most one neighbour) with the smallest x + y; of several, the first in
 * reading order. Without end points it is the pixel with the smallest x + y; of several, the leftmost.
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
      // Of points with equal x + y, a later one is in a lower pixel row, so it is further left.
      if (corner < 0 || sum <= xs[corner] + ys[corner]) corner = n;
    }
  }
  return { width, height, xs, ys, start: end >= 0 ? end : corner };
}

/**
 * Orders the points by the shortest tour found.
 * @param random breaks ties between tours of the same length
 * @returns [N] indices of points, the start first
 */
export function orderPoints(points: TourPoints, random: Random): Int32Array {
  const search = new TourSearch(points, random);
  if (points.start >= 0 && !search.searchAll(MAX_VISITS)) {
    for (let n = 0; n < RANDOM_TOURS; n++) search.tryRandom();
  }
  return search.best;
}

/** |dx|³ + |dy|³, exact for any image. */
export function moveCost(dx: number, dy: number): number {
  const x = Math.abs(dx);
  const y = Math.abs(dy);
  return x * x * x + y * y * y;
}

/**
 * Searches the tours of one set of points. The nearest unvisited point is looked up in growing squares around the
 * current point. Once a square has more pixels than there are unvisited points, the list of these points is searched.
 */
class TourSearch {
  /** [N] the shortest tour so far; #bestCost is the cost of its round trip. */
  readonly best: Int32Array;
  #bestCost = Number.POSITIVE_INFINITY;

  readonly #points: TourPoints;
  readonly #random: Random;
  /** [N] the current tour: its first `#length` elements. */
  readonly #order: Int32Array;
  #length = 0;
  /** [height, width] 1 + index of an unvisited point, 0 elsewhere. */
  readonly #picture: Int32Array;
  /** [N] a permutation of the points, whose first `#count` are unvisited; `#place` is its inverse. */
  readonly #left: Int32Array;
  readonly #place: Int32Array;
  #count: number;
  /** Result of #findNearest: the first `#ties` elements, all at cost `#least`. */
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
   * Searches all tours for the shortest.
   * @returns true if the search was complete within `maxVisits` visits; otherwise `best` is the shortest found so far
   */
  searchAll(maxVisits: number): boolean {
    const { xs, ys, start } = this.#points;
    const cheapest = this.#cheapestMoves();
    // Lower bound of the remaining cost: every unvisited point costs at least its cheapest move.
    let bound = 0;
    for (let n = 0; n < cheapest.length; n++) if (n !== start) bound += cheapest[n];
    // Indexed by the tour's length: begin of its untried choices in `choices`, its cost, the cost of its next move.
    const choices: number[] = [];
    const begins = new Int32Array(cheapest.length + 1);
    const costs = new Float64Array(cheapest.length + 1);
    const moveCosts = new Float64Array(cheapest.length + 1);

    this.#visit(start);
    for (let visits = 0; visits < maxVisits; visits++) {
      const length = this.#length;
      const at = this.#order[length - 1];
      begins[length] = choices.length;
      if (this.#count === 0) {
        this.#keep(costs[length] + moveCost(xs[at] - xs[start], ys[at] - ys[start]));
      } else if (costs[length] + bound < this.#bestCost) {
        this.#findNearest(xs[at], ys[at]);
        moveCosts[length] = this.#least;
        this.#shuffleNearest();
        for (let n = 0; n < this.#ties; n++) choices.push(this.#nearest[n]);
      }
      // Backtrack to the last point with an untried choice.
      while (begins[this.#length] === choices.length) {
        if (this.#length === 1) {
          this.#undo();
          return true;
        }
        bound += cheapest[this.#undo()];
      }
      const next = choices.pop() as number;
      costs[this.#length + 1] = costs[this.#length] + moveCosts[this.#length];
      bound -= cheapest[next];
      this.#visit(next);
    }
    while (this.#length > 0) this.#undo();
    return false;
  }

  /** Makes one tour with random choices among the nearest points; keeps it if it is shorter. */
  tryRandom(): void {
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
    if (this.#count === 0) this.#keep(cost + moveCost(xs[at] - xs[start], ys[at] - ys[start]));
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

  /** Removes the last point from the tour and returns it. */
  #undo(): number {
    const { xs, ys, width } = this.#points;
    const point = this.#order[--this.#length];
    this.#picture[ys[point] * width + xs[point]] = point + 1;
    // The point is still at place #count of #left.
    this.#count++;
    return point;
  }

  /** [N] the smallest cost of a move from any other point to each point. */
  #cheapestMoves(): Float64Array {
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

  /** Finds the unvisited points nearest to the pixel (x, y), except that pixel itself. */
  #findNearest(x: number, y: number): void {
    this.#least = Number.POSITIVE_INFINITY;
    this.#ties = 0;
    // Every point outside the square of radius r − 1 costs at least r³.
    for (let r = 1; r * r * r <= this.#least; r++) {
      if (r > 1 && 8 * r > this.#count) {
        this.#searchList(x, y, r);
        return;
      }
      this.#searchSquare(x, y, r);
    }
  }

  /** Offers the points at distance r in the maximum norm. */
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
    if (point >= 0) this.#offer(point, moveCost(u - x, v - y));
  }

  /** Offers the points at distance `radius` or more; the nearer ones have been offered already. */
  #searchList(x: number, y: number, radius: number): void {
    const { xs, ys } = this.#points;
    for (let n = 0; n < this.#count; n++) {
      const point = this.#left[n];
      const dx = xs[point] - x;
      const dy = ys[point] - y;
      if (Math.abs(dx) >= radius || Math.abs(dy) >= radius) this.#offer(point, moveCost(dx, dy));
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
