/** Progress of reading, making or writing data: a bar on a terminal, otherwise a line every 10 %. */
import { printable } from '../../report/recall.js';
import { formatCount } from '../../report/text.js';
import { colorsFor, type Output } from './terminal.js';

/** Minimum time between two redraws. */
const REDRAW_MS = 80;
const BAR_CELLS = 30;
/** Columns left free at the right. */
const MARGIN = 3;

export interface DataProgress {
  what: string;
  done: number;
  total: number;
}

export class DataProgressView {
  readonly #stream: Output;
  readonly #now: () => number;
  #drawn = false;
  #last = Number.NEGATIVE_INFINITY;
  #what = '';
  #tenths = 0;

  constructor(stream: Output, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  show(progress: DataProgress): void {
    const { done, total } = progress;
    const what = printable(progress.what);
    const share = total > 0 ? Math.min(1, done / total) : 1;
    if (what !== this.#what) {
      this.clear();
      this.#what = what;
      this.#tenths = 0;
    }
    if (this.#stream.isTTY) {
      const now = this.#now();
      if (share < 1 && now - this.#last < REDRAW_MS) return;
      this.#last = now;
      this.#stream.write(`\r${this.#bar(share, done)}\x1b[K`);
      this.#drawn = true;
      return;
    }
    const tenths = Math.floor(share * 10);
    if (tenths <= this.#tenths) return;
    this.#tenths = tenths;
    this.#stream.write(`${what}: ${tenths * 10} %\n`);
  }

  /** Fits into the terminal: the bar is left out first, then the end of the text. */
  #bar(share: number, done: number): string {
    const { bold, cyan, dim } = colorsFor(this.#stream);
    const width = Math.max(0, (this.#stream.columns || 80) - MARGIN);
    const numbers = `${Math.floor(share * 100)} %  ${formatCount(done)}`;
    if (this.#what.length + BAR_CELLS + numbers.length + 4 > width) {
      return `${this.#what}  ${numbers}`.slice(0, width);
    }
    const full = Math.round(share * BAR_CELLS);
    const bar = cyan('━'.repeat(full)) + dim('━'.repeat(BAR_CELLS - full));
    return `${bold(this.#what)}  ${bar}  ${numbers}`;
  }

  /** Writes a permanent line. */
  line(text: string): void {
    this.clear();
    this.#stream.write(`${printable(text)}\n`);
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#drawn) this.#stream.write('\r\x1b[K');
    this.#drawn = false;
    this.#last = Number.NEGATIVE_INFINITY;
  }
}
