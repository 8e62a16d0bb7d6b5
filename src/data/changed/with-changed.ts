/**
 * Adds changed copies of training examples: what recognition makes of turned, thin, noisy … pictures
 * (changed-pictures.ts). The test examples stay as they are; copies of validation examples are not trained on
 * (split.ts). Node.js only: copies are made in threads.
 */
import { DRAWING_SIZE, DRAWING_VERSION } from '../../ink/drawing.js';
import { INK_VERSION } from '../../ink/image-to-strokes.js';
import { Random } from '../../random.js';
import { UserError } from '../../user-error.js';
import { checkSize } from '../drawn/check-size.js';
import { type MakingOptions, madeImages, madeStrokes, withExamples } from '../drawn/made-examples.js';
import type { Making } from '../drawn/making.js';
import { openRecipe } from '../drawn/open-recipe.js';
import type { ImageExamples } from '../images/image-examples.js';
import type { Dataset, DatasetOf } from '../input-kind.js';
import { emptyStrokes, inMemory, type StrokeExamples } from '../strokes/stroke-examples.js';
import { CHANGES_VERSION } from './changed-pictures.js';
import { CHANGED_STREAM } from './changes-of.js';

/** How many changed copies are added. */
export interface ChangesToAdd {
  /** Number of copies divided by the number of training examples; above 0. */
  share: number;
  /** Of the run. */
  seed: number;
}

export interface ChangedOptions extends MakingOptions {
  /** For strokes: the pictures from which the first of the training examples were made; null if there are none. */
  pictures: ImageExamples | null;
  /** Called with one line about a problem that is no error: a cache that cannot be written. */
  onNotice?: (line: string) => void;
}

/**
 * The data set with changed copies after its training examples, some of which may be generated ones.
 * @throws UserError if the pictures are not grey and 28 × 28, or the strokes are in the order of a pen
 */
export async function withChanged(
  dataset: Dataset,
  { share, seed }: ChangesToAdd,
  options: ChangedOptions,
): Promise<Dataset> {
  checkSize(dataset, 'changed copies', 'changedShare');
  const { train } = dataset;
  const originals = originalsOf(train.count, share, seed);
  const making = openRecipe({ of: 'changes', dataset, pictures: options.pictures, seed, originals });
  if (dataset.kind === 'images') {
    return { ...withExamples(dataset, await madeImages(making, 'changed copies', options)), originals };
  }
  if (options.order === 'pen') {
    throw new UserError(
      'changed copies: they are made of pictures, whose strokes have no order of a pen; leave them out, or use the order tour',
      { settings: ['changedShare', 'strokeOrder'] },
    );
  }
  const copies = await cachedStrokes(dataset, seed, making, options);
  return { ...withExamples(dataset, copies), originals };
}

/** [share · count] different examples, or each of them several times. */
function originalsOf(count: number, share: number, seed: number): Int32Array {
  const order = new Random(seed, CHANGED_STREAM).shuffle(Int32Array.from({ length: count }, (_, i) => i));
  return Int32Array.from({ length: Math.max(1, Math.round(share * count)) }, (_, n) => order[n % count]);
}

/** The strokes from the cache, or else made and cached. */
async function cachedStrokes(
  { train, classes }: DatasetOf<'strokes'>,
  seed: number,
  making: Making,
  options: ChangedOptions,
): Promise<StrokeExamples> {
  const own = inMemory(train, 'changed copies');
  const { cacheKey } = await import('../strokes/files/stroke-cache.js');
  const { throughCache } = await import('../strokes/stroke-datasets.js');
  const bytes = ({ buffer, byteOffset, byteLength }: Int16Array | Uint8Array) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const key = cacheKey(
    'changed',
    ...[CHANGES_VERSION, DRAWING_VERSION, INK_VERSION, seed, making.count],
    ...(options.pictures === null ? ['strokes'] : [bytes(options.pictures.pixels)]),
    ...[bytes(own.moves), bytes(own.labels)],
  );
  const name = 'changed copies';
  const made = await throughCache(key, name, options, async () => ({
    name,
    ...DRAWING_SIZE,
    classes,
    train: await madeStrokes(making, name, options),
    test: emptyStrokes(0, 0, name),
  }));
  return made.train;
}
