/**
 * What the networks said of a drawing after each of its points: the memory behind the chart over pen time and the
 * replay. Filled while the pen moves; what was left out then is asked later, evenly spread.
 */
import type { ModelAnswer, Shown } from '../workers/protocol.js';

/** After so many points. */
export interface Moment {
  points: number;
  answers: ModelAnswer[];
  shown: Shown | null;
}

/** Moments that are asked for later; those that came live are kept besides. */
const MAX_LATER = 200;

export class Moments {
  /** [points] */
  #moments: (Moment | undefined)[] = [];

  /** Forgets what came after so many points. */
  truncate(points: number): void {
    this.#moments.length = Math.min(this.#moments.length, points + 1);
  }

  keep(moment: Moment): void {
    this.#moments[moment.points] = moment;
  }

  /** All of them in order. */
  list(): Moment[] {
    return this.#moments.filter((moment) => moment !== undefined);
  }

  /** After so many points, or the nearest before. */
  at(points: number): Moment | undefined {
    for (let n = Math.min(points, this.#moments.length - 1); n > 0; n--) {
      if (this.#moments[n]) return this.#moments[n];
    }
    return undefined;
  }

  has(points: number): boolean {
    return this.#moments[points] !== undefined;
  }

  /** The next that is missing in a drawing of `count` points; null if the picture is complete. */
  missing(count: number): number | null {
    if (count > 0 && !this.#moments[count]) return count;
    const stride = Math.ceil(count / MAX_LATER);
    for (let n = 1; n < count; n += stride) {
      if (!this.#some(n, Math.min(count, n + stride))) return n;
    }
    return null;
  }

  #some(from: number, end: number): boolean {
    for (let n = from; n < end; n++) if (this.#moments[n]) return true;
    return false;
  }
}
