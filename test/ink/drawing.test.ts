/**
 * Protects drawings by a pen: in MNIST's box and centre, with MNIST's pen; the same picture and strokes for any
 * direction, order, sampling rate, place and size; or, in the order of the pen, the pen's own way.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Drawing, drawingToImage, drawingToStrokes } from '#src/ink/drawing.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { penPaths } from '#src/ink/render-strokes.js';
import { UserError } from '#src/user-error.js';
import { decode } from './definitions.js';
import { digits } from './images.js';

const line = (...points: [number, number][]) => ({
  xs: points.map(([x]) => x),
  ys: points.map(([, y]) => y),
});

/** A seven with a bar, as on a screen. */
const SEVEN: Drawing = {
  lines: [
    line([120, 80], [200, 78], [290, 82], [250, 180], [190, 310]),
    line([170, 190], [230, 188], [270, 191]),
  ],
};

const reversed = ({ lines }: Drawing): Drawing => ({
  lines: lines.map(({ xs, ys }) => ({ xs: Array.from(xs).reverse(), ys: Array.from(ys).reverse() })),
});
const reordered = ({ lines }: Drawing): Drawing => ({ lines: [...lines].reverse() });

/** Many more points on the same lines. */
const resampled = ({ lines }: Drawing, parts: number): Drawing => ({
  lines: lines.map(({ xs, ys }) => {
    const points: [number, number][] = [[xs[0], ys[0]]];
    for (let n = 1; n < xs.length; n++) {
      for (let k = 1; k <= parts; k++) {
        const along = k / parts;
        points.push([xs[n - 1] + (xs[n] - xs[n - 1]) * along, ys[n - 1] + (ys[n] - ys[n - 1]) * along]);
      }
    }
    return line(...points);
  }),
});
const moved = ({ lines }: Drawing, scale: number, dx: number, dy: number): Drawing => ({
  lines: lines.map(({ xs, ys }) => ({
    xs: Array.from(xs, (x) => x * scale + dx),
    ys: Array.from(ys, (y) => y * scale + dy),
  })),
});

function inkOf(image: Uint8Array) {
  let [mass, x, y, left, right, top, bottom] = [0, 0, 0, 28, -1, 28, -1];
  image.forEach((value, i) => {
    if (value === 0) return;
    const [u, v] = [i % 28, Math.floor(i / 28)];
    mass += value / 255;
    x += (u * value) / 255;
    y += (v * value) / 255;
    [left, right, top, bottom] = [
      Math.min(left, u),
      Math.max(right, u),
      Math.min(top, v),
      Math.max(bottom, v),
    ];
  });
  return { mass, x: x / mass, y: y / mass, width: right - left + 1, height: bottom - top + 1 };
}

test('the longer side fills 20 pixels, proportions are kept, the centre of mass is in the centre', () => {
  const { x, y, width, height } = inkOf(drawingToImage(SEVEN));
  assert.equal(height, 20);
  assert.ok(width >= 15 && width <= 17, `${width}`);
  // Pictures move by whole pixels, as MNIST's did: their centres are spread evenly round 14.0.
  assert.ok(Math.abs(x - 14) <= 0.51 && Math.abs(y - 14) <= 0.51, `${x} ${y}`);
});

test('direction and order change nothing at all, place and size and sampling rate next to nothing', () => {
  const image = drawingToImage(SEVEN);
  for (const same of [
    reversed(SEVEN),
    reordered(SEVEN),
    reversed(reordered(SEVEN)),
    moved(SEVEN, 2, 64, -32),
  ]) {
    assert.deepEqual(drawingToImage(same), image);
  }
  for (const near of [resampled(SEVEN, 7), moved(SEVEN, 0.01, 1e4, 3), moved(SEVEN, 1e6, 0, 0)]) {
    const other = drawingToImage(near);
    assert.ok(image.every((value, i) => Math.abs(value - other[i]) <= 1));
  }
});

test('strokes do not depend on how it was drawn', () => {
  const rows = drawingToStrokes(SEVEN, { seed: 1 });
  for (const same of [reversed(SEVEN), reordered(SEVEN), resampled(SEVEN, 5)]) {
    assert.deepEqual(drawingToStrokes(same, { seed: 1 }), rows);
  }
});

test('MNIST drawn anew has as much ink, and strokes of the same length and number', async () => {
  const sums = { x: 0, y: 0, before: 0, after: 0, rows: 0, rowsAfter: 0, paths: 0, pathsAfter: 0 };
  for (const { pixels, width, height } of await digits(500)) {
    const rows = imageToStrokes(pixels, width, height, { seed: 0 });
    const lines = penPaths(rows);
    const image = drawingToImage({ lines });
    const again = imageToStrokes(image, 28, 28, { seed: 0 });
    sums.before += inkOf(pixels).mass;
    const { mass, x, y } = inkOf(image);
    sums.after += mass;
    sums.x += x / 500;
    sums.y += y / 500;
    sums.rows += rows.length;
    sums.rowsAfter += again.length;
    sums.paths += lines.length;
    sums.pathsAfter += penPaths(again).length;
  }
  const near = (a: number, b: number, share: number) => assert.ok(Math.abs(a / b - 1) < share, `${a} ${b}`);
  // The mean over all of MNIST is (14.00, 14.00).
  assert.ok(Math.abs(sums.x - 14) < 0.1 && Math.abs(sums.y - 14) < 0.1, `${sums.x} ${sums.y}`);
  near(sums.after, sums.before, 0.02);
  near(sums.rowsAfter, sums.rows, 0.03);
  near(sums.pathsAfter, sums.paths, 0.08);
});

test('in the order of the pen: its way in single steps, lifted between lines only', () => {
  const drawing = { lines: [line([0, 0], [10, 0]), line(), line([0, 10], [10, 10], [10, 5])] };
  const { points, breaks } = decode(drawingToStrokes(drawing, { order: 'pen' }));
  points.forEach(([x, y], n) => {
    if (n === 0 || breaks.includes(n - 1)) return;
    const [u, v] = points[n - 1];
    assert.equal(Math.max(Math.abs(x - u), Math.abs(y - v)), 1, `${n}`);
  });
  assert.equal(breaks.length, 1);
  assert.ok(points[0][0] < points[breaks[0]][0], 'to the right');
  const backwards = decode(drawingToStrokes(reversed(drawing), { order: 'pen' }));
  assert.ok(backwards.points[0][0] > backwards.points[backwards.breaks[0]][0], 'to the left');
  assert.deepEqual(
    drawingToStrokes(resampled({ lines: [drawing.lines[0]] }, 50), { order: 'pen' }),
    drawingToStrokes({ lines: [drawing.lines[0]] }, { order: 'pen' }),
    'whatever the sampling rate',
  );
});

test('nothing drawn, a dot, a flat line', () => {
  for (const order of ['tour', 'pen'] as const) {
    for (const lines of [[], [line()]]) {
      assert.deepEqual([...drawingToStrokes({ lines }, { order })], [0, 0, 1, 1]);
    }
    assert.ok(decode(drawingToStrokes({ lines: [line([5, 0], [900, 0])] }, { order })).points.length > 15);
  }
  const dot = inkOf(drawingToImage({ lines: [line([7, 7])] }));
  assert.ok(dot.mass > 3 && dot.width <= 4);
  assert.equal(decode(drawingToStrokes({ lines: [line([7, 7])] }, { order: 'pen' })).points.length, 1);
});

test('coordinates that are none are refused', () => {
  const refused = (lines: Drawing['lines'], message: RegExp) => {
    for (const order of ['tour', 'pen'] as const) {
      assert.throws(
        () => drawingToStrokes({ lines }, { order }),
        (error) => error instanceof UserError && message.test(error.message),
      );
    }
  };
  refused([line([0, 0], [Number.NaN, 1])], /point 1 of line 0 is at \(NaN, 1\)/);
  refused([line([0, 0]), line([1, Number.POSITIVE_INFINITY])], /point 0 of line 1/);
  refused([{ xs: [1, 2], ys: [1] }], /line 0 has 2 x and 1 y/);
  refused([line([-1.7e308, 0], [1.7e308, 0])], /too far apart/);
});

test('a scribble without end is bounded in the order of the pen', () => {
  const points = Array.from({ length: 100_000 }, (_, n): [number, number] => [(n % 2) * 100, n % 3]);
  assert.throws(
    () => drawingToStrokes({ lines: [line(...points)] }, { order: 'pen' }),
    /more than 16384 steps/,
  );
  assert.ok(drawingToStrokes({ lines: [line(...points)] }).length > 4);
});

test('any drawing gives a picture within 28 × 28 and strokes that can be read', () => {
  const coordinate = fc.oneof(
    fc.integer({ min: -1000, max: 1000 }),
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.constantFrom(0, -0, 5e-324, 1e-300),
  );
  const anyLine = fc
    .array(fc.tuple(coordinate, coordinate), { maxLength: 12 })
    .map((points) => line(...points));
  fc.assert(
    fc.property(fc.array(anyLine, { maxLength: 5 }), (lines) => {
      const image = drawingToImage({ lines });
      const drawn = lines.some(({ xs }) => xs.length > 0);
      assert.equal(
        image.some((value) => value > 0),
        drawn,
      );
      assert.deepEqual(drawingToImage(reversed({ lines })), image);
      for (const order of ['tour', 'pen'] as const) {
        for (const [x, y] of decode(drawingToStrokes({ lines }, { order })).points) {
          assert.ok(x >= 0 && y >= 0 && x < 28 && y < 28);
        }
      }
    }),
    { seed: 8, numRuns: 500 },
  );
});
