/**
 * Generated drawings and pictures as examples of a data set: pictures or strokes, in shared memory. Strokes are made in
 * threads. Node.js only.
 */
import { DRAWING_SIZE, drawingToStrokes } from '../../ink/drawing.js';
import { imageToStrokes, thinImage } from '../../ink/image-to-strokes.js';
import { sharedBytes } from '../../shared-memory.js';
import type { ImageExamples } from '../images/image-examples.js';
import type { KindLoadOptions } from '../input-kind.js';
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

export interface StrokeOptions extends Pick<KindLoadOptions, 'order'> {
  threads?: number;
  signal?: AbortSignal;
}

/** Points of the thinned picture of an example. MNIST's digits have at most about 130; a texture can have hundreds. */
const POINTS = { least: 3, most: 200 };
/** Attempts for an example that has no strokes, or too long ones. About half of the textures are short enough. */
const ATTEMPTS = 40;
/** So few are converted sooner than threads start. */
const FEW = 200;

export function madeImages({ count, labelOf, at }: Making): ImageExamples {
  const { width, height } = DRAWING_SIZE;
  const pixels = new Uint8Array(sharedBytes(count * width * height));
  for (let i = 0; i < count; i++) pixels.set(at(i, 0).pixels, i * width * height);
  const labels = new Uint8Array(sharedBytes(count));
  for (let i = 0; i < count; i++) labels[i] = labelOf(i);
  return { count, channels: 1, width, height, pixels, labels };
}

/** The moves of generated examples, as recognition makes them of drawings and pictures. @param name of the data, for messages */
export async function madeStrokes(
  { count, labelOf, at }: Making,
  name: string,
  { order, threads, signal }: StrokeOptions,
): Promise<StrokeExamples> {
  const { width, height } = DRAWING_SIZE;
  const labels = Uint8Array.from({ length: count }, (_, i) => labelOf(i));
  signal?.throwIfAborted();
  const chosen = Array.from({ length: count }, (_, i) => withPoints(i, at, order));
  if (order === 'pen' || count < FEW) {
    const sequences = chosen.map(({ drawing, pixels }) =>
      order === 'pen' && drawing !== null
        ? drawingToStrokes(drawing, { order })
        : imageToStrokes(pixels, width, height),
    );
    return concatenateStrokes(sequences, labels, name);
  }
  const { strokesFromImages } = await import('../strokes/files/stroke-conversion.js');
  const images = madeImages({ count, labelOf, at: (i) => chosen[i] });
  return strokesFromImages(images, name, { seed: 0, threads, signal });
}

/** Example i in the first attempt that has strokes, and not too many points. */
function withPoints(i: number, at: Making['at'], order: StrokeOptions['order']): Made {
  const { width, height } = DRAWING_SIZE;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const made = at(i, attempt);
    if (made.isLast || (order === 'pen' && made.drawing !== null)) return made;
    const points = thinImage(made.pixels, width, height).reduce((sum, point) => sum + point, 0);
    if (points >= POINTS.least && points <= POINTS.most) return made;
  }
  throw new Error(`made examples: none of ${ATTEMPTS} attempts for example ${i} has strokes`);
}

/** Two parts, one after the other. */
export function joinedStrokes(one: StrokeExamples, other: StrokeExamples, name: string): StrokeExamples {
  const sequences = [one, other].flatMap((part) =>
    Array.from({ length: part.count }, (_, i) => movesOf(part, i)),
  );
  return concatenateStrokes(sequences, [...one.labels, ...other.labels], name);
}

/** Two parts of pictures of one size, one after the other. */
export function joinedImages(one: ImageExamples, other: ImageExamples): ImageExamples {
  const pixels = new Uint8Array(sharedBytes(one.pixels.length + other.pixels.length));
  pixels.set(one.pixels);
  pixels.set(other.pixels, one.pixels.length);
  return { ...one, count: one.count + other.count, pixels, labels: joinedLabels(one, other) };
}

function joinedLabels(one: { labels: Uint8Array }, other: { labels: Uint8Array }): Uint8Array {
  const labels = new Uint8Array(sharedBytes(one.labels.length + other.labels.length));
  labels.set(one.labels);
  labels.set(other.labels, one.labels.length);
  return labels;
}
