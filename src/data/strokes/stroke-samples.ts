/** Loads a few samples of a data set with their strokes, evenly from all classes, for display. Node.js only. */

import type { Stroke } from '../../ink/drawing.js';
import { imageToStrokes, thinImage } from '../../ink/image-to-strokes.js';
import { movesToStrokes, renderStrokes } from '../../ink/render-strokes.js';
import type { Augmentation } from '../augmentation.js';
import type { ImageDataset } from '../images/image-examples.js';
import { sortedMoves } from './sorted-moves.js';
import { AugmentedStrokes } from './stroke-augment.js';
import { findStrokes, type LoadStrokesOptions, loadStrokes, picturesOf } from './stroke-datasets.js';
import { concatenateStrokes, movesOf, type StrokeExamples } from './stroke-examples.js';
import { DEFAULT_STROKE_PREPROCESSING } from './stroke-preprocessing.js';

/** One sample. */
export interface StrokeSample {
  /** Index in its part, from 0. */
  index: number;
  /** Index of its class. */
  label: number;
  /** Size of the picture that contains the strokes. */
  width: number;
  height: number;
  /** [height, width] the image that the strokes are made of; null if the data are strokes. */
  image: Uint8Array | null;
  /** [N, 4] `dx dy eos eod` */
  moves: Int16Array;
  /** [height, width] the thinned picture: not 0 where there is ink. */
  thinned: Uint8Array;
  strokes: Stroke<Float64Array>[];
  /** The augmented drawing in each requested epoch; empty without augmentation. */
  variations: StrokeVariation[];
}

/** A sample as it is varied in an epoch of training. */
export interface StrokeVariation {
  /** From 1. */
  epoch: number;
  /** [N, 4] `dx dy eos eod` in pixels; points lie between the pixels. */
  moves: Float32Array;
  strokes: Stroke<Float64Array>[];
}

/** The amounts of variation, and the number of epochs. */
export interface StrokeVariations {
  augmentation: Augmentation;
  epochs: number;
}

export interface StrokeSampleOptions extends LoadStrokesOptions {
  part: 'train' | 'test';
  count: number;
  /** Sort strokes, as a network with the preprocessing `sorted` reads them. Default: they keep their order. */
  sorted?: boolean;
  /** Default none. With a run's seed, a training sample is varied as in that run. */
  variations?: StrokeVariations;
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
export async function loadStrokeSamples(spec: string, options: StrokeSampleOptions): Promise<StrokeSamples> {
  const { part, count, seed = 0 } = options;
  const images = await picturesToShow(spec, options);
  if (images !== null) {
    const { name, classes, ...parts } = images;
    const { pixels, labels, width, height } = parts[part];
    const made = pickEvenly(labels, classes.length, count).map((index) => {
      const image = pixels.slice(index * width * height, (index + 1) * width * height);
      const moves = imageToStrokes(image, width, height, { seed });
      const thinned = thinImage(image, width, height);
      return { index, label: labels[index], width, height, image, moves, thinned };
    });
    const samples = finished(made, () => atPlaces(made, name), { name, width, height }, options);
    return { name, classes, samples };
  }
  const { name, width, height, classes, ...parts } = await loadStrokes(spec, options);
  const examples = parts[part];
  const made = pickEvenly(examples.labels, classes.length, count).map((index) => {
    const moves = movesOf(examples, index);
    const size = pictureSize(moves);
    const thinned = renderStrokes(moves, size);
    return { index, label: examples.labels[index], ...size, image: null, moves, thinned };
  });
  const samples = finished(made, () => examples, { name, width, height }, options);
  return { name, classes, samples };
}

/** The pictures of which the strokes are made; null where the pen's own points are. */
async function picturesToShow(spec: string, options: StrokeSampleOptions): Promise<ImageDataset | null> {
  const { order = 'tour' } = options;
  return order === 'tour' ? picturesOf(await findStrokes(spec), options) : null;
}

type MadeSample = Omit<StrokeSample, 'strokes' | 'variations'>;

/** Adds the strokes, of the moves and in epochs of training. `examples` has the samples at their places. */
function finished(
  made: readonly MadeSample[],
  examples: () => StrokeExamples,
  { name, ...size }: { name: string; width: number; height: number },
  { variations, sorted = false, order = 'tour', seed = 0 }: StrokeSampleOptions,
): StrokeSample[] {
  const preprocessing = { ...DEFAULT_STROKE_PREPROCESSING, ...size, order, ...(sorted && { sorted }) };
  const plain = made.map((sample) => {
    const moves = sorted ? sortedMoves(sample.moves, preprocessing) : sample.moves;
    return { ...sample, moves, strokes: movesToStrokes(moves), variations: [] };
  });
  if (variations === undefined || made.length === 0) return plain;
  const { augmentation, epochs } = variations;
  const varied = new AugmentedStrokes({
    data: { name, examples: examples(), preprocessing },
    augmentation,
    seed,
  });
  return plain.map((sample) => ({
    ...sample,
    variations: Array.from({ length: epochs }, (_, n) => {
      const moves = varied.movesOf(sample.index, n + 1);
      return { epoch: n + 1, moves, strokes: movesToStrokes(moves) };
    }),
  }));
}

/** The samples at their indices in the data set, on which their variation depends; empty drawings between them. */
function atPlaces(samples: readonly MadeSample[], name: string): StrokeExamples {
  const count = samples.reduce((most, { index }) => Math.max(most, index + 1), 0);
  const sequences = new Array<Int16Array>(count).fill(Int16Array.of(0, 0, 1, 1));
  for (const { index, moves } of samples) sequences[index] = moves;
  return concatenateStrokes(sequences, new Uint8Array(count), name);
}

/** Indices of samples: of each class the first, then of each the second, and so on. */
export function pickEvenly(labels: ArrayLike<number>, classes: number, count: number): number[] {
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

/** MNIST's size, or larger if the strokes need it. */
function pictureSize(moves: Int16Array): { width: number; height: number } {
  let [x, y, side] = [0, 0, 28];
  for (let at = 0; at < moves.length; at += 4) {
    x += moves[at];
    y += moves[at + 1];
    side = Math.max(side, x, y);
  }
  return { width: side, height: side };
}
