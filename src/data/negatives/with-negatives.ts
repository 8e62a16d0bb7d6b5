/**
 * Adds the class `none` to a data set: generated negatives follow the training examples, and a fresh set of negatives
 * tests how many are refused. The test examples stay as they are. Node.js only: negatives are made in threads.
 */
import { DRAWING_VERSION } from '../../ink/drawing.js';
import { INK_VERSION } from '../../ink/image-to-strokes.js';
import { NONE_CLASS } from '../class-names.js';
import {
  joinedImages,
  joinedStrokes,
  type MakingOptions,
  madeImages,
  madeStrokes,
} from '../drawn/made-examples.js';
import type { Making } from '../drawn/making.js';
import { openRecipe } from '../drawn/open-recipe.js';
import type { Dataset, DatasetOf } from '../input-kind.js';
import { inMemory, type StrokeDataset } from '../strokes/stroke-examples.js';
import { NEGATIVES_VERSION } from './generator.js';
import { generatorFor } from './negatives-of.js';

/** How many negatives are added. */
export interface NegativesToAdd {
  /** Number of negatives divided by the number of training examples; above 0. */
  share: number;
  /** Of the run. */
  seed: number;
}

export interface NegativesOptions extends MakingOptions {
  /** Called with one line about a problem that is no error: a cache that cannot be written. */
  onNotice?: (line: string) => void;
}

/** Larger than any seed of a run, so no training has the negatives of the test. */
const TEST_SEED = 2 ** 32;
/** Number of negatives to test with: a fifth of the test examples, within these limits. */
const TEST_NEGATIVES = { least: 140, most: 2100 };

/**
 * The data set with one more class.
 * @throws UserError if it has a class of this name, too many classes, or pictures of another size than 28 × 28 grey
 */
export async function withNegatives(
  dataset: Dataset,
  { share, seed }: NegativesToAdd,
  options: NegativesOptions,
): Promise<Dataset> {
  const classes = [...dataset.classes, NONE_CLASS];
  const count = Math.max(1, Math.round(share * dataset.train.count));
  const forTest = Math.min(
    TEST_NEGATIVES.most,
    Math.max(TEST_NEGATIVES.least, Math.round(dataset.test.count / 5)),
  );
  const { kinds: all } = generatorFor(dataset, 'test', TEST_SEED);
  const kinds = Array.from({ length: forTest }, (_, i) => all[i % all.length]);
  const recipe = { of: 'negatives', dataset } as const;
  const forTraining = openRecipe({ ...recipe, part: 'train', seed, count, inTurn: false });
  const forTesting = openRecipe({ ...recipe, part: 'test', seed: TEST_SEED, count: forTest, inTurn: true });
  const what = 'negatives';
  if (dataset.kind === 'images') {
    const examples = await madeImages(forTesting, what, options);
    const train = joinedImages(dataset.train, await madeImages(forTraining, what, options));
    return { ...dataset, classes, train, negatives: { examples, kinds } };
  }
  const made = await cachedStrokes(dataset, seed, { forTraining, forTesting, classes }, options);
  const train = joinedStrokes(dataset.train, made.train, dataset.name);
  return { ...dataset, classes, train, negatives: { examples: made.test, kinds } };
}

/** Strokes of negatives, for training and test, from the cache or else made and cached. */
async function cachedStrokes(
  dataset: DatasetOf<'strokes'>,
  seed: number,
  { forTraining, forTesting, classes }: { forTraining: Making; forTesting: Making; classes: string[] },
  options: NegativesOptions,
): Promise<StrokeDataset> {
  const { cacheKey } = await import('../strokes/files/stroke-cache.js');
  const { throughCache } = await import('../strokes/stroke-datasets.js');
  const { name, width, height, train, test } = dataset;
  const bytes = ({ buffer, byteOffset, byteLength }: Int16Array | Uint8Array) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const key = cacheKey(
    'negatives',
    ...[NEGATIVES_VERSION, DRAWING_VERSION, INK_VERSION],
    ...[options.order, seed, forTraining.count, forTesting.count],
    ...classes,
    ...[train, test]
      .map((part) => inMemory(part, 'negatives'))
      .flatMap(({ moves, labels }) => [bytes(moves), bytes(labels)]),
  );
  return throughCache(key, name, options, async () => ({
    name,
    width,
    height,
    classes,
    train: await madeStrokes(forTraining, 'negatives', options),
    test: await madeStrokes(forTesting, 'negatives', options),
  }));
}
