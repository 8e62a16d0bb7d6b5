/** Worker thread that converts images to strokes, one chunk at a time. See stroke-conversion.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { imageToStrokes, STROKE_COLUMNS } from '../../../ink/image-to-strokes.js';
import { type PostedError, postableError } from '../../../user-error.js';

export interface ConversionTask {
  /** [count, height, width] over a SharedArrayBuffer. */
  pixels: Uint8Array;
  width: number;
  height: number;
  count: number;
  seed: number;
  /** [1] index of the next image to convert; over a SharedArrayBuffer. */
  next: Int32Array;
  chunk: number;
}

/** The strokes of images first, first + 1 … */
export interface ConvertedChunk {
  first: number;
  /** [images] number of moves of each. */
  lengths: Int32Array;
  /** [sum of lengths, 4] */
  moves: Int16Array;
}

/** From a worker: converted images, or the error that ended it. */
export type ConversionReply = ConvertedChunk | { error: PostedError };

const port = parentPort;
if (!port)
  throw new Error(
    'data/strokes/files/stroke-worker.js runs in a worker thread, started by data/strokes/files/stroke-conversion.ts',
  );
const { pixels, width, height, count, seed, next, chunk } = workerData as ConversionTask;
const size = width * height;

/** Converts the images first … first + chunk - 1. */
function convert(first: number) {
  const sequences: Int16Array[] = [];
  for (let i = first; i < Math.min(count, first + chunk); i++) {
    sequences.push(imageToStrokes(pixels.subarray(i * size, (i + 1) * size), width, height, { seed }));
  }
  const lengths = Int32Array.from(sequences, (sequence) => sequence.length / STROKE_COLUMNS);
  const moves = new Int16Array(sequences.reduce((sum, sequence) => sum + sequence.length, 0));
  let at = 0;
  for (const sequence of sequences) {
    moves.set(sequence, at);
    at += sequence.length;
  }
  return { first, lengths, moves };
}

try {
  for (let first = Atomics.add(next, 0, chunk); first < count; first = Atomics.add(next, 0, chunk)) {
    const converted = convert(first);
    port.postMessage(converted satisfies ConversionReply, [converted.lengths.buffer, converted.moves.buffer]);
  }
} catch (error) {
  port.postMessage({ error: postableError(error) } satisfies ConversionReply);
}
