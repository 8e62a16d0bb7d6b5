/**
 * Protects packing: every value of every sequence is written to the row that PyTorch's pack_padded_sequence gives it,
 * and nothing else is written.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BatchBuffers, packBatch, packPadded } from '#src/data/sequences/batch.js';
import type { SequenceSource } from '#src/data/sequences/sequence.js';
import { UserError } from '#src/user-error.js';

const GUARD = -12345;

/** Buffers larger than needed, filled with values that must not be read. */
function buffers(batch: number, steps: number, values: number): BatchBuffers {
  return {
    inputs: new Float32Array(values + 5).fill(GUARD),
    batchSizes: new Int32Array(steps + 5).fill(GUARD),
    rowStarts: new Int32Array(steps + 5).fill(GUARD),
    labels: new Int32Array(batch + 5).fill(GUARD),
    order: new Int32Array(batch + 5).fill(GUARD),
  };
}

/** Sequences of these lengths; step t of sequence i holds 1000·i + 10·t + column. */
class Sequences implements SequenceSource {
  readonly count: number;
  readonly maxSteps: number;
  constructor(
    readonly lengths: number[],
    readonly inputSize: number,
  ) {
    this.count = lengths.length;
    this.maxSteps = Math.max(1, ...lengths);
  }
  lengthOf(i: number) {
    return this.lengths[i];
  }
  labelOf(i: number) {
    return i + 500;
  }
  read(i: number, target: Float32Array, rowStarts: Int32Array, column: number) {
    for (let t = 0; t < this.lengths[i]; t++) {
      for (let j = 0; j < this.inputSize; j++) {
        target[(rowStarts[t] + column) * this.inputSize + j] = 1000 * i + 10 * t + j;
      }
    }
  }
}

test('a batch by hand: sorted by length, longest first, stable; time-major without padding', () => {
  // The result of torch.nn.utils.rnn.pack_sequence with enforce_sorted=False.
  const source = new Sequences([2, 9, 3, 1, 3], 1);
  const target = buffers(4, 9, 9);
  const packed = packBatch(source, Int32Array.of(0, 2, 3, 4), target);
  assert.deepEqual([packed.batchSize, packed.steps, packed.rows], [4, 3, 9]);
  assert.deepEqual([...packed.batchSizes], [4, 3, 2]);
  assert.deepEqual([...packed.rowStarts], [0, 4, 7]);
  assert.deepEqual([...packed.order], [1, 3, 0, 2]);
  assert.deepEqual([...packed.labels], [502, 504, 500, 503]);
  assert.deepEqual([...packed.inputs], [2000, 4000, 0, 3000, 2010, 4010, 10, 2020, 4020]);
  assert.equal(packed.inputs.buffer, target.inputs.buffer);
});

const lengthLists = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 });

test('any batch: each value in its row, each row once, nothing beyond', () => {
  fc.assert(
    fc.property(lengthLists, fc.integer({ min: 1, max: 3 }), (lengths, inputSize) => {
      const source = new Sequences(lengths, inputSize);
      const indices = Int32Array.from(lengths, (_, i) => lengths.length - 1 - i);
      const rows = lengths.reduce((sum, length) => sum + length, 0);
      const target = buffers(lengths.length, source.maxSteps, rows * inputSize);
      const packed = packBatch(source, indices, target);

      assert.equal(packed.rows, rows);
      assert.equal(packed.steps, Math.max(...lengths));
      assert.equal(
        packed.batchSizes.reduce((sum, size) => sum + size, 0),
        rows,
      );
      const sorted = [...packed.order].map((position) => lengths[indices[position]]);
      assert.deepEqual(
        sorted,
        [...sorted].sort((a, b) => b - a),
      );
      for (let b = 1; b < packed.order.length; b++) {
        if (sorted[b] === sorted[b - 1]) assert.ok(packed.order[b] > packed.order[b - 1], 'stable');
      }
      let expected: number[] = [];
      for (let t = 0; t < packed.steps; t++) {
        for (let b = 0; b < packed.batchSizes[t]; b++) {
          const i = indices[packed.order[b]];
          assert.ok(t < lengths[i]);
          assert.equal(packed.labels[b], i + 500);
          expected = expected.concat(Array.from({ length: inputSize }, (_, j) => 1000 * i + 10 * t + j));
        }
      }
      assert.deepEqual([...packed.inputs], expected);
      for (const name of ['inputs', 'batchSizes', 'rowStarts', 'labels', 'order'] as const) {
        assert.ok(
          target[name].subarray(packed[name].length).every((value) => value === GUARD),
          name,
        );
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('a padded batch is packed to the same rows for any padding, and is not changed', () => {
  fc.assert(
    fc.property(
      lengthLists,
      fc.integer({ min: 1, max: 3 }),
      fc.nat({ max: 2 }),
      (lengths, inputSize, extra) => {
        const source = new Sequences(lengths, inputSize);
        const batchSize = lengths.length;
        const steps = source.maxSteps + extra;
        const inputs = new Float32Array(batchSize * steps * inputSize).fill(Number.NaN);
        lengths.forEach((_, i) => {
          source.read(
            i,
            inputs.subarray(i * steps * inputSize),
            Int32Array.from({ length: steps }, (_, t) => t),
            0,
          );
        });
        const before = inputs.slice();
        const indices = Int32Array.from(lengths, (_, i) => i);
        const values = batchSize * source.maxSteps * inputSize;
        const expected = packBatch(source, indices, buffers(batchSize, steps, values));
        const batch = {
          inputs,
          batchSize,
          steps,
          inputSize,
          lengths: Int32Array.from(lengths),
          labels: Int32Array.from(lengths, (_, i) => i + 500),
        };
        const packed = packPadded(batch, buffers(batchSize, steps, values));
        assert.deepEqual(packed, expected);
        assert.deepEqual(inputs, before);
      },
    ),
    { seed: 2, numRuns: 300 },
  );
});

test('without lengths all steps count, without labels they are -1', () => {
  const inputs = Float32Array.from({ length: 12 }, (_, i) => i);
  const packed = packPadded({ inputs, batchSize: 2, steps: 3, inputSize: 2 }, buffers(2, 3, 12));
  assert.deepEqual([...packed.inputs], [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
  assert.deepEqual([...packed.batchSizes], [2, 2, 2]);
  assert.deepEqual([...packed.labels], [-1, -1]);
});

test('sizes that do not fit are refused with both values', () => {
  const good = { inputs: new Float32Array(12), batchSize: 2, steps: 3, inputSize: 2 };
  const refuse = (change: object, message: RegExp) =>
    assert.throws(
      () => packPadded({ ...good, ...change }, buffers(4, 4, 24)),
      (error) => error instanceof UserError && message.test(error.message),
      JSON.stringify(change),
    );
  refuse({ steps: 4 }, /2 sequences × 4 steps × input size 2 = 16 values, but inputs has 12/);
  refuse({ batchSize: 0 }, /batchSize must be a whole number from 1, found 0/);
  refuse({ inputSize: 1.5 }, /inputSize must be a whole number from 1, found 1\.5/);
  refuse({ lengths: Int32Array.of(3) }, /2 sequences, but lengths has 1 entries/);
  refuse({ labels: Int32Array.of(1, 2, 3) }, /2 sequences, but labels has 3 entries/);
  refuse({ lengths: Int32Array.of(3, 0) }, /the length of sequence 1 is 0; expected 1 to 3/);
  refuse({ lengths: Int32Array.of(4, 1) }, /the length of sequence 0 is 4; expected 1 to 3/);
  refuse({ lengths: Int32Array.of(-1, 1) }, /the length of sequence 0 is -1/);
});

test('a buffer that is too small throws an Error with both sizes', () => {
  const source = new Sequences([2, 3], 2);
  for (const [name, length] of Object.entries({
    inputs: 9,
    batchSizes: 2,
    rowStarts: 2,
    labels: 1,
    order: 1,
  })) {
    const target = buffers(2, 3, 10);
    const small = { ...target, [name]: target[name as keyof BatchBuffers].subarray(0, length) };
    assert.throws(
      () => packBatch(source, Int32Array.of(0, 1), small),
      new RegExp(`^Error: batch: the buffer ${name} has room for ${length}, but ${length + 1} are needed`),
    );
  }
  assert.throws(() => packBatch(new Sequences([0], 1), Int32Array.of(0), buffers(1, 1, 1)), /has length 0/);
});
