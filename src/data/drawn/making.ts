/** Examples to make, one by one; and recipes, of which every thread makes the same ones. */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { thinImage } from '../../ink/image-to-strokes.js';
import type { ImageExamples } from '../images/image-examples.js';
import type { Dataset } from '../input-kind.js';
import type { Made } from './pen.js';

/** Examples to make. */
export interface Making {
  count: number;
  /** Index of the class of example i. */
  labelOf(i: number): number;
  /** Another attempt gives another example for the same index. */
  at(i: number, attempt: number): Made;
  /** What open-recipe.ts makes the same of, in any thread; without it the examples are made on this one. */
  recipe?: Recipe;
}

/** Plain data that says which examples are made. It can be posted to threads; the examples in it are shared. */
export type Recipe = NegativesRecipe | DigitsRecipe | ChangesRecipe;

export interface NegativesRecipe {
  of: 'negatives';
  /** Which the negatives are for. */
  dataset: Dataset;
  /** Whose examples give the pieces. */
  part: 'train' | 'test';
  seed: number;
  count: number;
  /** Whether all kinds are in turn, as for a test; else each is as likely as its share. */
  inTurn: boolean;
}

export interface DigitsRecipe {
  of: 'digits';
  seed: number;
  count: number;
  /** Whether the digits become strokes. */
  strokes: boolean;
}

export interface ChangesRecipe {
  of: 'changes';
  dataset: Dataset;
  /** For strokes: the pictures from which the first of the training examples were made; null if there are none. */
  pictures: ImageExamples | null;
  seed: number;
  /** [copies] index of the training example of each. */
  originals: Int32Array;
}

/** Points of the thinned picture of an example. MNIST's digits have at most about 130; a texture can have hundreds. */
const POINTS = { least: 3, most: 200 };
/** Attempts for an example that has no strokes, or too long ones. About half of the textures are short enough. */
const ATTEMPTS = 40;

/**
 * Example i in the first attempt that has strokes, and not too many points.
 * @param isDrawn whether a drawing is taken at once
 */
export function withPoints(i: number, at: Making['at'], isDrawn = false): Made {
  const { width, height } = DRAWING_SIZE;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const made = at(i, attempt);
    if (made.isLast || (isDrawn && made.drawing !== null)) return made;
    const points = thinImage(made.pixels, width, height).reduce((sum, point) => sum + point, 0);
    if (points >= POINTS.least && points <= POINTS.most) return made;
  }
  throw new Error(`made examples: none of ${ATTEMPTS} attempts for example ${i} has strokes`);
}
