/**
 * Tells where a CSV file without names of its columns may have the label last. The first column counts as the label; where
 * the last looks more like one, the file is refused: it would train on a pixel as the label without a word.
 */
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import { isNumber } from './csv-columns.js';
import { SAMPLE_PICTURES } from './pixel-scale.js';

/** Classes that a data set may have. */
const MOST_VALUES = 256;
/** A value that more than this share of the samples has is no class, but the paper of a corner. */
const MOST_ALIKE = 0.99;
/** Numbers of classes are dense: at least this share of those from the least to the largest occurs. */
const LEAST_DENSE = 0.5;

/** Values of a column. */
class ColumnValues {
  readonly counts = new Map<string, number>();
  #texts = 0;
  #samples = 0;
  least = Number.POSITIVE_INFINITY;
  most = Number.NEGATIVE_INFINITY;
  #isWhole = true;

  add(cell: string): void {
    this.#samples++;
    this.counts.set(cell, (this.counts.get(cell) ?? 0) + 1);
    const value = Number(cell);
    if (!isNumber(cell)) {
      this.#texts++;
      return;
    }
    if (!Number.isInteger(value)) this.#isWhole = false;
    this.least = Math.min(this.least, value);
    this.most = Math.max(this.most, value);
  }

  /** A few cells of text among numbers are damage. */
  get isText(): boolean {
    return 2 * this.#texts > this.#samples;
  }

  get looksLikeLabels(): boolean {
    const { size } = this.counts;
    if (size < 2 || size > MOST_VALUES || this.#samples < 2 * size) return false;
    if (Math.max(...this.counts.values()) > MOST_ALIKE * this.#samples) return false;
    return this.isText || (this.#isWhole && size >= LEAST_DENSE * (this.most - this.least + 1));
  }

  /** `10 values, 0 to 9` */
  get shown(): string {
    if (this.counts.size === 1) return `only ${quote([...this.counts.keys()][0], 20)}`;
    return `${this.counts.size} values${this.isText ? '' : `, ${this.least} to ${this.most}`}`;
  }
}

/** Compares the first column of a file with the last, line by line. */
export class LabelPlace {
  readonly #first = new ColumnValues();
  readonly #last = new ColumnValues();
  #lines = 0;
  /** Of the columns between them, which are pixels in any case. */
  #mostPixel = Number.NEGATIVE_INFINITY;

  add(cells: readonly string[]): void {
    if (++this.#lines > SAMPLE_PICTURES) return;
    this.#first.add(cells[0].trim());
    this.#last.add(cells[cells.length - 1].trim());
    for (let n = 1; n < cells.length - 1; n++) {
      const value = Number(cells[n]);
      if (value > this.#mostPixel) this.#mostPixel = value;
    }
  }

  /** @throws UserError if the last column looks more like the label than the first */
  check(path: string): void {
    const [first, last] = [this.#first, this.#last];
    if (first.isText || !this.#lastIsLikelier()) return;
    throw new UserError(
      `${path}: without a line of names the first column is the label, but the last looks more like one: it has ${last.shown}, the first ` +
        `${first.shown}; add a line of names at the top: pixel0,pixel1,…,label, or label,pixel0,pixel1,…`,
    );
  }

  #lastIsLikelier(): boolean {
    const [first, last] = [this.#first, this.#last];
    if (last.isText) return true;
    if (!last.looksLikeLabels) return false;
    if (!first.looksLikeLabels) return true;
    // Labels from 0 to 9 beside pixels of 0 and 1.
    const [firstIsNoPixel, lastIsNoPixel] = [first, last].map(({ most }) => most > this.#mostPixel);
    if (firstIsNoPixel !== lastIsNoPixel) return lastIsNoPixel;
    return 2 * last.counts.size <= first.counts.size;
  }
}
