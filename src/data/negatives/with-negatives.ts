/**
 * Adds the class `none` to a data set: generated negatives follow the training examples, and a fresh set of negatives
 * tests how many are refused. The test examples stay as they are. Node.js only: strokes are made in threads.
 */
import { DRAWING_VERSION } from '../../ink/drawing.js';
import { INK_VERSION } from '../../ink/image-to-strokes.js';
import { UserError } from '../../user-error.js';
import { areDigits, NONE_CLASS } from '../class-names.js';
import { checkSize } from '../drawn/check-size.js';
import {
  joinedImages,
  joinedStrokes,
  type Making,
  type MakingOptions,
  madeImages,
  madeStrokes,
} from '../drawn/made-examples.js';
import type { Dataset, DatasetOf, ExamplesOf, KindName } from '../input-kind.js';
import { kindOf } from '../kinds.js';
import { inMemory, MAX_CLASSES, type StrokeDataset } from '../strokes/stroke-examples.js';
import { NEGATIVES_VERSION, NegativeGenerator } from './generator.js';

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
  const label = dataset.classes.length;
  const classes = [...dataset.classes, NONE_CLASS];
  const count = Math.max(1, Math.round(share * dataset.train.count));
  const forTest = Math.min(
    TEST_NEGATIVES.most,
    Math.max(TEST_NEGATIVES.least, Math.round(dataset.test.count / 5)),
  );
  const train = generatorFor(dataset, 'train', seed);
  const test = generatorFor(dataset, 'test', TEST_SEED);
  const kinds = Array.from({ length: forTest }, (_, i) => test.kinds[i % test.kinds.length]);
  const labelOf = () => label;
  const forTraining: Making = { count, labelOf, at: (i, attempt) => train.at(i, undefined, attempt) };
  const forTesting: Making = { count: forTest, labelOf, at: (i, attempt) => test.at(i, kinds[i], attempt) };
  const what = 'negatives';
  if (dataset.kind === 'images') {
    const examples = await madeImages(forTesting, what, options);
    const all = joinedImages(dataset.train, await madeImages(forTraining, what, options));
    return { ...dataset, classes, train: all, negatives: { examples, kinds } };
  }
  const made = await cachedStrokes(dataset, seed, { forTraining, forTesting, classes }, options);
  const all = joinedStrokes(dataset.train, made.train, dataset.name);
  return { ...dataset, classes, train: all, negatives: { examples: made.test, kinds } };
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

function checkDataset(dataset: Dataset): void {
  const { classes, name } = dataset;
  const refuse = (problem: string, settings: string[]): never => {
    throw new UserError(`negatives: ${problem}`, { settings });
  };
  if (classes.includes(NONE_CLASS)) {
    refuse(
      `data set ${name} has a class named ${NONE_CLASS}, and the class of the generated negatives has this name; ` +
        'rename the class of the data set, or leave out the share of negatives and train on your own examples',
      ['noneShare', 'data'],
    );
  }
  if (classes.length >= MAX_CLASSES) {
    refuse(
      `data set ${name} has ${classes.length} classes; with the class ${NONE_CLASS} there may be at most ${MAX_CLASSES}`,
      ['noneShare', 'data'],
    );
  }
  checkSize(dataset, 'negatives', 'noneShare');
}

/**
 * Generates negatives of a data set.
 * @param part whose examples give the pieces
 * @throws UserError as withNegatives
 */
export function generatorFor(dataset: Dataset, part: 'train' | 'test', seed: number) {
  checkDataset(dataset);
  const kind = kindOf<KindName>(dataset);
  const examples = dataset[part] as ExamplesOf<KindName>;
  return new NegativeGenerator({
    seed,
    digits: areDigits(dataset.classes),
    strokes: dataset.kind === 'strokes',
    examples: {
      count: examples.count,
      labelOf: (i) => examples.labels[i],
      at: (i) => kind.exampleAt(examples, i),
    },
  });
}
