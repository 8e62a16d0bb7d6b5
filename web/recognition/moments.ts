/**
 * The networks' answers after each point of a drawing, for the chart and the replay. Recorded while the pen moves.
 * Points that were skipped then are recognised later in the background, evenly spaced.
 */
import type { ModelAnswer, Shown } from '../workers/protocol.js';

/** The answers after the first `points` points. */
export interface Moment {
  points: number;
  answers: ModelAnswer[];
  shown: Shown | null;
}

/** Background jobs fill at most this many moments, in addition to those recorded while the pen moved. */
const MAX_BACKGROUND_MOMENTS = 200;

export class Moments {
  /** Indexed by the number of points. */
  #moments: (Moment | undefined)[] = [];

  /** Removes the moments after `points` points. */
  truncate(points: number): void {
    this.#moments.length = Math.min(this.#moments.length, points + 1);
  }

  keep(moment: Moment): void {
    this.#moments[moment.points] = moment;
  }

  /** All moments, by number of points. */
  list(): Moment[] {
    return this.#moments.filter((moment) => moment !== undefined);
  }

  /** The moment after `points` points, else the nearest earlier one. */
  at(points: number): Moment | undefined {
    for (let n = Math.min(points, this.#moments.length - 1); n > 0; n--) {
      if (this.#moments[n]) return this.#moments[n];
    }
    return undefined;
  }

  has(points: number): boolean {
    return this.#moments[points] !== undefined;
  }

  /** The next number of points to recognise for a drawing of `count` points; null if none is missing. */
  missing(count: number): number | null {
    if (count > 0 && !this.#moments[count]) return count;
    const stride = Math.ceil(count / MAX_BACKGROUND_MOMENTS);
    for (let n = 1; n < count; n += stride) {
      if (!this.#hasAnyIn(n, Math.min(count, n + stride))) return n;
    }
    return null;
  }

  #hasAnyIn(from: number, end: number): boolean {
    for (let n = from; n < end; n++) if (this.#moments[n]) return true;
    return false;
  }
}
