/**
 * Labelled pen strokes in shared memory, in the one layout that everything else reads. Posting them to a worker thread
 * shares the memory.
 */

import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import { sharedBytes } from '../../shared-memory.js';
import { UserError } from '../../user-error.js';

/** `count` sequences of pen moves and their labels. */
export interface StrokeExamples {
  count: number;
  /** [total, 4] `dx dy eos eod`, one sequence after the other. Over a SharedArrayBuffer. */
  moves: Int16Array;
  /** [count + 1] sequence i is moves offsets[i] … offsets[i + 1] − 1. Over a SharedArrayBuffer. */
  offsets: Int32Array;
  /** [count] indices of classes. Over a SharedArrayBuffer. */
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

/** Labels are bytes. */
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
): StrokeExamples {
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
export function emptyStrokes(count: number, total: number, name: string): StrokeExamples {
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

/** The moves [N, 4] of sequence i: a view. */
export function movesOf({ moves, offsets }: StrokeExamples, i: number): Int16Array {
  return moves.subarray(offsets[i] * STROKE_COLUMNS, offsets[i + 1] * STROKE_COLUMNS);
}
