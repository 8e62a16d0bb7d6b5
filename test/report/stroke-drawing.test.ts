/**
 * Protects the drawings of strokes: they are complete, their colours follow the pen, gaps are left where the pen was
 * lifted, and drawings of any size are inside their square.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { light } from '#src/report/palette.js';
import { fitSquare, strokeShapes } from '#src/report/stroke-drawing.js';
import { maskSvg, type StrokeShape, shapesSvg } from '#src/report/stroke-shapes.js';
import { assertWellFormed } from './svg.js';

type Point = readonly [number, number];
const stroke = (...points: Point[]) => ({ xs: points.map(([x]) => x), ys: points.map(([, y]) => y) });
const place = { x: 0, y: 0, cell: 1, pen: 0.5 };

const polylines = (shapes: StrokeShape[]) =>
  shapes.flatMap((shape) => (shape.shape === 'polyline' ? [shape] : []));
const dots = (shapes: StrokeShape[]) => shapes.flatMap((shape) => (shape.shape === 'dot' ? [shape] : []));
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const lengthOf = (points: readonly Point[]) =>
  sum(points.slice(1).map(([x, y], n) => Math.hypot(x - points[n][0], y - points[n][1])));

test('a long segment gets all colours in order, in equal parts', () => {
  const drawn = polylines(strokeShapes([stroke([0, 0], [24, 0])], place));
  assert.deepEqual(
    drawn.map(({ color }) => color),
    light.pen,
  );
  for (const { points } of drawn) assert.ok(Math.abs(lengthOf(points) - 2) < 1e-9);
});

test('colours continue from stroke to stroke, and no polyline crosses a gap', () => {
  const drawn = polylines(strokeShapes([stroke([0, 0], [6, 0]), stroke([20, 0], [26, 0])], place));
  assert.deepEqual(
    drawn.map(({ color }) => color),
    light.pen,
  );
  for (const { points } of drawn) {
    assert.ok(points.every(([x]) => x <= 6) || points.every(([x]) => x >= 20), JSON.stringify(points));
  }
});

test('a ring at the first point, a dot at the last, small dots where the pen was lifted', () => {
  const found = dots(strokeShapes([stroke([1, 2], [3, 2]), stroke([9, 2], [9, 5])], place));
  const [end, ring] = found.slice(-2);
  assert.deepEqual([ring.at, ring.outline?.color, ring.fill], [[1, 2], light.pen[0], light.surface]);
  assert.deepEqual([end.at, end.fill, end.outline], [[9, 5], light.pen.at(-1), undefined]);
  const gap = found.slice(0, -2);
  assert.ok(gap.length > 2 && gap.every(({ at: [x, y] }) => x > 3 && x < 9 && y === 2));
  assert.ok(gap.every(({ radius, fill }) => radius < end.radius / 3 && fill === light.muted));
  assert.equal(dots(strokeShapes([stroke([1, 2], [3, 2])], place)).length, 2, 'no gap, no dots');
});

test('a stroke of one point is a dot, a drawing without points is empty', () => {
  const shapes = strokeShapes([stroke([0, 0], [1, 0]), stroke([1.5, 3]), stroke([5, 5], [6, 5])], place);
  assert.ok(dots(shapes).some(({ at, radius }) => at[0] === 1.5 && at[1] === 3 && radius === place.pen / 2));
  assert.deepEqual(strokeShapes([], place), []);
  assert.deepEqual(strokeShapes([stroke()], place), []);
});

test('a drawing is centred and fills its square; a small one is not enlarged', () => {
  const digit = fitSquare([stroke([5, 4], [14, 24])], 100);
  const at = ({ x, y, cell }: typeof digit, [column, row]: Point) => [x + cell * column, y + cell * row];
  const close = (found: number[], expected: number[]) =>
    found.forEach((value, n) => {
      assert.ok(Math.abs(value - expected[n]) < 1e-9, `${found}, not ${expected}`);
    });
  close(at(digit, [9.5, 14]), [50, 50]);
  close([at(digit, [5, 4])[1], at(digit, [14, 24])[1]], [11, 89]);
  const large = fitSquare([stroke([500, 400], [1400, 2400])], 100);
  close(at(large, [950, 1400]), [50, 50]);
  assert.ok(large.pen >= 2, 'the pen is wide enough to be visible');
  const point = fitSquare([stroke([3, 3])], 100);
  close(at(point, [3, 3]), [50, 50]);
  assert.ok(point.cell < 10 && point.pen < 5);
});

test('any strokes: complete, inside their square, colours in order, without NaN', () => {
  const coordinate = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: -32768, max: 32767 }));
  const anyStroke = fc
    .array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 12 })
    .map((points) => stroke(...points));
  fc.assert(
    fc.property(fc.array(anyStroke, { maxLength: 5 }), (strokes) => {
      const placement = fitSquare(strokes, 100);
      const shapes = strokeShapes(strokes, placement);
      const drawn = polylines(shapes);
      const shades = drawn.map(({ color }) => light.pen.indexOf(color));
      assert.deepEqual(
        shades,
        shades.toSorted((a, b) => a - b),
      );
      const expected = sum(strokes.map(({ xs, ys }) => lengthOf(xs.map((x, n) => [x, ys[n]]))));
      const found = sum(drawn.map(({ points }) => lengthOf(points)));
      assert.ok(
        Math.abs(found - expected * placement.cell) <= 1e-6 * (1 + found),
        `${found} of ${expected * placement.cell}`,
      );
      const inside = (value: number) => value >= 10.9 && value <= 89.1;
      for (const shape of shapes) {
        for (const point of shape.shape === 'polyline' ? shape.points : [shape.at])
          assert.ok(point.every(inside));
      }
      const svg = shapesSvg(shapes);
      assertWellFormed(svg);
      assert.ok(!/NaN|Infinity|undefined/.test(svg));
    }),
    { seed: 4, numRuns: 200 },
  );
});

test('a mask is a bar for each run of ink', () => {
  const mask = { width: 3, height: 2, pixels: [1, 1, 0, 0, 0, 1] };
  assert.equal(
    maskSvg(mask, { x: 1, y: 1, cell: 2 }, '#000000'),
    '<path d="M0 0h4v2h-4zM4 2h2v2h-2z" fill="#000000"/>',
  );
});
