/**
 * Drawings as text with pen-down and pen-up, as UNIPEN files have it (Guyon et al. 1994) and, of these, the raw files of
 * UCI's Pendigits (`pendigits-orig.tra`, `.tes`):
 *
 *   .SEGMENT DIGIT 0-1 ? "8"
 *   .PEN_DOWN
 *    266 443
 *    …
 *   .PEN_UP
 *
 * A `.SEGMENT` begins a drawing, and its label is the text in quotes. Of points the first two numbers are x and y, y
 * upwards as on tablets. Points while the pen is up, and all other directives, are ignored.
 */

import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import type { LabelledDrawing } from './drawing-json.js';

const MAX_POINTS = 100_000;
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** Reads line by line. */
export class PenTextReader {
  readonly #where: string;
  readonly #take: (drawing: LabelledDrawing, where: string) => void;
  #label: string | undefined;
  #segment = '';
  #strokes: { xs: number[]; ys: number[] }[] = [];
  #points = 0;
  #isDown = false;

  /**
   * @param where names the file in messages
   * @param take called with each complete drawing, and file and line of its `.SEGMENT`
   */
  constructor(where: string, take: (drawing: LabelledDrawing, where: string) => void) {
    this.#where = where;
    this.#take = take;
  }

  /**
   * Reads the next line.
   * @param number from 1
   * @throws UserError naming the line
   */
  line(text: string, number: number): void {
    const line = text.trim();
    if (line === '') return;
    if (line.startsWith('.')) this.#directive(line, number);
    else if (this.#isDown) this.#point(line, number);
  }

  /** Ends the last drawing. @throws UserError if the file ended within a stroke */
  end(): void {
    if (this.#isDown) throw new UserError(`${this.#where}: ends with the pen down; is it cut short?`);
    this.#finish();
  }

  #directive(line: string, number: number): void {
    const at = `${this.#where}:${number}`;
    switch (/^\.[A-Z_]+/.exec(line)?.[0]) {
      case '.SEGMENT': {
        this.#finish();
        const label = /"([^"]*)"/.exec(line)?.[1];
        if (!label || label.length > 200) {
          throw new UserError(
            `${at}: expected a label in quotes, as in .SEGMENT DIGIT 0-1 ? "8", found ${quote(line)}`,
          );
        }
        this.#label = label;
        this.#segment = at;
        this.#isDown = false;
        break;
      }
      case '.PEN_DOWN':
        if (this.#label === undefined) {
          throw new UserError(`${at}: .PEN_DOWN before any .SEGMENT, which says what is drawn`);
        }
        this.#strokes.push({ xs: [], ys: [] });
        this.#isDown = true;
        break;
      case '.PEN_UP':
        this.#isDown = false;
        break;
    }
  }

  #point(line: string, number: number): void {
    const [xText, yText] = line.split(/\s+/, 2);
    const [x, y] = [Number(xText), Number(yText)];
    if (!NUMBER.test(xText) || !NUMBER.test(yText ?? '') || Math.abs(x) > 1e9 || Math.abs(y) > 1e9) {
      throw new UserError(
        `${this.#where}:${number}: expected a point, two numbers x y, found ${quote(line)}`,
      );
    }
    if (++this.#points > MAX_POINTS) {
      throw new UserError(`${this.#where}:${number}: more than ${MAX_POINTS} points in a drawing`);
    }
    const { xs, ys } = this.#strokes[this.#strokes.length - 1];
    xs.push(x);
    // y points upwards in the file, downwards here.
    ys.push(-y);
  }

  #finish(): void {
    if (this.#label !== undefined) {
      this.#take({ drawing: { strokes: this.#strokes }, label: this.#label }, this.#segment);
    }
    this.#label = undefined;
    this.#strokes = [];
    this.#points = 0;
  }
}
