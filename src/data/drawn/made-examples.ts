/** Generated drawings and pictures as examples of a data set: pictures or strokes, in shared memory. Node.js only. */
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { DRAWING_SIZE, drawingToStrokes } from '../../ink/drawing.js';
import { imageToStrokes } from '../../ink/image-to-strokes.js';
import { sharedBytes } from '../../shared-memory.js';
import type { ImageExamples } from '../images/image-examples.js';
import type { Dataset, ExamplesOf, KindLoadOptions, KindName } from '../input-kind.js';
import type { OnProgress } from '../strokes/files/stroke-archive.js';
import { concatenateStrokes, movesOf, type StrokeExamples } from '../strokes/stroke-examples.js';
import { type Making, withPoints } from './making.js';

export interface MakingOptions extends Pick<KindLoadOptions, 'order'> {
  /** Default: one a core. */
  threads?: number;
  /** Ends the making: the promise rejects with its reason. */
  signal?: AbortSignal;
  onProgress?: OnProgress;
}

/** The making pauses this often, for other work. */
const PAUSE_MS = 50;
/** So few become strokes sooner than threads start. */
const FEW = 200;
/** So few are made sooner than threads have loaded and compiled the code. */
const FEW_TO_MAKE = 4000;

/**
 * Generated examples as pictures. They do not depend on the number of threads.
 * @param what is made, for progress: `changed copies`
 */
export function madeImages(
  making: Making,
  what: string,
  options: Omit<MakingOptions, 'order'>,
): Promise<ImageExamples> {
  return madePictures(making, what, options, false);
}

/** @param isThinned whether a picture without strokes, or with too many points, is made anew */
async function madePictures(
  { count, labelOf, at, recipe }: Making,
  what: string,
  options: Omit<MakingOptions, 'order'>,
  isThinned: boolean,
): Promise<ImageExamples> {
  const { width, height } = DRAWING_SIZE;
  const pixels = new Uint8Array(sharedBytes(count * width * height));
  const labels = new Uint8Array(sharedBytes(count));
  for (let i = 0; i < count; i++) labels[i] = labelOf(i);
  const { threads = availableParallelism(), signal, onProgress } = options;
  if (recipe && threads > 1 && count >= FEW_TO_MAKE) {
    const { makeInThreads } = await import('./making-threads.js');
    await makeInThreads({ recipe, isThinned, count, pixels }, threads, signal, (done) =>
      onProgress?.({ what: `making ${what}`, done, total: count }),
    );
  } else {
    await forEach(count, what, options, (i) => {
      pixels.set((isThinned ? withPoints(i, at) : at(i, 0)).pixels, i * width * height);
    });
  }
  return { count, channels: 1, width, height, pixels, labels };
}

/** Calls `make` for 0 … count − 1. Signals and other work have their turn meanwhile. */
async function forEach(
  count: number,
  what: string,
  { signal, onProgress }: Pick<MakingOptions, 'signal' | 'onProgress'>,
  make: (i: number) => void,
): Promise<void> {
  signal?.throwIfAborted();
  let paused = performance.now();
  for (let i = 0; i < count; i++) {
    make(i);
    if (performance.now() - paused < PAUSE_MS) continue;
    onProgress?.({ what: `making ${what}`, done: i + 1, total: count });
    await setImmediate();
    signal?.throwIfAborted();
    paused = performance.now();
  }
}

/**
 * The moves of generated examples, as recognition makes them of drawings and pictures.
 * @param what is made, for progress and messages: `changed copies`
 */
export async function madeStrokes(
  making: Making,
  what: string,
  options: MakingOptions,
): Promise<StrokeExamples> {
  const { threads, signal, onProgress } = options;
  if (options.order === 'pen') return penStrokes(making, what, options);
  const images = await madePictures(making, what, options, true);
  const { count, width, height, pixels, labels } = images;
  const size = width * height;
  if (count < FEW) {
    const sequences = Array.from({ length: count }, (_, i) =>
      imageToStrokes(pixels.subarray(i * size, (i + 1) * size), width, height),
    );
    return concatenateStrokes(sequences, labels, what);
  }
  const { strokesFromImages } = await import('../strokes/files/stroke-conversion.js');
  return strokesFromImages(images, what, {
    seed: 0,
    threads,
    signal,
    onProgress: (done, total) => onProgress?.({ what: `strokes of ${what}`, done, total }),
  });
}

/** The moves of drawings in the order of the pen, and those of thinned pictures where nothing was drawn. */
async function penStrokes(
  { count, labelOf, at }: Making,
  what: string,
  options: MakingOptions,
): Promise<StrokeExamples> {
  const { width, height } = DRAWING_SIZE;
  const sequences: Int16Array[] = [];
  await forEach(count, what, options, (i) => {
    const { drawing, pixels } = withPoints(i, at, true);
    sequences.push(
      drawing ? drawingToStrokes(drawing, { order: 'pen' }) : imageToStrokes(pixels, width, height),
    );
  });
  return concatenateStrokes(
    sequences,
    Uint8Array.from({ length: count }, (_, i) => labelOf(i)),
    what,
  );
}

/**
 * The data set with more examples of its kind after its training examples.
 * @param from index of the first of `made` that is added
 */
export function withExamples(dataset: Dataset, made: ExamplesOf<KindName>, from = 0): Dataset {
  if (dataset.kind === 'images' && 'pixels' in made) {
    return { ...dataset, train: joinedImages(dataset.train, made, from) };
  }
  if (dataset.kind === 'strokes' && 'moves' in made) {
    return { ...dataset, train: joinedStrokes(dataset.train, made, dataset.name, from) };
  }
  throw new Error(`made examples: those of another kind for ${dataset.kind}`);
}

/** All of one part, then those of the other from `from` on. */
export function joinedStrokes(
  one: StrokeExamples,
  other: StrokeExamples,
  name: string,
  from = 0,
): StrokeExamples {
  const sequences = [
    ...Array.from({ length: one.count }, (_, i) => movesOf(one, i)),
    ...Array.from({ length: other.count - from }, (_, n) => movesOf(other, from + n)),
  ];
  return concatenateStrokes(sequences, [...one.labels, ...other.labels.subarray(from)], name);
}

/** All pictures of one part, then those of the other from `from` on, of the same size. */
export function joinedImages(one: ImageExamples, other: ImageExamples, from = 0): ImageExamples {
  const count = one.count + other.count - from;
  const pixels = new Uint8Array(sharedBytes((count * one.pixels.length) / one.count));
  pixels.set(one.pixels);
  pixels.set(other.pixels.subarray((from * other.pixels.length) / other.count), one.pixels.length);
  const labels = new Uint8Array(sharedBytes(count));
  labels.set(one.labels);
  labels.set(other.labels.subarray(from), one.count);
  return { ...one, count, pixels, labels };
}
