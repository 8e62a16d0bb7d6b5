/** Protects drawn digits in a data set: what is appended, what stays as it is, and what is refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawnDigits } from '#src/data/digits/with-digits.js';
import { withExamples } from '#src/data/drawn/made-examples.js';
import type { ImageExamples } from '#src/data/images/image-examples.js';
import type { Dataset } from '#src/data/input-kind.js';
import { concatenateStrokes, movesOf } from '#src/data/strokes/stroke-examples.js';
import { drawingToImage, drawingToStrokes } from '#src/ink/drawing.js';
import { STROKE_COLUMNS } from '#src/ink/image-to-strokes.js';
import { UserError } from '#src/user-error.js';

const DIGITS = [...'0123456789'];
const drawingAt = (i: number) => ({
  strokes: [{ xs: [0, 5, 10 + (i % 7), 3], ys: [i % 9, 30, 12, 25 + (i % 5)] }],
});
const labelsOf = (count: number) => Uint8Array.from({ length: count }, (_, i) => i % 10);

function images(count: number, side = 28): ImageExamples {
  const pixels = new Uint8Array(count * side * side);
  if (side === 28) for (let i = 0; i < count; i++) pixels.set(drawingToImage(drawingAt(i)), i * 784);
  return { count, channels: 1, width: side, height: side, pixels, labels: labelsOf(count) };
}
const imageData = (classes = DIGITS, side = 28): Dataset => ({
  ...{ kind: 'images', name: 'small', classes },
  ...{ train: images(40, side), test: images(20, side) },
});
function strokeData(order: 'tour' | 'pen'): Dataset {
  const part = (count: number) =>
    concatenateStrokes(
      Array.from({ length: count }, (_, i) => drawingToStrokes(drawingAt(i), { order })),
      labelsOf(count),
      'small',
    );
  const size = { width: 28, height: 28 };
  return { kind: 'strokes', name: 'small', ...size, classes: DIGITS, train: part(40), test: part(20) };
}
const TOUR = { order: 'tour', threads: 1 } as const;
const added = async (data: Dataset, seed: number, options: { order: 'tour' | 'pen'; threads: 1 } = TOUR) =>
  withExamples(data, await drawnDigits(data, { share: 0.5, seed }, options));

describe('drawn digits in a data set', () => {
  it('follow the training images, by the seed; the others and the test stay as they are', async () => {
    const data = imageData();
    const made = await added(data, 1);
    assert.ok(made.kind === 'images' && data.kind === 'images');
    assert.deepEqual(made.classes, DIGITS);
    assert.equal(made.train.count, 60);
    assert.deepEqual([...made.train.labels.subarray(40)], [...DIGITS, ...DIGITS].map(Number));
    assert.deepEqual(made.train.pixels.subarray(0, data.train.pixels.length), data.train.pixels);
    assert.equal(made.train.pixels.length, 60 * 784);
    assert.ok(made.train.pixels.buffer instanceof SharedArrayBuffer, 'threads share the examples');
    assert.equal(made.test, data.test);
    assert.deepEqual((await added(data, 1)).train, made.train);
    assert.notDeepEqual((await added(data, 2)).train, made.train);
  });

  for (const order of ['tour', 'pen'] as const) {
    it(`follow the training strokes in the order ${order}, and come from the cache the second time`, async () => {
      const data = strokeData(order);
      const made = await added(data, 3, { order, threads: 1 });
      assert.ok(made.kind === 'strokes' && data.kind === 'strokes');
      assert.equal(made.train.count, 60);
      for (let i = 0; i < 40; i++) assert.deepEqual(movesOf(made.train, i), movesOf(data.train, i));
      for (let i = 40; i < 60; i++) {
        const moves = movesOf(made.train, i).length / STROKE_COLUMNS;
        assert.ok(moves >= 8 && moves <= 200, `digit ${i} has ${moves} moves`);
      }
      assert.deepEqual([...made.train.labels.subarray(40)], [...DIGITS, ...DIGITS].map(Number));
      assert.equal(made.test, data.test);
      assert.deepEqual((await added(data, 3, { order, threads: 1 })).train, made.train);
    });
  }

  it('are refused for other classes, which the message names, and for pictures of another size', async () => {
    const refused = (data: Dataset) => drawnDigits(data, { share: 0.1, seed: 0 }, TOUR);
    await assert.rejects(refused(imageData(['cat', 'dog'])), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^drawn digits: .* data set small has the classes cat, dog; leave out/);
      return true;
    });
    await assert.rejects(refused(imageData([...'abcdefghijklmnop'])), /the classes a, b, .*, l …; leave out/);
    await assert.rejects(refused(imageData([...'1234567890'])), /has the classes 1, 2/);
    await assert.rejects(refused(imageData(DIGITS, 8)), /drawn digits: .*28 × 28 pixels; .* has 8 × 8/);
  });
});
