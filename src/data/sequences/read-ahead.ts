/**
 * Reads blocks of a data set that stays on the disk ahead of the training, in the order of the epoch, so that the threads,
 * which read drawing by drawing, find them in the system's page cache. Runs beside the training; a block that comes late,
 * or a failure here, costs time and changes nothing.
 */
import type { SequencesData } from '../sources.js';
import { BLOCK_DRAWINGS, type MovesFile, ROW_BYTES, storedFiles } from '../strokes/stored/stored-moves.js';

/** Sequences of the epoch's order that are ahead of those that are trained on. */
const AHEAD = 2 ** 17;

export interface ReadAhead {
  /** @param place of the order up to which is trained */
  advance(place: number): void;
}

/** @param order indices into the examples @returns null if the examples are in memory */
export function openReadAhead(data: SequencesData, order: Int32Array): ReadAhead | null {
  if (data.kind !== 'strokes' || data.examples.moves instanceof Int16Array) return null;
  return new BlocksAhead(
    storedFiles().open(data.examples.moves.path),
    data.examples.moves.start,
    data.examples.offsets,
    order,
  );
}

class BlocksAhead implements ReadAhead {
  readonly #file: MovesFile;
  readonly #start: number;
  readonly #offsets: ArrayLike<number>;
  readonly #order: Int32Array;
  /** By block: whether it was read. */
  readonly #isRead: Uint8Array;
  /** Places of the order whose blocks were read, and up to which they should be. */
  #at = -1;
  #goal = 0;
  #isReading = false;

  constructor(file: MovesFile, start: number, offsets: ArrayLike<number>, order: Int32Array) {
    this.#file = file;
    this.#start = start;
    this.#offsets = offsets;
    this.#order = order;
    this.#isRead = new Uint8Array(Math.ceil((offsets.length - 1) / BLOCK_DRAWINGS));
  }

  advance(place: number): void {
    if (this.#at < 0) this.#at = place;
    this.#goal = Math.min(this.#order.length, place + AHEAD);
    if (!this.#isReading) void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      for (; this.#at < this.#goal; this.#at++) {
        const block = Math.floor(this.#order[this.#at] / BLOCK_DRAWINGS);
        if (this.#isRead[block] === 1) continue;
        this.#isRead[block] = 1;
        const first = block * BLOCK_DRAWINGS;
        const end = Math.min(this.#offsets.length - 1, first + BLOCK_DRAWINGS);
        const [from, to] = [first, end].map((i) => this.#start + this.#offsets[i] * ROW_BYTES);
        await this.#file.readAhead(from, to);
      }
    } catch {
      // The threads that need these bytes say what is wrong.
      this.#at = this.#goal;
    } finally {
      this.#isReading = false;
    }
  }
}
