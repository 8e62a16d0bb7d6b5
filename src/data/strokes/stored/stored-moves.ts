/**
 * Moves of drawings that stay in a file: two bytes a move, read drawing by drawing. A data set may then be larger than
 * the memory; the system's page cache keeps what was read.
 *
 * A row is a move `dx dy` modulo 256: all points lie within 256 × 256 pixels, so the sums are exact. The row `0 0` lifts
 * the pen, unless it is the first after a lifted pen: consecutive points of a stroke differ. The last row of a drawing
 * ends it. Any bytes are moves of some drawing, so a damaged file gives wrong drawings, never an error.
 */
import { STROKE_COLUMNS } from '../../../ink/image-to-strokes.js';
import { UserError } from '../../../user-error.js';
import { type Redrawing, redraw, StrokePoints } from '../stroke-points.js';

/** Bytes of a row. */
export const ROW_BYTES = 2;
/** Drawings that are read ahead together, and shuffled together. */
export const BLOCK_DRAWINGS = 1024;

/** Moves in a file. Can be posted to a worker thread. */
export interface StoredMoves {
  path: string;
  /** Where the rows begin, in bytes. */
  start: number;
  /** Changed as they are read, to measure how much a network depends on the order. Left out for no. */
  redrawn?: Redrawing;
}

/** The moves of examples, one sequence at a time. */
export interface MovesReader {
  /** [≥ N, 4] moves; another array after a `seek` where they are stored. */
  readonly moves: Int16Array;
  /** Makes sequence i available. @returns its first move in `moves`; valid until the next call */
  seek(i: number): number;
}

/** An open file of moves. */
export interface MovesFile {
  /** Fills `target` with the bytes from `at` on. @throws UserError if the file ends before */
  read(target: Uint8Array, at: number): void;
  /** Lets the system read bytes `at` … `end` - 1, so that `read` does not wait for the disk. */
  readAhead(at: number, end: number): Promise<void>;
}

type OpenMovesFile = (path: string) => MovesFile;
let openFile: OpenMovesFile | null = null;

/** Called once in each thread by stored-file.ts, which a page cannot load. */
export function readStoredMovesBy(open: OpenMovesFile): void {
  openFile = open;
}

/** @throws Error in a program that cannot read files */
export function openMovesFile({ path }: StoredMoves): MovesFile {
  if (!openFile)
    throw new Error('stored moves: this thread has not loaded stored-file.ts, which opens files');
  return openFile(path);
}

/** @param offsets [count + 1] the rows of drawing i are offsets[i] … offsets[i + 1] - 1 */
export function openStored(stored: StoredMoves, offsets: ArrayLike<number>): MovesReader {
  return new StoredReader(stored, offsets);
}

class StoredReader implements MovesReader {
  readonly #stored: StoredMoves;
  readonly #offsets: ArrayLike<number>;
  readonly #file: MovesFile;
  #rows = new Uint8Array(0);
  #moves = new Int16Array(0);

  constructor(stored: StoredMoves, offsets: ArrayLike<number>) {
    this.#stored = stored;
    this.#offsets = offsets;
    this.#file = openMovesFile(stored);
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

/**
 * Writes moves as rows.
 * @param moves [N, 4] of points from 1 to 256; consecutive points of a stroke differ
 * @param target gets 2 N bytes from `at` on
 */
export function encodeMoves(moves: Int16Array, target: Uint8Array, at: number): void {
  let to = at;
  for (let from = 0; from < moves.length; from += STROKE_COLUMNS) {
    // The first point is written as its distance from 1.
    const origin = from === 0 ? 1 : 0;
    const isPoint = moves[from + 2] === 0;
    target[to++] = isPoint ? moves[from] - origin : 0;
    target[to++] = isPoint ? moves[from + 1] - origin : 0;
  }
}

/** Reads N rows as moves [N, 4]. */
export function decodeMoves(rows: Uint8Array, length: number, moves: Int16Array): void {
  let [x, y, isDown, origin] = [0, 0, false, 1];
  const end = (length - 1) * STROKE_COLUMNS;
  for (let from = 0, to = 0; to < end; from += ROW_BYTES, to += STROKE_COLUMNS) {
    const [dx, dy] = [rows[from], rows[from + 1]];
    const isLift = isDown && dx === 0 && dy === 0;
    const [nextX, nextY] = [(x + dx) & 255, (y + dy) & 255];
    moves[to] = nextX - x + origin;
    moves[to + 1] = nextY - y + origin;
    moves[to + 2] = isLift ? 1 : 0;
    moves[to + 3] = 0;
    [x, y, isDown, origin] = [nextX, nextY, !isLift, 0];
  }
  moves.set(END, end);
}

const END = [0, 0, 1, 1];

/** @throws UserError if drawings have more rows than offsets can count */
export function checkRowCount(rows: number, name: string): void {
  if (rows > MAX_STORED_ROWS) {
    throw new UserError(
      `${name}: more than ${MAX_STORED_ROWS} moves; about 80 million drawings are accepted: take fewer drawings a class`,
      { settings: ['perClass'] },
    );
  }
}

/** Offsets are 32-bit integers. */
export const MAX_STORED_ROWS = 4_294_967_295;
