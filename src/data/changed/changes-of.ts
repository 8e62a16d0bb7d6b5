/** Changed copies of training examples, one by one. */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { Random } from '../../random.js';
import { Dice } from '../drawn/dice.js';
import type { ChangesRecipe, Making } from '../drawn/making.js';
import type { ImageExamples } from '../images/image-examples.js';
import type { Dataset } from '../input-kind.js';
import type { Picture } from '../inputs/picture-changes.js';
import { renderedPicture } from '../inputs/sample.js';
import { DEFAULT_STROKE_PREPROCESSING } from '../strokes/stroke-preprocessing.js';
import { changedPicture } from './changed-pictures.js';

/** Separates these random numbers from all others of the same seed. */
export const CHANGED_STREAM = 0x63686e67; // 'chng'

/** A picture that gives no strokes, or too many, after so many changes stays unchanged. */
const ATTEMPTS = 10;

/** The examples of a recipe; each has the class of its original. */
export function changesOf({ dataset, pictures, seed, originals }: ChangesRecipe): Making {
  const isThinned = dataset.kind === 'strokes';
  const pictureOf = picturesOf(dataset, pictures);
  return {
    count: originals.length,
    labelOf: (i) => dataset.train.labels[originals[i]],
    at: (i, attempt) => {
      const picture = pictureOf(originals[i]);
      const random = new Random(seed, CHANGED_STREAM, i, attempt);
      const isLast = attempt >= ATTEMPTS;
      const pixels = isLast ? picture.pixels : changedPicture(picture, new Dice(random), random, isThinned);
      return { drawing: null, pixels, isLast };
    },
  };
}

/** The picture of a training example: its own, that from which its strokes were made, or a drawing of its strokes. */
function picturesOf(dataset: Dataset, pictures: ImageExamples | null): (i: number) => Picture {
  const source = dataset.kind === 'images' ? dataset.train : pictures;
  return (i) => {
    if (source !== null && i < source.count) {
      const size = source.width * source.height;
      return { ...DRAWING_SIZE, channels: 1, pixels: source.pixels.slice(i * size, (i + 1) * size) };
    }
    if (dataset.kind === 'images') throw new Error(`changed copies: example ${i} of ${dataset.train.count}`);
    return renderedPicture(dataset.train, i, DEFAULT_STROKE_PREPROCESSING);
  };
}
