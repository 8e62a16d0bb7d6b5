/** Protects drawings as points: the simplified form of Quick, Draw!, which stays as it is, and its limit of moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Drawing } from '#src/ink/drawing.js';
import { movesToStrokes } from '#src/ink/render-strokes.js';
import { MAX_POINT_MOVES, POINTS_SIDE, pointMoves } from '#src/ink/simplify.js';

const pointsOf = (moves: Int16Array) => movesToStrokes(moves).map(({ xs, ys }) => [[...xs], [...ys]]);
const drawingOf = (...strokes: [number[], number[]][]): Drawing => ({
  strokes: strokes.map(([xs, ys]) => ({ xs, ys })),
});

test('a simplified drawing keeps every point', () => {
  const strokes: [number[], number[]][] = [
    [
      [0, 10, 255],
      [3, 4, 9],
    ],
    [[17], [0]],
  ];
  const moves = pointMoves(drawingOf(...strokes));
  assert.deepEqual(pointsOf(moves), strokes);
  assert.deepEqual([...moves.subarray(0, 4)], [1, 4, 0, 0]);
  assert.deepEqual([...moves.subarray(-12)], [...[0, 0, 1, 0], ...[-238, -9, 0, 0], ...[0, 0, 1, 1]]);
});

test('a drawing of whole pixels whose points lie as dense as a pen gives them is simplified', () => {
  const circle = Array.from({ length: 201 }, (_, n) => (2 * Math.PI * n) / 200);
  const dense = (size: number): [number[], number[]] => [
    circle.map((angle) => Math.round((size / 2) * (1 + Math.cos(angle)))),
    circle.map((angle) => Math.round((size / 2) * (1 + Math.sin(angle)))),
  ];
  for (const size of [255, 2550]) {
    const [[xs]] = pointsOf(pointMoves(drawingOf(dense(size))));
    assert.ok(xs.length > 16 && xs.length < 40, `${xs.length} points`);
  }
  // It is simplified once.
  const moves = pointMoves(drawingOf(dense(255)));
  assert.deepEqual(pointMoves({ strokes: movesToStrokes(moves) }), moves);
});

test('others are moved and scaled into 0 to 255, and lose points beside a line', () => {
  // A line with a point 1 of 1000 beside it, and a corner.
  const moves = pointMoves(
    drawingOf([
      [-500, 0, 500, 500],
      [7, 8, 7, 507],
    ]),
  );
  assert.deepEqual(pointsOf(moves), [
    [
      [0, 255, 255],
      [0, 0, 128],
    ],
  ]);
});

test('a drawing of one place is a point; one of nothing has no point', () => {
  assert.deepEqual(
    [
      ...pointMoves(
        drawingOf([
          [3, 3],
          [9, 9],
        ]),
      ),
    ],
    [1, 1, 0, 0, 0, 0, 1, 1],
  );
  assert.deepEqual([...pointMoves(drawingOf([[], []]))], [0, 0, 1, 1]);
  assert.deepEqual([...pointMoves(drawingOf())], [0, 0, 1, 1]);
});

test('no drawing has more than 256 moves, and every stroke that fits is there', () => {
  const zigzag = Array.from({ length: 5000 }, (_, n) => n);
  const long = pointMoves(drawingOf([zigzag, zigzag.map((n) => (n % 2) * 4000)]));
  assert.ok(long.length / 4 <= MAX_POINT_MOVES && long.length / 4 > 20, `${long.length / 4} moves`);
  const dots = pointMoves(drawingOf(...zigzag.slice(0, 1000).map((n): [number[], number[]] => [[n], [n]])));
  assert.equal(dots.length / 4, MAX_POINT_MOVES);
  assert.deepEqual([...dots.subarray(-4)], [0, 0, 1, 1]);
});

test('points lie within the picture, differ within a stroke, and stay when simplified again', () => {
  const coordinate = fc.oneof(
    fc.integer({ min: -50, max: 50 }),
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  );
  const stroke = fc.array(fc.tuple(coordinate, coordinate), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(stroke, { maxLength: 8 }), (strokes) => {
      const drawing = drawingOf(
        ...strokes.map((points): [number[], number[]] => [points.map(([x]) => x), points.map(([, y]) => y)]),
      );
      const found = pointsOf(pointMoves(drawing));
      for (const [xs, ys] of found) {
        for (const value of [...xs, ...ys]) assert.ok(value >= 0 && value < POINTS_SIDE, String(value));
        xs.forEach((x, n) => {
          assert.ok(n === 0 || x !== xs[n - 1] || ys[n] !== ys[n - 1]);
        });
      }
      const all = found.flat(2);
      if (new Set(all).size < 2) return; // A point is placed at the corner, and stays there.
      assert.deepEqual(pointsOf(pointMoves(drawingOf(...(found as [number[], number[]][])))), found);
    }),
    { seed: 1, numRuns: 300 },
  );
});
