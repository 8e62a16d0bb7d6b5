/** Protects strokes as sequences: every move is a step, scaled by the preprocessing, also in worker threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packBatch } from '#src/data/sequences/batch.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import {
  DEFAULT_STROKE_PREPROCESSING,
  readStrokePreprocessing,
} from '#src/data/strokes/stroke-preprocessing.js';
import { StrokeSequences } from '#src/data/strokes/stroke-sequences.js';
import { UserError } from '#src/user-error.js';

const examples = concatenateStrokes(
  [
    Int16Array.from([3, 4, 0, 0, 0, 0, 1, 1]),
    Int16Array.from([5, -6, 0, 0, 0, 0, 1, 0, 7, 8, 0, 0, 0, 0, 1, 1]),
    Int16Array.from([0, 0, 1, 1]),
  ],
  [2, 0, 1],
  'test',
);
const data = { name: 'test', examples, preprocessing: { ...DEFAULT_STROKE_PREPROCESSING } };

test('lengths, labels, and a packed batch', () => {
  const source = new StrokeSequences(data);
  assert.deepEqual([source.count, source.inputSize, source.maxSteps], [3, 4, 4]);
  assert.deepEqual(
    [0, 1, 2].map((i) => source.lengthOf(i)),
    [2, 4, 1],
  );
  const batch = packBatch(source, Int32Array.of(0, 1, 2), {
    inputs: new Float32Array(7 * 4),
    batchSizes: new Int32Array(4),
    rowStarts: new Int32Array(4),
    labels: new Int32Array(3),
    order: new Int32Array(3),
  });
  assert.deepEqual([...batch.batchSizes], [3, 2, 1, 1]);
  assert.deepEqual([...batch.order], [1, 0, 2]);
  assert.deepEqual([...batch.labels], [0, 2, 1]);
  assert.deepEqual(
    [...batch.inputs],
    [
      5,
      -6,
      0,
      0,
      3,
      4,
      0,
      0,
      0,
      0,
      1,
      1, //
      0,
      0,
      1,
      0,
      0,
      0,
      1,
      1,
      7,
      8,
      0,
      0,
      0,
      0,
      1,
      1,
    ],
  );
});

test('dx and dy are scaled, the flags are not', () => {
  const source = new StrokeSequences({
    ...structuredClone(data),
    preprocessing: { ...data.preprocessing, scale: 0.5 },
  });
  const target = new Float32Array(8);
  source.read(0, target, Int32Array.of(0, 1), 0);
  assert.deepEqual([...target], [1.5, 2, 0, 0, 0, 0, 1, 1]);
});

test('a thread gets the same memory', () => {
  const { examples: clone } = structuredClone(data);
  assert.equal(clone.moves.buffer instanceof SharedArrayBuffer, true);
  examples.moves[0] = 9;
  assert.equal(clone.moves[0], 9);
  examples.moves[0] = 3;
});

test('no examples, and examples without moves, are refused', () => {
  const none = { ...data, examples: concatenateStrokes([], [], 'x') };
  assert.throws(() => new StrokeSequences(none), /"test": there are no strokes/);
  const empty = { ...data, examples: concatenateStrokes([new Int16Array(0)], [0], 'x') };
  assert.throws(() => new StrokeSequences(empty), /sequence 0 has no moves/);
});

test('stored preprocessing is read back; invalid preprocessing is refused with the reason', () => {
  const stored = { ...DEFAULT_STROKE_PREPROCESSING, order: 'pen', scale: 0.25 };
  assert.deepEqual(readStrokePreprocessing(JSON.parse(JSON.stringify(stored)), 'm'), stored);
  for (const [change, message] of [
    [{ kind: 'images' }, /^m: preprocessing: "kind": expected one of strokes, found "images"$/],
    [{ width: 0 }, /"width": expected a whole number from 1 to 32767, found 0$/],
    [{ height: undefined }, /"height": expected .* found nothing$/],
    [{ order: 'any' }, /"order": expected one of tour, pen, points, found "any"$/],
    [{ scale: Number.NaN }, /"scale": expected a number above 0 .* found NaN$/],
    [{ scale: 1e-60 }, /"scale": expected a number above 0/],
    [{ scale: 1e37 }, /"scale": expected a number above 0 that keeps moves finite in float32, found 1e\+37$/],
    [{ scale: { toString: 1 } }, /"scale": expected .* found an object$/],
  ] as const) {
    assert.throws(
      () => readStrokePreprocessing({ ...stored, ...change }, 'm'),
      (error) => error instanceof UserError && message.test(error.message),
    );
  }
});
