/** Protects thicker and thinner lines: grey-level morphology by a cross, blended, within each channel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Thickness } from '#src/data/images/thickness.js';

const shapes = fc.record({
  width: fc.integer({ min: 1, max: 7 }),
  height: fc.integer({ min: 1, max: 7 }),
  channels: fc.integer({ min: 1, max: 3 }),
});

test('a picture becomes its blend with the dilation or the erosion, with paper around it', () => {
  fc.assert(
    fc.property(
      shapes.chain((shape) => {
        const length = shape.width * shape.height * shape.channels;
        return fc.record({
          shape: fc.constant(shape),
          pixels: fc.uint8Array({ minLength: length, maxLength: length }),
          amount: fc.double({ min: -1, max: 1, noNaN: true }),
        });
      }),
      ({ shape, pixels, amount }) => {
        const { width, height, channels } = shape;
        const at = (y: number, c: number, x: number) =>
          y < 0 || y >= height || x < 0 || x >= width ? 0 : pixels[(y * channels + c) * width + x];
        const found = new Uint8Array(pixels.length + 5).fill(77);
        found.set(pixels, 3);
        new Thickness(shape).apply(found, 3, amount);
        for (let y = 0; y < height; y++) {
          for (let c = 0; c < channels; c++) {
            for (let x = 0; x < width; x++) {
              const value = at(y, c, x);
              const cross = [value, at(y - 1, c, x), at(y + 1, c, x), at(y, c, x - 1), at(y, c, x + 1)];
              const extreme = amount > 0 ? Math.max(...cross) : Math.min(...cross);
              const expected = Math.floor(value + Math.abs(amount) * (extreme - value) + 0.5);
              assert.equal(found[3 + (y * channels + c) * width + x], expected);
            }
          }
        }
        assert.deepEqual([...found.subarray(0, 3), ...found.subarray(-2)], [77, 77, 77, 77, 77]);
      },
    ),
    { seed: 3, numRuns: 200 },
  );
});

test('a line becomes wider and narrower, and nothing changes with 0', () => {
  const line = Uint8Array.from({ length: 25 }, (_, i) => (i % 5 === 2 ? 200 : i % 5 === 1 ? 100 : 0));
  const changed = (amount: number) => {
    const pixels = line.slice();
    new Thickness({ width: 5, height: 5, channels: 1 }).apply(pixels, 0, amount);
    return [...pixels.subarray(10, 15)];
  };
  assert.deepEqual(changed(0), [0, 100, 200, 0, 0]);
  assert.deepEqual(changed(1), [100, 200, 200, 200, 0]);
  assert.deepEqual(changed(0.5), [50, 150, 200, 100, 0]);
  assert.deepEqual(changed(-1), [0, 0, 0, 0, 0]);
});
