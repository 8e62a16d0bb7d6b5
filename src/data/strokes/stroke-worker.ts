/** Worker thread that converts images to strokes, one chunk at a time. See stroke-conversion.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { imageToStrokes, STROKE_COLUMNS } from '../../ink/image-to-strokes.js';

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

const port = parentPort;
if (!port)
  throw new Error(
    'data/strokes/stroke-worker.js runs in a worker thread, started by data/strokes/stroke-conversion.ts',
  );
const { pixels, width, height, count, seed, next, chunk } = workerData as ConversionTask;
const size = width * height;
for (let first = Atomics.add(next, 0, chunk); first < count; first = Atomics.add(next, 0, chunk)) {
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
  port.postMessage({ first, lengths, moves } satisfies ConvertedChunk, [lengths.buffer, moves.buffer]);
}
