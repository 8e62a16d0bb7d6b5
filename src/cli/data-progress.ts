/** Progress of reading, making or writing data: a bar on a terminal, otherwise a line every 10 %. */
import { formatCount } from '../report/text.js';
import { colorsFor, type Output } from './terminal.js';

/** Minimum time between two redraws. */
const REDRAW_MS = 80;
const BAR_CELLS = 30;

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

  show({ what, done, total }: DataProgress): void {
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
      const { bold, cyan, dim } = colorsFor(this.#stream);
      const full = Math.round(share * BAR_CELLS);
      const bar = cyan('━'.repeat(full)) + dim('━'.repeat(BAR_CELLS - full));
      this.#stream.write(`\r${bold(what)}  ${bar}  ${Math.floor(share * 100)} %  ${formatCount(done)}\x1b[K`);
      this.#drawn = true;
      return;
    }
    const tenths = Math.floor(share * 10);
    if (tenths <= this.#tenths) return;
    this.#tenths = tenths;
    this.#stream.write(`${what}: ${tenths * 10} %\n`);
  }

  /** Writes a permanent line. */
  line(text: string): void {
    this.clear();
    this.#stream.write(`${text}\n`);
  }

  /** Removes the bar. */
  clear(): void {
    if (this.#drawn) this.#stream.write('\r\x1b[K');
    this.#drawn = false;
    this.#last = Number.NEGATIVE_INFINITY;
  }
}
