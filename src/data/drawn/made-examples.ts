/**
 * Generated drawings and pictures as examples of a data set: pictures or strokes, in shared memory. Strokes are made in
 * threads. Node.js only.
 */
import { setImmediate } from 'node:timers/promises';
import { DRAWING_SIZE, drawingToStrokes } from '../../ink/drawing.js';
import { imageToStrokes, thinImage } from '../../ink/image-to-strokes.js';
import { sharedBytes } from '../../shared-memory.js';
import type { ImageExamples } from '../images/image-examples.js';
import type { Dataset, ExamplesOf, KindLoadOptions, KindName } from '../input-kind.js';
import type { OnProgress } from '../strokes/files/stroke-archive.js';
import { concatenateStrokes, movesOf, type StrokeExamples } from '../strokes/stroke-examples.js';
import type { Made } from './pen.js';

/** Examples to make. */
export interface Making {
  count: number;
  /** Index of the class of example i. */
  labelOf(i: number): number;
  /** Another attempt gives another example for the same index. */
  at(i: number, attempt: number): Made;
}

export interface MakingOptions extends Pick<KindLoadOptions, 'order'> {
  /** For strokes. Default: one a core. */
  threads?: number;
  /** Ends the making: the promise rejects with its reason. */
  signal?: AbortSignal;
  onProgress?: OnProgress;
}

/** Points of the thinned picture of an example. MNIST's digits have at most about 130; a texture can have hundreds. */
const POINTS = { least: 3, most: 200 };
/** Attempts for an example that has no strokes, or too long ones. About half of the textures are short enough. */
const ATTEMPTS = 40;
/** The making pauses this often, for other work. */
const PAUSE_MS = 50;
/** So few are converted sooner than threads start. */
const FEW = 200;

/** @param what is made, for progress: `changed copies` */
export async function madeImages(
  { count, labelOf, at }: Making,
  what: string,
  options: Pick<MakingOptions, 'signal' | 'onProgress'>,
): Promise<ImageExamples> {
  const { width, height } = DRAWING_SIZE;
  const pixels = new Uint8Array(sharedBytes(count * width * height));
  const labels = new Uint8Array(sharedBytes(count));
  await forEach(count, what, options, (i) => {
    pixels.set(at(i, 0).pixels, i * width * height);
    labels[i] = labelOf(i);
  });
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
  { count, labelOf, at }: Making,
  what: string,
  options: MakingOptions,
): Promise<StrokeExamples> {
  const { width, height } = DRAWING_SIZE;
  const labels = Uint8Array.from({ length: count }, (_, i) => labelOf(i));
  const { order, threads, signal, onProgress } = options;
  const chosen: Made[] = [];
  await forEach(count, what, options, (i) => chosen.push(withPoints(i, at, order)));
  if (order === 'pen' || count < FEW) {
    const sequences = chosen.map(({ drawing, pixels }) =>
      order === 'pen' && drawing !== null
        ? drawingToStrokes(drawing, { order })
        : imageToStrokes(pixels, width, height),
    );
    return concatenateStrokes(sequences, labels, what);
  }
  const { strokesFromImages } = await import('../strokes/files/stroke-conversion.js');
  const images = await madeImages({ count, labelOf, at: (i) => chosen[i] }, what, { signal });
  return strokesFromImages(images, what, {
    seed: 0,
    threads,
    signal,
    onProgress: (done, total) => onProgress?.({ what: `strokes of ${what}`, done, total }),
  });
}

/** Example i in the first attempt that has strokes, and not too many points. */
function withPoints(i: number, at: Making['at'], order: MakingOptions['order']): Made {
  const { width, height } = DRAWING_SIZE;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const made = at(i, attempt);
    if (made.isLast || (order === 'pen' && made.drawing !== null)) return made;
    const points = thinImage(made.pixels, width, height).reduce((sum, point) => sum + point, 0);
    if (points >= POINTS.least && points <= POINTS.most) return made;
  }
  throw new Error(`made examples: none of ${ATTEMPTS} attempts for example ${i} has strokes`);
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
