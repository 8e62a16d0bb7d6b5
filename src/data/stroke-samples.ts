/** A few samples of a data set with their strokes, to be looked at: evenly from all classes. Node.js only. */

import { type PenPath, penPaths, renderStrokes } from '../ink/render.js';
import { imageToStrokes, thinImage } from '../ink/strokes.js';
import { loadImages } from './datasets.js';
import { loadDrawingImages } from './pens/drawing-dataset.js';
import { findStrokes, type LoadStrokesOptions, loadStrokes } from './stroke-datasets.js';
import { strokesOf } from './strokes.js';

/** One sample. */
export interface StrokeSample {
  /** Which one of its part this is, from 0. */
  index: number;
  /** Index of its class. */
  label: number;
  /** Of the picture that the strokes are in. */
  width: number;
  height: number;
  /** [height, width] the image that the strokes are made of; null for strokes that came as such. */
  image: Uint8Array | null;
  /** [N, 4] `dx dy eos eod` */
  rows: Int16Array;
  /** [height, width] its lines: not 0 where there is ink. */
  lines: Uint8Array;
  /** Where the pen went. */
  paths: PenPath[];
}

export interface StrokeSamples {
  /** The data set's name. */
  name: string;
  classes: string[];
  samples: StrokeSample[];
}

/**
 * The first samples of each class, class by class in turn.
 * @param spec as for loadStrokes
 * @throws UserError as loadStrokes
 */
export async function loadStrokeSamples(
  spec: string,
  options: LoadStrokesOptions & { part: 'train' | 'test'; count: number },
): Promise<StrokeSamples> {
  const { part, count, seed = 0 } = options;
  const place = await findStrokes(spec);
  const images =
    place.kind === 'images'
      ? await loadImages(place.path, { channelsImg: 1 })
      : place.kind === 'drawings' && options.order !== 'pen'
        ? await loadDrawingImages(place.path, place.name, options.onProgress)
        : undefined;
  if (images !== undefined) {
    const { name, classes, ...parts } = images;
    const { pixels, labels, width, height } = parts[part];
    const samples = pick(labels, classes.length, count).map((index) => {
      const image = pixels.slice(index * width * height, (index + 1) * width * height);
      const rows = imageToStrokes(image, width, height, { seed });
      const lines = thinImage(image, width, height);
      return { index, label: labels[index], width, height, image, rows, lines, paths: penPaths(rows) };
    });
    return { name, classes, samples };
  }
  const { name, classes, ...parts } = await loadStrokes(spec, options);
  const examples = parts[part];
  const samples = pick(examples.labels, classes.length, count).map((index) => {
    const rows = strokesOf(examples, index);
    const size = pictureSize(rows);
    const lines = renderStrokes(rows, size);
    return { index, label: examples.labels[index], ...size, image: null, rows, lines, paths: penPaths(rows) };
  });
  return { name, classes, samples };
}

/** Indices of samples: of each class the first, then of each the second, and so on. */
function pick(labels: Uint8Array, classes: number, count: number): number[] {
  const ofClass: number[][] = Array.from({ length: classes }, () => []);
  const each = Math.ceil(count / classes);
  for (let i = 0; i < labels.length; i++) {
    if (ofClass[labels[i]].length < each) ofClass[labels[i]].push(i);
  }
  const turns = Array.from({ length: each }, (_, turn) =>
    ofClass.flatMap((list) => list.slice(turn, turn + 1)),
  );
  return turns.flat().slice(0, count);
}

/** The sides of MNIST's pictures, or more if the strokes need it. */
function pictureSize(rows: Int16Array): { width: number; height: number } {
  let [x, y, side] = [0, 0, 28];
  for (let at = 0; at < rows.length; at += 4) {
    x += rows[at];
    y += rows[at + 1];
    side = Math.max(side, x, y);
  }
  return { width: side, height: side };
}
