/**
 * Adds drawn digits to the training examples of a data set of digits. The test examples stay as they are. Node.js only:
 * digits are made in threads.
 */
import { DRAWING_SIZE, DRAWING_VERSION } from '../../ink/drawing.js';
import { INK_VERSION } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';
import { areDigits } from '../class-names.js';
import { checkSize } from '../drawn/check-size.js';
import { type MakingOptions, madeImages, madeStrokes } from '../drawn/made-examples.js';
import type { Making } from '../drawn/making.js';
import { openRecipe } from '../drawn/open-recipe.js';
import type { Dataset, ExamplesOf, KindName } from '../input-kind.js';
import { emptyStrokes, type StrokeExamples } from '../strokes/stroke-examples.js';
import { DIGITS_VERSION } from './generator.js';

/** How many drawn digits are added. */
export interface DigitsToAdd {
  /** Number of drawn digits divided by the number of training examples; above 0. */
  share: number;
  /** Of the run. */
  seed: number;
}

export interface DigitsOptions extends MakingOptions {
  /** Called with one line about a problem that is no error: a cache that cannot be written. */
  onNotice?: (line: string) => void;
}

/** So many class names are listed in a message. */
const LISTED = 12;

/**
 * Drawn digits as examples of a data set's kind.
 * @param dataset of which the share is a share; its classes are the digits
 * @throws UserError if the classes are not the digits 0 to 9, or the pictures are not grey and 28 × 28
 */
export async function drawnDigits(
  dataset: Dataset,
  { share, seed }: DigitsToAdd,
  options: DigitsOptions,
): Promise<ExamplesOf<KindName>> {
  checkDigits(dataset);
  const count = Math.max(1, Math.round(share * dataset.train.count));
  const making = openRecipe({ of: 'digits', seed, count, strokes: dataset.kind === 'strokes' });
  return dataset.kind === 'images'
    ? madeImages(making, 'drawn digits', options)
    : cachedStrokes(making, seed, dataset.classes, options);
}

/** The strokes from the cache, or else made and cached. */
async function cachedStrokes(
  making: Making,
  seed: number,
  classes: string[],
  options: DigitsOptions,
): Promise<StrokeExamples> {
  const { cacheKey } = await import('../strokes/files/stroke-cache.js');
  const { throughCache } = await import('../strokes/stroke-datasets.js');
  const versions = [DIGITS_VERSION, DRAWING_VERSION, INK_VERSION];
  const key = cacheKey('digits', ...versions, options.order, seed, making.count);
  const name = 'drawn digits';
  const { train } = await throughCache(key, name, options, async () => ({
    name,
    ...DRAWING_SIZE,
    classes,
    train: await madeStrokes(making, name, options),
    test: emptyStrokes(0, 0, name),
  }));
  return train;
}

/** @throws UserError as drawnDigits */
export function checkDigits(dataset: Dataset): void {
  const { classes, name } = dataset;
  if (!areDigits(classes)) {
    const listed = classes.slice(0, LISTED).join(', ');
    throw new UserError(
      `drawn digits: they belong to the classes 0, 1, 2 … 9, but data set ${name} has the classes ${listed}` +
        `${classes.length > LISTED ? ' …' : ''}; leave out the share of drawn digits`,
      { settings: ['drawnShare', 'data'] },
    );
  }
  checkSize(dataset, 'drawn digits', 'drawnShare');
}
