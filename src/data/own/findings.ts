/** Counts what is found in people's pictures while they are read: sizes, and pictures that cannot be used. */
import { inOneLine } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import type { Collected, LeftOut } from './collected.js';

/** Different sizes that are counted. */
const MAX_SIZES = 1000;
/** Sizes that a summary names. */
const NAMED_SIZES = 5;
/** Pictures left out that a summary names. */
const NAMED_PICTURES = 20;
/** Pictures left out that an error names. */
const NAMED_IN_ERROR = 3;
/** What a message asks for where there is no picture of any class. */
const LAYOUT = 'expected PNG, JPEG or WebP files in a folder for each class, such as cat/1.png and dog/1.png';
/** Letters of a reason. */
const MAX_REASON = 200;
/** More than this share of pictures that cannot be used is an error. */
const MOST_LEFT_OUT = 0.1;

/** Counts the sizes of pictures. */
export class SizeCounts {
  readonly #counts = new Map<string, { width: number; height: number; count: number }>();
  #others = 0;

  add(width: number, height: number): void {
    const key = `${width} × ${height}`;
    const known = this.#counts.get(key);
    if (known) known.count++;
    else if (this.#counts.size < MAX_SIZES) this.#counts.set(key, { width, height, count: 1 });
    else this.#others++;
  }

  summary(): Pick<Collected, 'sizes' | 'otherSizes'> {
    const sizes = [...this.#counts.values()].sort((a, b) => b.count - a.count);
    const others = sizes.slice(NAMED_SIZES).reduce((sum, { count }) => sum + count, this.#others);
    return { sizes: sizes.slice(0, NAMED_SIZES), otherSizes: others };
  }
}

/** Counts pictures that cannot be used, and keeps the first reasons. */
export class LeftOutPictures {
  readonly #first: LeftOut[] = [];
  count = 0;

  add(where: string, reason: string): void {
    this.count++;
    if (this.#first.length < NAMED_PICTURES)
      this.#first.push({ where: inOneLine(where), reason: inOneLine(reason.slice(0, MAX_REASON)) });
  }

  /** @param used number of pictures that can be used @throws UserError if there are none, or too few */
  refuseMany(name: string, used: number): void {
    const all = used + this.count;
    if (all === 0) {
      throw new UserError(`${name}: no pictures found; ${LAYOUT}`);
    }
    if (this.count <= MOST_LEFT_OUT * all) return;
    const reasons = this.#first.slice(0, NAMED_IN_ERROR).map(({ where, reason }) => `${where}: ${reason}`);
    const others = this.count - reasons.length;
    throw new UserError(
      `${name}: ${this.count} of ${all} pictures cannot be used, more than a tenth: ${reasons.join('; ')}` +
        `${others > 0 ? `; and ${others} more` : ''}; ${used === 0 ? LAYOUT : 'repair or remove them'}`,
    );
  }

  summary(): Pick<Collected, 'leftOutCount' | 'leftOut'> {
    return { leftOutCount: this.count, leftOut: this.#first };
  }
}
