/** Protects the scaling of people's pictures: proportions, mean brightness and paper stay; a picture of the size passes unchanged. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { pictureToRead } from '#src/data/inputs/input.js';
import { paddedPicture } from '#src/data/inputs/pad.js';

const frame = (side: number, channels = 1) => ({ width: side, height: side, channels });

test('a picture of the size keeps its pixels', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 75, maxLength: 75 }), (pixels) => {
      const picture = { ...frame(5, 3), pixels };
      assert.deepEqual(paddedPicture(picture, frame(5, 3)), picture);
    }),
    { seed: 1 },
  );
});

test('a new pixel is the mean over its area', () => {
  const pixels = Uint8Array.from([0, 0, 0, 0, 0, 0, 10, 30, 0, 0, 50, 70, 0, 0, 0, 0]);
  assert.deepEqual([...paddedPicture({ ...frame(4), pixels }, frame(2)).pixels], [0, 10, 0, 30]);
});

test('the rest of the frame has the colour of the paper, in each channel', () => {
  // [2, 3, 4]: red is 10, green 20, blue 30 everywhere.
  const pixels = Uint8Array.from({ length: 24 }, (_, i) => [10, 20, 30][Math.floor(i / 4) % 3]);
  const { pixels: made } = paddedPicture({ width: 4, height: 2, channels: 3, pixels }, frame(4, 3));
  assert.deepEqual(
    [...made],
    Array.from({ length: 48 }, (_, i) => [10, 20, 30][Math.floor(i / 4) % 3]),
  );
});

test('one dot of ink at the edge does not change the paper', () => {
  const pixels = new Uint8Array(40 * 20).fill(0);
  pixels[3] = 255;
  const { pixels: made } = paddedPicture({ width: 40, height: 20, channels: 1, pixels }, frame(28));
  assert.ok(made.subarray(0, 28 * 7).every((value) => value === 0));
});

test('proportions are kept, and ink is as light in every size', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 90 }),
      fc.integer({ min: 3, max: 90 }),
      fc.integer({ min: 4, max: 40 }),
      (width, height, side) => {
        // A frame of paper, ink inside.
        const pixels = Uint8Array.from({ length: width * height }, (_, i) => {
          const [x, y] = [i % width, Math.floor(i / width)];
          return x === 0 || y === 0 || x === width - 1 || y === height - 1 ? 0 : 200;
        });
        const { pixels: made } = paddedPicture({ width, height, channels: 1, pixels }, frame(side));
        const factor = side / Math.max(width, height);
        const scaled = [width, height].map((each) => Math.min(side, Math.max(1, Math.round(each * factor))));
        const ink = made.reduce((sum, value) => sum + value, 0) / 200;
        const expected = ((width - 2) / width) * ((height - 2) / height) * scaled[0] * scaled[1];
        // Each pixel is rounded by half a level at most.
        assert.ok(
          Math.abs(ink - expected) <= (0.5 * side * side) / 200 + 1e-6,
          `${ink}, expected ${expected}`,
        );
      },
    ),
    { seed: 2 },
  );
});

describe('a network of padded pictures', () => {
  const how = { isFitted: true, isThinned: false, isPadded: true };

  test('reads photos of the size that files may have, whatever their channels', () => {
    const [width, height] = [3000, 2000];
    const pixels = new Uint8Array(width * height * 3).fill(200);
    const read = pictureToRead(
      { width, height, channels: 3, pixels },
      { width: 8, height: 8, channels: 3 },
      how,
    );
    assert.deepEqual([read?.width, read?.height, read?.pixels.every((value) => value === 200)], [8, 8, true]);
    const huge = { width: 9000, height: 9000, pixels: new Uint8Array() };
    assert.throws(
      () => pictureToRead(huge, { width: 8, height: 8, channels: 1 }, how),
      /a picture of 9000 × 9000; at most 67108864 pixels are accepted/,
    );
  });

  test('reads a blank picture, which may be one of its classes', () => {
    const size = { width: 8, height: 8, channels: 1 };
    const blank = { width: 20, height: 16, pixels: new Uint8Array(320).fill(255) };
    assert.deepEqual(pictureToRead(blank, size, how)?.pixels, new Uint8Array(64));
  });
});
