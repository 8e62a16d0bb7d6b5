/**
 * Protects changed copies: what is appended and what stays as it is; that they are changed, prepared as recognition
 * prepares pictures, and still look like their originals; and what is refused.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedPicture } from '#src/data/changed/changed-pictures.js';
import { withChanged } from '#src/data/changed/with-changed.js';
import { Dice } from '#src/data/drawn/dice.js';
import type { ImageExamples } from '#src/data/images/image-examples.js';
import type { Dataset } from '#src/data/input-kind.js';
import { isInPlace } from '#src/data/inputs/fit.js';
import { concatenateStrokes, movesOf } from '#src/data/strokes/stroke-examples.js';
import { imageToStrokes, STROKE_COLUMNS } from '#src/ink/image-to-strokes.js';
import { Random } from '#src/random.js';
import { UserError } from '#src/user-error.js';
import { digits } from '../../ink/images.js';

const SIDE = 28;
const AREA = SIDE * SIDE;
const shown = await digits(40);
const CLASSES = [...'0123456789'];
const TOUR = { order: 'tour', threads: 1, pictures: null } as const;

const labels = Uint8Array.from(shown, (_, i) => i % 10);
const pictures: ImageExamples = {
  count: shown.length,
  ...{ channels: 1, width: SIDE, height: SIDE, labels },
  pixels: Uint8Array.from(shown.flatMap(({ pixels }) => [...pixels])),
};
const images: Dataset = { kind: 'images', name: 'small', classes: CLASSES, train: pictures, test: pictures };
const examples = concatenateStrokes(
  shown.map(({ pixels }) => imageToStrokes(pixels, SIDE, SIDE)),
  labels,
  'small',
);
const strokes: Dataset = {
  ...{ kind: 'strokes', name: 'small', classes: CLASSES, width: SIDE, height: SIDE },
  ...{ train: examples, test: examples },
};

/** Correlation of two pictures, from -1 to 1. */
function likeness(a: Uint8Array, b: Uint8Array): number {
  const mean = (values: Uint8Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    const [x, y] = [value - meanA, b[i] - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return ab / Math.sqrt(aa * bb);
}

test('images: copies follow, with the label of their original, by the seed; the others stay as they are', async () => {
  const made = await withChanged(images, { share: 1.5, seed: 4 }, TOUR);
  assert.ok(made.kind === 'images' && made.originals);
  assert.equal(made.train.count, 100);
  assert.deepEqual(made.train.pixels.subarray(0, 40 * AREA), pictures.pixels);
  assert.equal(new Set(made.originals.subarray(0, 40)).size, 40, 'every example once before any twice');
  assert.deepEqual(
    [...made.train.labels.subarray(40)],
    [...made.originals].map((i) => labels[i]),
  );
  assert.equal(made.test, images.test);
  assert.ok(made.train.pixels.buffer instanceof SharedArrayBuffer, 'threads share the examples');
  assert.deepEqual(await withChanged(images, { share: 1.5, seed: 4 }, TOUR), made);
  assert.notDeepEqual(await withChanged(images, { share: 1.5, seed: 5 }, TOUR), made);
});

test('a picture of which no change has strokes stays as it is', async () => {
  const blank = { ...pictures, pixels: pictures.pixels.slice() };
  blank.pixels.fill(0, 0, AREA);
  const made = await withChanged(
    {
      ...strokes,
      train: concatenateStrokes([Int16Array.of(0, 0, 1, 1), movesOf(examples, 1)], [0, 1], 'small'),
    },
    { share: 3, seed: 1 },
    { ...TOUR, pictures: { ...blank, count: 2 } },
  );
  assert.ok(made.kind === 'strokes');
  assert.equal(made.train.count, 8);
});

test('copies are changed, in place as recognition leaves pictures, and like their originals', () => {
  let [changed, inPlace, alike] = [0, 0, 0];
  const count = 400;
  for (let i = 0; i < count; i++) {
    const { pixels } = shown[i % shown.length];
    const random = new Random(1, 2, i);
    const copy = changedPicture(
      { width: SIDE, height: SIDE, channels: 1, pixels },
      new Dice(random),
      random,
      false,
    );
    if (likeness(copy, pixels) < 0.999) changed++;
    if (isInPlace(copy)) inPlace++;
    if (likeness(copy, pixels) > 0.4) alike++;
  }
  // Specks and weak noise are removed again; a turned digit of another shape may be a pixel off.
  assert.ok(changed > 0.8 * count, `${changed} are changed`);
  assert.ok(inPlace > 0.6 * count, `${inPlace} are in place`);
  assert.ok(alike > 0.85 * count, `${alike} are like their originals`);
});

test('strokes: made of the pictures where there are some, else of the strokes, and cached', async () => {
  for (const given of [pictures, null]) {
    const options = { ...TOUR, pictures: given };
    const made = await withChanged(strokes, { share: 0.5, seed: 7 }, options);
    assert.ok(made.kind === 'strokes' && made.originals);
    assert.equal(made.train.count, 60);
    for (let i = 0; i < 40; i++) assert.deepEqual(movesOf(made.train, i), movesOf(examples, i));
    let different = 0;
    made.originals.forEach((original, n) => {
      assert.equal(made.train.labels[40 + n], labels[original]);
      const moves = movesOf(made.train, 40 + n);
      assert.ok(moves.length >= 4 * STROKE_COLUMNS);
      if (!Buffer.from(moves.buffer).equals(Buffer.from(movesOf(examples, original).buffer))) different++;
    });
    assert.ok(different > 10, `${different} of 20 differ`);
    assert.deepEqual((await withChanged(strokes, { share: 0.5, seed: 7 }, options)).train, made.train);
  }
  await assert.rejects(
    withChanged(strokes, { share: 0.5, seed: 7 }, { ...TOUR, order: 'pen' }),
    (error) => error instanceof UserError && /no order of a pen/.test(error.message),
  );
});

test('are refused for pictures of another size', async () => {
  const small = { ...pictures, count: 2, width: 8, height: 8, pixels: new Uint8Array(128) };
  await assert.rejects(
    withChanged({ ...images, train: small }, { share: 1, seed: 0 }, TOUR),
    /changed copies: .*28 × 28 pixels; .* has 8 × 8.*leave out the share of changed copies/,
  );
});
