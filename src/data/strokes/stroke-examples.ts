/**
 * Labelled pen strokes: the one layout that everything else reads. The moves are in shared memory, or in a file that is
 * read drawing by drawing (stored-moves.ts). Posting examples to a worker thread shares the memory, or the file.
 */

import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { sharedBytes } from '../../shared-memory.js';
import { UserError } from '../../user-error.js';
import { type MovesReader, type StoredMoves, storedFiles } from './stored/stored-moves.js';

/** `count` sequences of pen moves and their labels. */
export interface StrokeExamples {
  count: number;
  /** [total, 4] `dx dy eos eod`, one sequence after the other, over a SharedArrayBuffer; or where they are stored. */
  moves: Int16Array | StoredMoves;
  /** [count + 1] sequence i is moves offsets[i] … offsets[i + 1] − 1. Over a SharedArrayBuffer. */
  offsets: Int32Array | Uint32Array;
  /** [count] indices of classes. Over a SharedArrayBuffer. */
  labels: Uint8Array | Uint16Array;
}

/** Examples whose moves are in memory. */
export interface StrokesInMemory extends StrokeExamples {
  moves: Int16Array;
  offsets: Int32Array;
  labels: Uint8Array;
}

export interface StrokeDataset {
  /** For messages and reports. */
  name: string;
  /** Size of the picture in which the coordinates lie. */
  width: number;
  height: number;
  train: StrokeExamples;
  test: StrokeExamples;
  /** Names of the classes; a label in the examples is an index here. */
  classes: string[];
  /** Of drawings: what was left out, a line each. */
  notices?: readonly string[];
}

/** Labels of strokes in memory are bytes. */
export const MAX_CLASSES = 256;

/** 4 GiB in memory. */
const MAX_MOVES = 2 ** 29;

/**
 * Concatenates sequences.
 * @param sequences [N, 4] each, N at least 1
 * @param labels one for each
 * @param name of the data, for messages
 * @throws UserError if there are more than MAX_MOVES moves
 */
export function concatenateStrokes(
  sequences: readonly Int16Array[],
  labels: ArrayLike<number>,
  name: string,
): StrokesInMemory {
  const count = sequences.length;
  let total = 0;
  for (const sequence of sequences) total += sequence.length / STROKE_COLUMNS;
  const examples = emptyStrokes(count, total, name);
  let move = 0;
  for (let i = 0; i < count; i++) {
    examples.moves.set(sequences[i], move * STROKE_COLUMNS);
    move += sequences[i].length / STROKE_COLUMNS;
    examples.offsets[i + 1] = move;
    examples.labels[i] = labels[i];
  }
  return examples;
}

/** Shared memory for `count` sequences with `total` moves. */
export function emptyStrokes(count: number, total: number, name: string): StrokesInMemory {
  if (total > MAX_MOVES) {
    throw new UserError(`${name}: ${total} moves of strokes; at most ${MAX_MOVES} are accepted`);
  }
  return {
    count,
    moves: new Int16Array(sharedBytes(total * STROKE_COLUMNS * 2)),
    offsets: new Int32Array(sharedBytes((count + 1) * 4)),
    labels: new Uint8Array(sharedBytes(count)),
  };
}

/** Index of the first value of sequence i in `moves`. */
export function firstValueOf({ offsets }: Pick<StrokeExamples, 'offsets'>, i: number): number {
  return offsets[i] * STROKE_COLUMNS;
}

/** @throws Error if the moves are stored, and this program cannot read files */
export function openMoves({ moves, offsets }: StrokeExamples): MovesReader {
  if (moves instanceof Int16Array) return { moves, seek: (i) => offsets[i] };
  return storedFiles().reader(moves, offsets);
}

/**
 * Examples whose moves are in memory.
 * @param what needs them: `--none-share`
 * @throws UserError if they are stored
 */
export function inMemory(examples: StrokeExamples, what: string): StrokesInMemory {
  if (examples.moves instanceof Int16Array) return examples as StrokesInMemory;
  throw new UserError(
    `${what}: this works with drawings in memory; those of the stroke order points stay on the disk. ` +
      'Leave it out, or choose the stroke order tour or pen',
    { settings: ['strokeOrder'] },
  );
}

/** The moves [N, 4] of sequence i: a view, or a copy of what is stored. */
export function movesOf(examples: StrokeExamples, i: number): Int16Array {
  const reader = openMoves(examples);
  const first = reader.seek(i);
  const length = examples.offsets[i + 1] - examples.offsets[i];
  return reader.moves.subarray(first * STROKE_COLUMNS, (first + length) * STROKE_COLUMNS);
}
