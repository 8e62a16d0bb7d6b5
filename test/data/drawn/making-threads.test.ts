/** Protects threads that make examples: they make what one thread makes, to the byte, and errors and signals end them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeImages, madeStrokes } from '#src/data/drawn/made-examples.js';
import type { Recipe } from '#src/data/drawn/making.js';
import { makeInThreads } from '#src/data/drawn/making-threads.js';
import { openRecipe } from '#src/data/drawn/open-recipe.js';
import type { ImageExamples } from '#src/data/images/image-examples.js';
import type { Dataset } from '#src/data/input-kind.js';
import type { Progress } from '#src/data/strokes/files/stroke-archive.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { digits } from '../../ink/images.js';

const CLASSES = [...'0123456789'];
const COUNT = 240;

const pictures = await digits(COUNT);
const images: ImageExamples = {
  count: COUNT,
  channels: 1,
  width: 28,
  height: 28,
  pixels: Uint8Array.from(pictures.flatMap((picture) => [...picture.pixels])),
  labels: Uint8Array.from({ length: COUNT }, (_, i) => i % 10),
};
const moves = concatenateStrokes(
  pictures.map(({ pixels }) => imageToStrokes(pixels, 28, 28)),
  images.labels,
  'small',
);
const DATA: Record<Dataset['kind'], Dataset> = {
  images: { kind: 'images', name: 'small', classes: CLASSES, train: images, test: images },
  strokes: {
    kind: 'strokes',
    name: 'small',
    width: 28,
    height: 28,
    classes: CLASSES,
    train: moves,
    test: moves,
  },
};
for (const kind of ['images', 'strokes'] as const) {
  const data = DATA[kind];
  const recipes: Record<Recipe['of'], Recipe> = {
    negatives: { of: 'negatives', dataset: data, part: 'train', seed: 3, count: COUNT, inTurn: false },
    digits: { of: 'digits', seed: 3, count: COUNT, strokes: kind === 'strokes' },
    changes: {
      of: 'changes',
      dataset: data,
      pictures: kind === 'strokes' ? { ...images, count: 100 } : null,
      seed: 3,
      originals: Int32Array.from({ length: COUNT }, (_, n) => (7 * n) % COUNT),
    },
  };
  for (const [of, recipe] of Object.entries(recipes)) {
    test(`${of} for ${kind} are the same in three threads as in one`, async () => {
      const making = openRecipe(recipe);
      const isThinned = kind === 'strokes';
      const pixels = new Uint8Array(new SharedArrayBuffer(COUNT * 784));
      const seen: number[] = [];
      await makeInThreads({ recipe, isThinned, count: COUNT, pixels }, 3, undefined, (n) => seen.push(n));
      assert.deepEqual([seen.length, seen.at(-1)], [Math.ceil(COUNT / 50), COUNT]);
      const options = { order: 'tour', threads: 1 } as const;
      if (!isThinned) {
        assert.deepEqual(pixels, (await madeImages(making, of, options)).pixels);
        return;
      }
      const strokes = Array.from({ length: COUNT }, (_, i) =>
        imageToStrokes(pixels.subarray(784 * i, 784 * (i + 1)), 28, 28),
      );
      const labels = Array.from({ length: COUNT }, (_, i) => making.labelOf(i));
      assert.deepEqual(await madeStrokes(making, of, options), concatenateStrokes(strokes, labels, of));
    });
  }
}

test('so many that threads make them are the same on one thread', async () => {
  const making = openRecipe({ of: 'digits', seed: 3, count: 4000, strokes: false });
  const seen: number[] = [];
  const onProgress = ({ done }: Progress) => seen.push(done);
  const made = await madeImages(making, 'digits', { threads: 2, onProgress });
  assert.deepEqual([seen.length, seen.at(-1)], [80, 4000]);
  assert.deepEqual(made, await madeImages(making, 'digits', { threads: 1 }));
});

test('an error of a thread is that of its example, and a signal ends the threads', async () => {
  const making = openRecipe({ of: 'digits', seed: 3, count: 20_000, strokes: false });
  const dataset = { ...DATA.images, classes: [...CLASSES, 'none'] };
  const recipe: Recipe = { of: 'negatives', dataset, part: 'train', seed: 3, count: 5000, inTurn: false };
  await assert.rejects(madeImages({ ...making, recipe }, 'negatives', { threads: 2 }), {
    name: 'UserError',
    message: /^negatives: data set small has a class named none/,
  });
  const signal = AbortSignal.timeout(300);
  await assert.rejects(madeImages(making, 'digits', { threads: 2, signal }), { name: 'TimeoutError' });
});
