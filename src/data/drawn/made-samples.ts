/** Generated examples for display: their pictures, and their strokes as training makes them. Node.js only. */
import { DRAWING_SIZE, drawingToStrokes } from '../../ink/drawing.js';
import { imageToStrokes, thinImage } from '../../ink/image-to-strokes.js';
import { movesToStrokes } from '../../ink/render-strokes.js';
import type { StrokeOrder } from '../strokes/stroke-preprocessing.js';
import type { StrokeSamples } from '../strokes/stroke-samples.js';
import type { Made } from './pen.js';

/** What is shown: the first examples of a generator. */
export interface Shown {
  /** Of the data set. */
  name: string;
  classes: string[];
  count: number;
  order: StrokeOrder;
  /** The class of example i is i mod the number of classes. */
  at(i: number): Made;
}

export function madeSamples({ name, classes, count, order, at }: Shown): StrokeSamples {
  const { width, height } = DRAWING_SIZE;
  const samples = Array.from({ length: count }, (_, index) => {
    const { drawing, pixels } = at(index);
    const moves =
      order === 'pen' && drawing !== null
        ? drawingToStrokes(drawing, { order })
        : imageToStrokes(pixels, width, height);
    return {
      index,
      label: index % classes.length,
      width,
      height,
      image: pixels,
      moves,
      thinned: thinImage(pixels, width, height),
      strokes: movesToStrokes(moves),
      variations: [],
    };
  });
  return { name, classes, samples };
}
