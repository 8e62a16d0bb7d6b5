/** Reads moves in a file, drawing by drawing: the reader behind `openMoves` (stroke-examples.ts). Node.js only. */
import { STROKE_COLUMNS } from '../../../ink/image-to-strokes.js';
import { type Redrawing, redraw, StrokePoints } from '../stroke-points.js';
import { decodeMoves } from './moves-codec.js';
import { type MovesFile, type MovesReader, ROW_BYTES, type StoredMoves } from './stored-moves.js';

export class StoredReader implements MovesReader {
  readonly #stored: StoredMoves;
  readonly #offsets: ArrayLike<number>;
  readonly #file: MovesFile;
  #rows = new Uint8Array(0);
  #moves = new Int16Array(0);

  /** @param offsets [count + 1] the rows of drawing i are offsets[i] … offsets[i + 1] - 1 */
  constructor(file: MovesFile, stored: StoredMoves, offsets: ArrayLike<number>) {
    this.#stored = stored;
    this.#offsets = offsets;
    this.#file = file;
  }

  get moves(): Int16Array {
    return this.#moves;
  }

  seek(i: number): number {
    const first = this.#offsets[i];
    const length = this.#offsets[i + 1] - first;
    if (!(length >= 1)) throw new Error(`stored moves: no drawing ${i}`);
    const bytes = length * ROW_BYTES;
    if (this.#rows.length < bytes) {
      this.#rows = new Uint8Array(2 * bytes);
      this.#moves = new Int16Array(2 * length * STROKE_COLUMNS);
    }
    this.#file.read(this.#rows.subarray(0, bytes), this.#stored.start + first * ROW_BYTES);
    decodeMoves(this.#rows, length, this.#moves);
    if (this.#stored.redrawn) this.#redraw(length, this.#stored.redrawn);
    return 0;
  }

  #redraw(length: number, how: Redrawing): void {
    const [before, after] = [new StrokePoints(length), new StrokePoints(length)];
    before.readMoves(this.#moves, 0, length, false);
    redraw(before, after, new Int32Array(length), how);
    after.writeMoves(this.#moves, 0, 1);
  }
}
