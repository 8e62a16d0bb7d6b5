/** Protects reversed and reordered drawings: places do not change, only their order. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { redrawnStrokes } from '#src/data/strokes/redrawn-strokes.js';
import { concatenateStrokes, movesOf } from '#src/data/strokes/stroke-examples.js';
import { UserError } from '#src/user-error.js';
import { anyDrawing, type Drawing, dataOf, drawingOf } from './stroke-drawings.js';

/** A dot, a hook, and a stroke that ends in a jump without a break, like 3 of 100 drawings of the archive. */
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

test('reversed: the last stroke comes first, each from its end', () => {
  const { examples } = dataOf([JUMPING, []]);
  const reversed = redrawnStrokes(examples, 'reversed');
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

test('reordered: the last stroke comes first, each from its beginning', () => {
  const { examples } = dataOf([JUMPING]);
  assert.deepEqual(
    [...redrawnStrokes(examples, 'reordered').moves],
    [
      20, 20, 0, 0, 1, 0, 0, 0, 6, -18, 0, 0, 0, 0, 1, 0, -17, 8, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0,
      -8, -7, 0, 0, 0, 0, 1, 1,
    ],
  );
});

test('any drawings: the same strokes in reverse order; applied twice, the original drawing', () => {
  fc.assert(
    fc.property(fc.array(anyDrawing(9), { minLength: 1, maxLength: 5 }), (drawings) => {
      const { examples } = dataOf(drawings);
      const originals = structuredClone(examples.moves.slice());
      const [reversed, reordered] = [
        redrawnStrokes(examples, 'reversed'),
        redrawnStrokes(examples, 'reordered'),
      ];
      drawings.forEach((drawing, i) => {
        const strokes = [...drawing].reverse();
        assert.deepEqual(
          drawingOf(movesOf(reversed, i)),
          strokes.map((stroke) => [...stroke].reverse()),
        );
        assert.deepEqual(drawingOf(movesOf(reordered, i)), strokes);
      });
      assert.deepEqual(redrawnStrokes(reversed, 'reversed'), examples);
      assert.deepEqual(redrawnStrokes(reordered, 'reordered'), examples);
      assert.deepEqual(examples.moves, originals, 'the originals do not change');
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('the result is in shared memory', () => {
  const { moves, offsets, labels } = redrawnStrokes(dataOf([JUMPING]).examples, 'reversed');
  for (const { buffer } of [moves, offsets, labels]) assert.ok(buffer instanceof SharedArrayBuffer);
});

test('moves in another form than the archive become valid drawings', () => {
  // A break at the start, two breaks in succession, a move with the pen lifted, a point as the last move.
  const odd = Int16Array.from([
    0, 0, 1, 0, 3, 3, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 5, 5, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1,
  ]);
  const reversed = redrawnStrokes(concatenateStrokes([odd], [0], 'test'), 'reversed');
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

test('a move that does not fit into 16 bits is refused', () => {
  const moves = [1, 1, 0, 0, 32767, 0, 0, 0, 32767, 0, 0, 0, 0, 0, 1, 1];
  const far = concatenateStrokes([Int16Array.from([0, 0, 1, 1]), Int16Array.from(moves)], [0, 0], 'test');
  assert.throws(
    () => redrawnStrokes(far, 'reversed'),
    new UserError('strokes reversed: drawing 1 has a move of 65535; at most 32767 is accepted'),
  );
});
