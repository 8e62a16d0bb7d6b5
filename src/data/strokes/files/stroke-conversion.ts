/** Converts images to strokes in worker threads. The result does not depend on the number of threads. */

import { availableParallelism } from 'node:os';
import { quote } from '../../../formats/quotation.js';
import { STROKE_COLUMNS } from '../../../ink/image-to-strokes.js';
import { UserError } from '../../../user-error.js';
import type { ImageExamples } from '../../images/image-examples.js';
import { inThreads } from '../../worker-threads.js';
import { concatenateStrokes, type StrokeExamples } from '../stroke-examples.js';
import type { ConversionTask, ConvertedChunk } from './stroke-worker.js';

/** Images in a chunk: a thread takes one chunk at a time. */
const CHUNK = 250;

export interface ConversionOptions {
  /** Breaks ties between tours; the same for all images, so an image's strokes do not depend on its index. */
  seed: number;
  /** Default: one a core. */
  threads?: number;
  /** Ends the threads: the promise rejects with its reason. */
  signal?: AbortSignal;
  /** Called after each chunk. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * The strokes of images.
 * @param images of one channel; 0 is paper, 255 is ink
 * @param name of the data set, for messages
 * @throws UserError if the images have several channels
 */
export async function strokesFromImages(
  images: ImageExamples,
  name: string,
  options: ConversionOptions,
): Promise<StrokeExamples> {
  const { count, channels, width, height, pixels, labels } = images;
  if (channels !== 1) {
    throw new UserError(
      `strokes from ${quote(name)}: its images have ${channels} channels, and strokes are made of one; give grey images`,
    );
  }
  const { seed, onProgress, signal, threads = availableParallelism() } = options;
  signal?.throwIfAborted();
  const next = new Int32Array(new SharedArrayBuffer(4));
  const task: ConversionTask = { pixels, width, height, count, seed, next, chunk: CHUNK };
  const sequences: Int16Array[] = new Array(count);
  let done = 0;
  const script = new URL('./stroke-worker.js', import.meta.url);
  const started = { count: Math.min(threads, Math.ceil(count / CHUNK)), signal };
  await inThreads<ConvertedChunk>(script, task, started, ({ first, lengths, moves }) => {
    let at = 0;
    lengths.forEach((length, n) => {
      sequences[first + n] = moves.subarray(at, at + length * STROKE_COLUMNS);
      at += length * STROKE_COLUMNS;
    });
    done += lengths.length;
    onProgress?.(done, count);
  });
  return concatenateStrokes(sequences, labels, name);
}
