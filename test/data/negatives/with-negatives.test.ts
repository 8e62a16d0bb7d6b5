/** Protects the class `none` of a data set: what is appended, what stays as it is, and what is refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageExamples } from '#src/data/images/image-examples.js';
import type { Dataset } from '#src/data/input-kind.js';
import { withNegatives } from '#src/data/negatives/with-negatives.js';
import { concatenateStrokes, movesOf } from '#src/data/strokes/stroke-examples.js';
import { drawingToImage, drawingToStrokes } from '#src/ink/drawing.js';
import { STROKE_COLUMNS } from '#src/ink/image-to-strokes.js';
import { UserError } from '#src/user-error.js';

const DIGITS = [...'0123456789'];
const drawingAt = (i: number) => ({
  strokes: [{ xs: [0, 5, 10 + (i % 7), 3], ys: [i % 9, 30, 12, 25 + (i % 5)] }],
});

function images(count: number, side = 28): ImageExamples {
  const pixels = new Uint8Array(count * side * side);
  if (side === 28) for (let i = 0; i < count; i++) pixels.set(drawingToImage(drawingAt(i)), i * 784);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  return { count, channels: 1, width: side, height: side, pixels, labels };
}
const imageData = (classes = DIGITS, side = 28): Dataset => ({
  kind: 'images',
  name: 'small',
  classes,
  train: images(40, side),
  test: images(20, side),
});
function strokeData(order: 'tour' | 'pen'): Dataset {
  const part = (count: number) =>
    concatenateStrokes(
      Array.from({ length: count }, (_, i) => drawingToStrokes(drawingAt(i), { order })),
      Uint8Array.from({ length: count }, (_, i) => i % 10),
      'small',
    );
  return {
    kind: 'strokes',
    name: 'small',
    width: 28,
    height: 28,
    classes: DIGITS,
    train: part(40),
    test: part(20),
  };
}
const TOUR = { order: 'tour', threads: 1 } as const;

describe('withNegatives', () => {
  it('appends images of the class none, by the seed, and leaves the others and the test as they are', async () => {
    const data = imageData();
    const made = await withNegatives(data, { share: 0.5, seed: 1 }, TOUR);
    assert.ok(made.kind === 'images' && data.kind === 'images');
    assert.deepEqual(made.classes, [...DIGITS, 'none']);
    assert.equal(made.train.count, 60);
    assert.deepEqual(made.train.labels.subarray(0, 40), data.train.labels);
    assert.deepEqual([...made.train.labels.subarray(40)], new Array(20).fill(10));
    assert.deepEqual(made.train.pixels.subarray(0, data.train.pixels.length), data.train.pixels);
    assert.equal(made.train.pixels.length, 60 * 784);
    assert.ok(made.train.pixels.buffer instanceof SharedArrayBuffer, 'threads share the examples');
    assert.equal(made.test, data.test);
    const again = await withNegatives(data, { share: 0.5, seed: 1 }, TOUR);
    assert.deepEqual(again.train, made.train);
    const other = await withNegatives(data, { share: 0.5, seed: 2 }, TOUR);
    assert.notDeepEqual(other.train, made.train);
    assert.deepEqual(other.negatives, made.negatives, 'all runs are tested with the same negatives');
  });

  it('gives negatives for the test evenly of all kinds, none of them from training', async () => {
    const made = await withNegatives(imageData(), { share: 1, seed: 0 }, TOUR);
    assert.ok(made.kind === 'images' && made.negatives);
    const { examples, kinds } = made.negatives;
    assert.equal(examples.count, kinds.length);
    assert.deepEqual(kinds.slice(0, 8), [
      ...['letters', 'scribbles', 'shapes', 'pieces', 'clothes', 'textures', 'blanks', 'letters'],
    ]);
    const textOf = (pixels: Uint8Array, i: number) =>
      Buffer.from(pixels.subarray(i * 784, (i + 1) * 784)).toString('base64');
    const learnt = new Set(Array.from({ length: 40 }, (_, i) => textOf(made.train.pixels, 40 + i)));
    kinds.forEach((kind, i) => {
      if (kind !== 'blanks') assert.ok(!learnt.has(textOf(examples.pixels, i)), `${kind} ${i}`);
    });
  });

  for (const order of ['tour', 'pen'] as const) {
    it(`appends strokes in the order ${order}, each with points and of a usual length`, async () => {
      const data = strokeData(order);
      const made = await withNegatives(data, { share: 1, seed: 0 }, { order, threads: 1 });
      assert.ok(made.kind === 'strokes' && data.kind === 'strokes' && made.negatives);
      assert.equal(made.train.count, 80);
      for (let i = 0; i < 40; i++) assert.deepEqual(movesOf(made.train, i), movesOf(data.train, i));
      for (const part of [made.train, made.negatives.examples]) {
        for (let i = 0; i < part.count; i++) {
          const moves = movesOf(part, i).length / STROKE_COLUMNS;
          assert.ok(moves >= 2 && moves <= 300, `negative ${i} has ${moves} moves`);
        }
      }
      assert.equal(made.train.labels[79], 10);
    });
  }

  it('refuses a class named none, pictures of another size, and too many classes', async () => {
    const refused = (data: Dataset) => withNegatives(data, { share: 0.1, seed: 0 }, TOUR);
    await assert.rejects(refused(imageData([...DIGITS, 'none'])), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^negatives: data set small has a class named none, .*rename the class/);
      return true;
    });
    await assert.rejects(
      refused(imageData(DIGITS, 8)),
      /grey pictures of 28 × 28 pixels; .* has 8 × 8 with 1 channel/,
    );
    const many = Array.from({ length: 256 }, (_, k) => `class ${k}`);
    await assert.rejects(refused(imageData(many)), /has 256 classes; .* at most 256/);
  });
});
