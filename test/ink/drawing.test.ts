/**
 * Protects drawings: they have MNIST's box, centre and pen width. Direction, order, sampling rate, position and size do
 * not change the picture and its strokes. With order `pen`, the moves follow the pen.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Drawing, drawingToImage, drawingToStrokes } from '#src/ink/drawing.js';
import { imageToStrokes } from '#src/ink/image-to-strokes.js';
import { movesToStrokes } from '#src/ink/render-strokes.js';
import { UserError } from '#src/user-error.js';
import { decode } from './definitions.js';
import { digits } from './images.js';

const stroke = (...points: [number, number][]) => ({
  xs: points.map(([x]) => x),
  ys: points.map(([, y]) => y),
});

/** A seven with a bar, in screen coordinates. */
const SEVEN: Drawing = {
  strokes: [
    stroke([120, 80], [200, 78], [290, 82], [250, 180], [190, 310]),
    stroke([170, 190], [230, 188], [270, 191]),
  ],
};

const reversed = ({ strokes }: Drawing): Drawing => ({
  strokes: strokes.map(({ xs, ys }) => ({ xs: Array.from(xs).reverse(), ys: Array.from(ys).reverse() })),
});
const reordered = ({ strokes }: Drawing): Drawing => ({ strokes: [...strokes].reverse() });

/** The same strokes with `factor` times as many points. */
const resampled = ({ strokes }: Drawing, factor: number): Drawing => ({
  strokes: strokes.map(({ xs, ys }) => {
    const points: [number, number][] = [[xs[0], ys[0]]];
    for (let n = 1; n < xs.length; n++) {
      for (let k = 1; k <= factor; k++) {
        const along = k / factor;
        points.push([xs[n - 1] + (xs[n] - xs[n - 1]) * along, ys[n - 1] + (ys[n] - ys[n - 1]) * along]);
      }
    }
    return stroke(...points);
  }),
});
const moved = ({ strokes }: Drawing, scale: number, dx: number, dy: number): Drawing => ({
  strokes: strokes.map(({ xs, ys }) => ({
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

test('the longer side is 20 pixels, proportions are kept, the centre of mass is at the centre', () => {
  const { x, y, width, height } = inkOf(drawingToImage(SEVEN));
  assert.equal(height, 20);
  assert.ok(width >= 15 && width <= 17, `${width}`);
  // Pictures move by whole pixels, as MNIST's did: their centres of mass are up to half a pixel from 14.0.
  assert.ok(Math.abs(x - 14) <= 0.51 && Math.abs(y - 14) <= 0.51, `${x} ${y}`);
});

test('direction and order change no pixel; position, size and sampling rate change a pixel by at most 1', () => {
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

test('strokes do not depend on direction, order and sampling rate of the pen', () => {
  const moves = drawingToStrokes(SEVEN, { seed: 1 });
  for (const same of [reversed(SEVEN), reordered(SEVEN), resampled(SEVEN, 5)]) {
    assert.deepEqual(drawingToStrokes(same, { seed: 1 }), moves);
  }
});

test('redrawn MNIST digits have as much ink, and as many moves and strokes', async () => {
  const sums = { x: 0, y: 0, before: 0, after: 0, values: 0, valuesAfter: 0, strokes: 0, strokesAfter: 0 };
  for (const { pixels, width, height } of await digits(500)) {
    const moves = imageToStrokes(pixels, width, height, { seed: 0 });
    const strokes = movesToStrokes(moves);
    const image = drawingToImage({ strokes });
    const again = imageToStrokes(image, 28, 28, { seed: 0 });
    sums.before += inkOf(pixels).mass;
    const { mass, x, y } = inkOf(image);
    sums.after += mass;
    sums.x += x / 500;
    sums.y += y / 500;
    sums.values += moves.length;
    sums.valuesAfter += again.length;
    sums.strokes += strokes.length;
    sums.strokesAfter += movesToStrokes(again).length;
  }
  const near = (a: number, b: number, share: number) => assert.ok(Math.abs(a / b - 1) < share, `${a} ${b}`);
  // The mean over all of MNIST is (14.00, 14.00).
  assert.ok(Math.abs(sums.x - 14) < 0.1 && Math.abs(sums.y - 14) < 0.1, `${sums.x} ${sums.y}`);
  near(sums.after, sums.before, 0.02);
  near(sums.valuesAfter, sums.values, 0.03);
  near(sums.strokesAfter, sums.strokes, 0.08);
});

test('order pen: the moves follow the pen from pixel to pixel, lifted between strokes only', () => {
  const drawing = { strokes: [stroke([0, 0], [10, 0]), stroke(), stroke([0, 10], [10, 10], [10, 5])] };
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
    drawingToStrokes(resampled({ strokes: [drawing.strokes[0]] }, 50), { order: 'pen' }),
    drawingToStrokes({ strokes: [drawing.strokes[0]] }, { order: 'pen' }),
    'with any sampling rate',
  );
});

test('an empty drawing, a dot, a horizontal stroke', () => {
  for (const order of ['tour', 'pen'] as const) {
    for (const strokes of [[], [stroke()]]) {
      assert.deepEqual([...drawingToStrokes({ strokes }, { order })], [0, 0, 1, 1]);
    }
    assert.ok(
      decode(drawingToStrokes({ strokes: [stroke([5, 0], [900, 0])] }, { order })).points.length > 15,
    );
  }
  const dot = inkOf(drawingToImage({ strokes: [stroke([7, 7])] }));
  assert.ok(dot.mass > 3 && dot.width <= 4);
  assert.equal(decode(drawingToStrokes({ strokes: [stroke([7, 7])] }, { order: 'pen' })).points.length, 1);
});

test('coordinates that are not finite numbers are refused', () => {
  const refused = (strokes: Drawing['strokes'], message: RegExp) => {
    for (const order of ['tour', 'pen'] as const) {
      assert.throws(
        () => drawingToStrokes({ strokes }, { order }),
        (error) => error instanceof UserError && message.test(error.message),
      );
    }
  };
  refused([stroke([0, 0], [Number.NaN, 1])], /point 1 of stroke 0 is at \(NaN, 1\)/);
  refused([stroke([0, 0]), stroke([1, Number.POSITIVE_INFINITY])], /point 0 of stroke 1/);
  refused([{ xs: [1, 2], ys: [1] }], /stroke 0 has 2 x and 1 y/);
  refused([stroke([-1.7e308, 0], [1.7e308, 0])], /too far apart/);
});

test('order pen refuses a drawing of too many moves', () => {
  const points = Array.from({ length: 100_000 }, (_, n): [number, number] => [(n % 2) * 100, n % 3]);
  assert.throws(
    () => drawingToStrokes({ strokes: [stroke(...points)] }, { order: 'pen' }),
    /more than 16384 moves/,
  );
  assert.ok(drawingToStrokes({ strokes: [stroke(...points)] }).length > 4);
});

test('any drawing gives a picture of 28 × 28 and moves that can be decoded', () => {
  const coordinate = fc.oneof(
    fc.integer({ min: -1000, max: 1000 }),
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.constantFrom(0, -0, 5e-324, 1e-300),
  );
  const anyStroke = fc
    .array(fc.tuple(coordinate, coordinate), { maxLength: 12 })
    .map((points) => stroke(...points));
  fc.assert(
    fc.property(fc.array(anyStroke, { maxLength: 5 }), (strokes) => {
      const image = drawingToImage({ strokes });
      const drawn = strokes.some(({ xs }) => xs.length > 0);
      assert.equal(
        image.some((value) => value > 0),
        drawn,
      );
      assert.deepEqual(drawingToImage(reversed({ strokes })), image);
      for (const order of ['tour', 'pen'] as const) {
        for (const [x, y] of decode(drawingToStrokes({ strokes }, { order })).points) {
          assert.ok(x >= 0 && y >= 0 && x < 28 && y < 28);
        }
      }
    }),
    { seed: 8, numRuns: 500 },
  );
});

test('in the order of the pen, a hand that trembles at the edge of a pixel adds no moves', () => {
  const [xs, ys] = [[0], [0]];
  for (let k = 1; k <= 100; k++) {
    xs.push(k);
    ys.push(k);
    // 100 units are 17.6 pixels: a fifth of a pixel to and fro.
    for (let report = 0; report < 30; report++) {
      xs.push(k + (report % 2 === 0 ? 0.6 : -0.6));
      ys.push(k);
    }
  }
  const steady = decode(drawingToStrokes({ strokes: [stroke([0, 0], [100, 100])] }, { order: 'pen' }));
  const trembling = decode(drawingToStrokes({ strokes: [{ xs, ys }] }, { order: 'pen' }));
  assert.ok(trembling.points.length <= 1.5 * steady.points.length, `${trembling.points.length} points`);
});
