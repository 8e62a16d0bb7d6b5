/** Protects drawings made in reverse and in another order: every place stays, only the order changes, as it should. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatenateStrokes, movesOf } from '#src/data/strokes/stroke-examples.js';
import { reorderedStrokes, reversedStrokes } from '#src/data/strokes/stroke-points.js';
import { UserError } from '#src/user-error.js';
import { anyDrawing, type Drawing, dataOf, drawingOf } from './stroke-drawings.js';

/** A line with an unbroken jump at its end, as 3 of 100 drawings of the archive have it, after a dot and a hook. */
const JUMPING: Drawing = [
  [[3, 4]],
  [
    [10, 10],
    [11, 10],
    [11, 11],
  ],
  [
    [20, 20],
    [21, 20],
    [27, 2],
  ],
];

test('in reverse, the last stroke comes first, each from its end', () => {
  const { examples } = dataOf([JUMPING, []]);
  const reversed = reversedStrokes(examples);
  assert.deepEqual(
    [...reversed.moves],
    [
      27, 2, 0, 0, -6, 18, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, -9, -9, 0, 0, 0, -1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0,
      -7, -6, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1,
    ],
  );
  assert.deepEqual([...reversed.offsets], [0, 10, 11]);
  assert.deepEqual([...reversed.labels], [0, 1]);
});

test('in another order, the last stroke comes first, each from its own beginning', () => {
  const { examples } = dataOf([JUMPING]);
  assert.deepEqual(
    [...reorderedStrokes(examples).moves],
    [
      20, 20, 0, 0, 1, 0, 0, 0, 6, -18, 0, 0, 0, 0, 1, 0, -17, 8, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0,
      -8, -7, 0, 0, 0, 0, 1, 1,
    ],
  );
});

test('any drawings: the same strokes in the order that the name says; twice is as before', () => {
  fc.assert(
    fc.property(fc.array(anyDrawing(9), { minLength: 1, maxLength: 5 }), (drawings) => {
      const { examples } = dataOf(drawings);
      const kept = structuredClone(examples.moves.slice());
      const [reversed, reordered] = [reversedStrokes(examples), reorderedStrokes(examples)];
      drawings.forEach((drawing, i) => {
        const strokes = [...drawing].reverse();
        assert.deepEqual(
          drawingOf(movesOf(reversed, i)),
          strokes.map((stroke) => [...stroke].reverse()),
        );
        assert.deepEqual(drawingOf(movesOf(reordered, i)), strokes);
      });
      assert.deepEqual(reversedStrokes(reversed), examples);
      assert.deepEqual(reorderedStrokes(reordered), examples);
      assert.deepEqual(examples.moves, kept, 'the originals stay as they are');
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('the result is shared between threads', () => {
  const { moves: rows, offsets, labels } = reversedStrokes(dataOf([JUMPING]).examples);
  for (const { buffer } of [rows, offsets, labels]) assert.ok(buffer instanceof SharedArrayBuffer);
});

test('rows that are not quite as the archive has them are put in order', () => {
  // A break before anything, two breaks in a row, a move with the pen lifted, a point as last row.
  const odd = Int16Array.from([
    0, 0, 1, 0, 3, 3, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 5, 5, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1,
  ]);
  const reversed = reversedStrokes(concatenateStrokes([odd], [0], 'test'));
  assert.deepEqual(drawingOf(reversed.moves), [
    [
      [11, 9],
      [10, 9],
    ],
    [
      [4, 3],
      [3, 3],
    ],
  ]);
});

test('a step that 16 bits do not hold is refused', () => {
  const rows = [1, 1, 0, 0, 32767, 0, 0, 0, 32767, 0, 0, 0, 0, 0, 1, 1];
  const far = concatenateStrokes([Int16Array.from([0, 0, 1, 1]), Int16Array.from(rows)], [0, 0], 'test');
  assert.throws(
    () => reversedStrokes(far),
    new UserError('strokes reversed: drawing 1 has a step of 65535; at most 32767 is accepted'),
  );
});
