/**
 * Reads metrics.jsonl as it grows. A training appends a line an epoch, so only what was appended is read, a piece at a
 * time; memory does not grow with the file. A file that was replaced or shortened is read anew.
 */
import { parseJson } from '../../formats/json.js';
import { readPieces } from '../../runs/file-stamp.js';
import { MAX_METRICS_BYTES } from '../../runs/limits.js';
import type { EpochMetrics } from '../../runs/run-folder.js';
import { epochMetricsOf } from '../../runs/run-values.js';
import { UserError } from '../../user-error.js';

/** What the list of runs says about the epochs of a run. */
export interface MetricsTally {
  epochs: number;
  bestAccuracy: number | null;
  /** Sum of the epochs' durations. */
  seconds: number;
  /** Of the last epoch; null before the first ends. */
  last: { epoch: number; seconds: number; samplesPerSecond: number } | null;
}

const PIECE_BYTES = 2 ** 18;
/** Fifty times the longest line that a training writes. */
const MAX_LINE_BYTES = 2 ** 18;
/** Bytes before the place where reading goes on. They are compared, to notice a file that was written anew. */
const MARK_BYTES = 64;
const LINE_BREAK = 0x0a;
const EMPTY: MetricsTally = { epochs: 0, bestAccuracy: null, seconds: 0, last: null };

export class MetricsFile {
  readonly #path: string;
  /** Bytes, lines and tally of the lines that are complete. */
  #read = 0;
  #lines = 0;
  #tally = EMPTY;
  #mark: Uint8Array = new Uint8Array(0);

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Reads what is new.
   * @param take called with each new line; a last line without its line break comes again at the next call
   * @returns the tally of all lines
   * @throws UserError naming the line, for a damaged file; the next call reads it from the start
   */
  update(take: (line: EpochMetrics) => void = () => {}): MetricsTally {
    try {
      return readPieces(this.#path, MAX_METRICS_BYTES, (size, fill) => {
        if (!this.#goesOn(size, fill)) this.#restart();
        return this.#readOn(size, fill, take);
      });
    } catch (error) {
      this.#restart();
      throw error;
    }
  }

  #restart(): void {
    this.#read = 0;
    this.#lines = 0;
    this.#tally = EMPTY;
    this.#mark = new Uint8Array(0);
  }

  #goesOn(size: number, fill: (buffer: Uint8Array, at: number) => number): boolean {
    if (size < this.#read) return false;
    const before = new Uint8Array(this.#mark.length);
    const length = fill(before, this.#read - before.length);
    return length === before.length && Buffer.compare(before, this.#mark) === 0;
  }

  #readOn(
    size: number,
    fill: (buffer: Uint8Array, at: number) => number,
    take: (line: EpochMetrics) => void,
  ): MetricsTally {
    // The start of a line that has no end yet.
    let rest: Uint8Array = new Uint8Array(0);
    for (let at = this.#read; ; ) {
      const piece = new Uint8Array(rest.length + Math.min(PIECE_BYTES, size - at));
      piece.set(rest);
      const length = fill(piece.subarray(rest.length), at);
      if (length < piece.length - rest.length) {
        throw new UserError(`cannot read ${this.#path}: it became shorter while it was read`);
      }
      at += length;
      let start = 0;
      for (let end = piece.indexOf(LINE_BREAK); end >= 0; end = piece.indexOf(LINE_BREAK, start)) {
        const line = this.#parse(piece.subarray(start, end), `${this.#path}:${this.#lines + 1}`);
        this.#tally = added(this.#tally, line, `${this.#path}:${this.#lines + 1}`);
        this.#lines++;
        start = end + 1;
        take(line);
      }
      if (start > 0) this.#mark = piece.slice(Math.max(0, start - MARK_BYTES), start);
      this.#read += start;
      rest = piece.subarray(start);
      if (rest.length > MAX_LINE_BYTES) {
        throw new UserError(
          `${this.#path}:${this.#lines + 1}: longer than ${MAX_LINE_BYTES} bytes; this is no line of metrics`,
        );
      }
      if (at === size) return this.#withTail(rest, take);
    }
  }

  /** The tally with the text after the last line break: nothing, or a torn line, or a line without its line break. */
  #withTail(tail: Uint8Array, take: (line: EpochMetrics) => void): MetricsTally {
    if (tail.length === 0) return this.#tally;
    let line: EpochMetrics;
    try {
      line = this.#parse(tail, this.#path);
    } catch (error) {
      if (error instanceof UserError) return this.#tally;
      throw error;
    }
    const tally = added(this.#tally, line, `${this.#path}:${this.#lines + 1}`);
    take(line);
    return tally;
  }

  #parse(bytes: Uint8Array, where: string): EpochMetrics {
    return epochMetricsOf(parseJson(new TextDecoder().decode(bytes), where), where);
  }
}

/** @throws UserError if the epoch does not follow the last one */
function added(tally: MetricsTally, line: EpochMetrics, where: string): MetricsTally {
  const { epoch, seconds, samplesPerSecond, validationAccuracy } = line;
  const before = tally.last?.epoch ?? 0;
  if (epoch <= before) throw new UserError(`${where}: epoch ${epoch} follows epoch ${before}`);
  return {
    epochs: tally.epochs + 1,
    bestAccuracy: Math.max(tally.bestAccuracy ?? validationAccuracy, validationAccuracy),
    seconds: tally.seconds + seconds,
    last: { epoch, seconds, samplesPerSecond },
  };
}
