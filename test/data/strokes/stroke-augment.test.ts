/**
 * Protects varied strokes: with all amounts 0 they are bit-identical to the originals; with any amounts they are valid
 * drawings of the same strokes; variations depend only on seed, epoch and sample.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Augmentation } from '#src/data/augmentation.js';
import { packBatch } from '#src/data/sequences/batch.js';
import { AugmentedStrokes } from '#src/data/strokes/stroke-augment.js';
import { concatenateStrokes } from '#src/data/strokes/stroke-examples.js';
import { StrokeSequences } from '#src/data/strokes/stroke-sequences.js';
import {
  anyDrawing,
  dataOf,
  drawingOf,
  draws,
  movesFrom,
  openVaried,
  type Place,
  readAlone,
  straight,
} from './stroke-drawings.js';

const ORDER: (keyof Augmentation)[] = ['reverse', 'shuffle', 'flip'];
/** Amounts as for training, and others. */
const STRONG: Augmentation = {
  rotation: 12,
  scale: 0.15,
  shear: 0.15,
  shift: 2,
  elastic: 0,
  thickness: 1,
  jitter: 0.25,
  drop: 0.1,
  resample: 0.3,
  reverse: 0.5,
  shuffle: 0.5,
  flip: 0.5,
  until: Number.POSITIVE_INFINITY,
};

test('with all amounts 0, a batch is bit-identical to StrokeSequences', () => {
  fc.assert(
    fc.property(
      fc.array(anyDrawing(3), { minLength: 1, maxLength: 6 }),
      fc.constantFrom(1, 0.3, 1 / 28),
      fc.constantFrom('tour' as const, 'pen' as const),
      fc.constantFrom(0, 1e-300),
      (drawings, scale, order, amount) => {
        const data = dataOf(drawings, { scale, order });
        const plain = new StrokeSequences(data);
        // With 0, moves are copied; with probabilities near 0, they are converted to points and back.
        const source = openVaried(data, { reverse: amount, shuffle: amount, flip: amount });
        assert.equal(source.maxSteps, plain.maxSteps);
        const indices = Int32Array.from([...drawings.keys(), 0]);
        const drawn = source.draw(indices, 3);
        assert.deepEqual([drawn.count, drawn.inputSize], [indices.length, 4]);
        indices.forEach((i, n) => {
          assert.equal(drawn.labelOf(n), plain.labelOf(i));
          assert.deepEqual(readAlone(drawn, n), readAlone(plain, i));
        });
      },
    ),
    { seed: 2, numRuns: 100 },
  );
});

test('moves in another form than the archive are unchanged with all amounts 0, and fit into maxSteps', () => {
  // A break at the start, two breaks, a move with the pen lifted, a point as the last move.
  const odd = Int16Array.from([
    0, 0, 1, 0, 3, 3, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 5, 5, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1,
  ]);
  const pointAtLast = Int16Array.from([3, 3, 0, 0, 1, 0, 0, 1]);
  const movesAfterEnd = Int16Array.from([3, 3, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1]);
  for (const moves of [odd, pointAtLast, movesAfterEnd]) {
    const data = { ...dataOf([[]]), examples: concatenateStrokes([moves], [0], 'test') };
    assert.deepEqual(
      readAlone(openVaried(data, {}).draw(Int32Array.of(0), 1), 0),
      readAlone(new StrokeSequences(data), 0),
    );
    const source = openVaried(data, { reverse: 1 });
    const reversed = source.draw(Int32Array.of(0), 1);
    assert.ok(reversed.lengthOf(0) <= source.maxSteps);
    assert.equal(drawingOf(readAlone(reversed, 0)).flat().length, moves === odd ? 4 : 2);
  }
});

test('with any amounts, a drawing is valid, has all strokes, and fits into maxSteps', () => {
  const amount = (max: number) => fc.oneof(fc.constant(0), fc.double({ min: 0, max, noNaN: true }));
  const amounts = fc.record({
    rotation: amount(180),
    scale: amount(4),
    shear: amount(4),
    shift: amount(1000),
    elastic: amount(5),
    jitter: amount(1000),
    drop: amount(1),
    resample: amount(4),
    reverse: amount(1),
    shuffle: amount(1),
    flip: amount(1),
  });
  fc.assert(
    fc.property(
      fc.array(anyDrawing(4), { minLength: 1, maxLength: 4 }),
      amounts,
      fc.constantFrom('tour' as const, 'pen' as const),
      fc.nat(),
      (drawings, augmentation, order, epoch) => {
        const source = openVaried(dataOf(drawings, { order }), augmentation);
        const drawn = source.draw(Int32Array.from(drawings.keys()), epoch);
        drawings.forEach((drawing, i) => {
          const moves = readAlone(drawn, i);
          const strokes = drawingOf(moves);
          assert.ok(moves.length / 4 <= drawn.maxSteps && drawn.maxSteps <= source.maxSteps);
          assert.equal(strokes.length, drawing.length);
          assert.deepEqual(moves, source.movesOf(i, epoch));
          if (augmentation.resample === 0) {
            assert.ok(strokes.flat().length <= drawing.flat().length);
          }
        });
      },
    ),
    { seed: 3, numRuns: 300 },
  );
});

test('orders: every stroke occurs once, in its own direction or reversed; no point moves', () => {
  const text = (stroke: Place[]) => stroke.join(' ');
  const either = (stroke: Place[]) => [text(stroke), text([...stroke].reverse())].sort()[0];
  fc.assert(
    fc.property(anyDrawing(3), fc.subarray(ORDER, { minLength: 1 }), fc.nat(), (drawing, used, seed) => {
      const amounts = Object.fromEntries(used.map((key) => [key, 0.7]));
      for (const drawn of draws(drawing, amounts, 4, seed)) {
        assert.deepEqual(drawn.map(either).sort(), drawing.map(either).sort());
        if (!used.includes('shuffle')) {
          const [there, back] = [drawing.map(either), drawing.map(either).reverse()].map(String);
          assert.ok([there, back].includes(String(drawn.map(either))));
        }
        if (String(used) === 'shuffle') assert.deepEqual(drawn.map(text).sort(), drawing.map(text).sort());
        if (String(used) === 'reverse' && text(drawn.flat()) !== text(drawing.flat())) {
          assert.equal(text(drawn.flat()), text(drawing.flat().reverse()));
        }
      }
    }),
    { seed: 4, numRuns: 200 },
  );
});

test('variations depend only on seed, epoch and sample, not on batches, their order or earlier calls', () => {
  fc.assert(
    fc.property(
      fc.array(anyDrawing(2), { minLength: 2, maxLength: 8 }),
      fc.nat(),
      fc.infiniteStream(fc.nat()),
      (drawings, seed, choices) => {
        const data = dataOf(drawings);
        const all = openVaried(data, STRONG, seed).draw(Int32Array.from(drawings.keys()), 5);
        const posted = structuredClone({ data, augmentation: STRONG, seed });
        const other = new AugmentedStrokes(posted);
        const next = () => (choices.next().value as number) % drawings.length;
        for (let batch = 0; batch < 5; batch++) {
          other.draw(Int32Array.of(next(), next()), batch);
          const indices = Int32Array.from({ length: 1 + next() }, next);
          const drawn = other.draw(indices, 5);
          indices.forEach((i, n) => {
            assert.deepEqual(readAlone(drawn, n), readAlone(all, i));
            assert.equal(drawn.labelOf(n), data.examples.labels[i]);
          });
        }
      },
    ),
    { seed: 5, numRuns: 60 },
  );
});

test('epochs, samples and seeds differ', () => {
  const drawing = [straight(20), straight(9, [3, 20])];
  const data = dataOf([drawing, drawing]);
  const seen = new Set<string>();
  for (const seed of [1, 2, 2 ** 33 + 1]) {
    for (const epoch of [1, 2]) {
      for (const i of [0, 1]) seen.add(String(openVaried(data, { rotation: 5 }, seed).movesOf(i, epoch)));
    }
  }
  assert.equal(seen.size, 12);
});

test('each amount has separate random numbers: its effect does not depend on the other amounts', () => {
  const drawing = [straight(20), straight(9, [3, 20])];
  const firstPlace = (amounts: Partial<Augmentation>) => draws(drawing, amounts, 5).map(([[place]]) => place);
  const turned = { rotation: 20, shift: 2 };
  assert.deepEqual(firstPlace({ ...turned, drop: 0.5, resample: 0.5 }), firstPlace(turned));
});

test('varied strokes are packed into a batch', () => {
  const drawings = [[straight(3)], [straight(30, [1, 2])], [], [straight(5, [4, 4]), straight(2, [8, 8])]];
  const source = openVaried(dataOf(drawings, { scale: 0.5 }), STRONG);
  const drawn = source.draw(Int32Array.of(3, 0, 2, 1), 2);
  const steps = source.maxSteps;
  const batch = packBatch(drawn, Int32Array.of(0, 1, 2, 3), {
    inputs: new Float32Array(4 * steps * 4),
    batchSizes: new Int32Array(steps),
    rowStarts: new Int32Array(steps),
    labels: new Int32Array(4),
    order: new Int32Array(4),
  });
  assert.equal(batch.steps, drawn.maxSteps);
  assert.deepEqual([...batch.order], [3, 0, 1, 2]);
  assert.deepEqual([...batch.labels], [1, 3, 0, 2]);
  // The preprocessing's scale multiplies differences; the test compares pixels.
  const rows = source.movesOf(1, 2);
  for (let t = 0; t < drawn.lengthOf(3); t++) {
    const at = batch.rowStarts[t] * 4;
    const step = [...batch.inputs.subarray(at, at + 4)];
    const [dx, dy, eos, eod] = rows.subarray(4 * t, 4 * t + 4);
    // Halving is exact, whether before or after rounding to float32.
    assert.deepEqual(step, [dx / 2, dy / 2, eos, eod]);
  }
});

test('missing samples and empty data are refused', () => {
  const source = openVaried(dataOf([[straight(3)]]), STRONG);
  for (const i of [-1, 1, Number.NaN]) {
    assert.throws(() => source.movesOf(i, 1), /augmentation: sample .* of 1/);
  }
  assert.throws(() => source.draw(Int32Array.of(1), 1), /augmentation: sample 1 of 1/);
  const none = { ...dataOf([[]]), examples: concatenateStrokes([], [], 'x') };
  assert.throws(() => openVaried(none, STRONG), /there are no strokes/);
  assert.deepEqual([...openVaried(dataOf([[]]), STRONG).movesOf(0, 1)], [...movesFrom([])]);
});
