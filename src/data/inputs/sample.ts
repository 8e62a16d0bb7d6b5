/** A test sample in the forms in which inputs are given. */
import type { Drawing } from '../../ink/drawing.js';
import { STROKE_COLUMNS } from '../../ink/image-to-strokes.js';
import type { ImageExamples } from '../images/image-examples.js';
import { IMAGE_KIND } from '../images/image-kind.js';
import type { KindName, SequencesOf } from '../input-kind.js';
import { kindOf } from '../kinds.js';
import { movesOf, type StrokeExamples } from '../strokes/stroke-examples.js';
import { ARRIVAL, StrokePoints } from '../strokes/stroke-points.js';
import type { StrokeOrder, StrokePreprocessing } from '../strokes/stroke-preprocessing.js';
import type { ExampleInput } from './input.js';
import { inkedAround, type Picture } from './picture-changes.js';

/** A sample. Its forms are made when they are asked for. */
export interface Sample {
  /** Centre of its picture in the coordinates of `drawing`: the first pixel is 0. */
  centre: { centreX: number; centreY: number };
  /** As the data set has it. */
  own(): ExampleInput;
  picture(): Picture;
  /** @throws Error for images */
  drawing(): Drawing;
}

/**
 * Sample i of a data set.
 * @param pictures for strokes: the pictures from which the first of them were made, if the data set has them
 */
export function sampleAt(data: SequencesOf<KindName>, pictures: ImageExamples | null, i: number): Sample {
  const { width, height } = kindOf(data).pictureSizeOf(data.preprocessing);
  const centre = { centreX: (width - 1) / 2, centreY: (height - 1) / 2 };
  const own = () => kindOf(data).exampleAt(data.examples, i);
  if (data.kind === 'images') {
    const noDrawing = () => {
      throw new Error('sample: images are not drawn with a pen');
    };
    return { centre, own, picture: () => pictureAt(data.examples, i), drawing: noDrawing };
  }
  const { examples, preprocessing } = data;
  return {
    centre,
    own,
    // Examples that were added to the data set's own have no pictures.
    picture: () =>
      pictures !== null && i < pictures.count
        ? pictureAt(pictures, i)
        : renderedPicture(examples, i, preprocessing),
    drawing: () => drawingAt(examples, i, preprocessing),
  };
}

function pictureAt(examples: ImageExamples, i: number): Picture {
  const example = IMAGE_KIND.exampleAt(examples, i);
  if (example.kind !== 'picture') throw new Error('sample: an image is a picture');
  return example;
}

/**
 * A picture of strokes: each point and its four neighbours are ink. So lines are as wide as MNIST's, and thinning gives
 * about the points again. Points outside of the picture are left out.
 */
export function renderedPicture(
  examples: StrokeExamples,
  i: number,
  { width, height, order }: StrokePreprocessing,
): Picture {
  const { xs, ys, count } = pointsOf(examples, i, order);
  const pixels = new Uint8Array(width * height);
  for (let n = 0; n < count; n++) {
    // Moves count from 1.
    const [x, y] = [xs[n] - 1, ys[n] - 1];
    if (x >= 0 && y >= 0 && x < width && y < height) pixels[y * width + x] = 255;
  }
  return inkedAround({ width, height, channels: 1, pixels });
}

function pointsOf(examples: StrokeExamples, i: number, order: StrokeOrder): StrokePoints {
  const moves = movesOf(examples, i);
  const count = moves.length / STROKE_COLUMNS;
  const points = new StrokePoints(count);
  points.readMoves(moves, 0, count, order === 'tour');
  return points;
}

/** The strokes as polylines. Where a tour jumps without lifting the pen (see StrokePoints.readMoves), there is no line. */
function drawingAt(examples: StrokeExamples, i: number, { order }: StrokePreprocessing): Drawing {
  const points = pointsOf(examples, i, order);
  const strokes: { xs: number[]; ys: number[] }[] = [];
  for (let n = 0; n < points.count; n++) {
    if (points.arrival[n] !== ARRIVAL.drawn) strokes.push({ xs: [], ys: [] });
    const stroke = strokes[strokes.length - 1];
    // Moves count from 1.
    stroke.xs.push(points.xs[n] - 1);
    stroke.ys.push(points.ys[n] - 1);
  }
  return { strokes };
}
