/**
 * Moves of drawings that stay in a file, two bytes a move (moves-codec.ts). A data set may then be larger than the memory;
 * the system's page cache keeps what was read. What reads files is loaded apart from this file, because a page has none.
 */
import type { Redrawing } from '../stroke-points.js';

/** Bytes of a row, which is a move. */
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

/** How this thread reads files. */
interface Files {
  open(path: string): MovesFile;
  /** @param offsets [count + 1] the rows of drawing i are offsets[i] … offsets[i + 1] - 1 */
  reader(stored: StoredMoves, offsets: ArrayLike<number>): MovesReader;
}

let files: Files | null = null;

/** Called once in each thread by stored-file.ts, which a page cannot load. */
export function readStoredMovesBy(of: Files): void {
  files = of;
}

/** @throws Error in a program that has not loaded stored-file.ts */
export function storedFiles(): Files {
  if (!files) throw new Error('stored moves: stored-file.ts is not loaded');
  return files;
}
