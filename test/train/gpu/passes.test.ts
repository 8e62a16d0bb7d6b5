/** Protects the cut of a batch: every split keeps its blocks in all ways, and the capacity has room for any batch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsOf, waysToCut } from '#src/train/gpu/passes.js';

const same = (count: number, steps: number) => new Int32Array(count).fill(steps);

test('a batch is one pass first, then fewer and fewer splits a pass, down to one', () => {
  const ways = [...waysToCut(1024, 4_000_000, same(1024, 28))];
  assert.deepEqual(
    ways.map(({ count, splits, capacity }) => [count, splits, capacity.blocks, capacity.rows]),
    [
      [1, 4, 64, 28_672],
      [2, 2, 32, 14_336],
      [4, 1, 16, 7168],
    ],
  );
});

test('splits have the same blocks in all ways, and the passes have room for the batch', () => {
  for (const batchSize of [1, 3, 16, 17, 33, 128, 144, 200, 1000]) {
    for (const parameters of [100, 3_000_000, 50_000_000]) {
      const ways = [...waysToCut(batchSize, parameters, same(batchSize, 5))];
      const sizes = new Set(ways.map(({ capacity, splits }) => capacity.blocks / splits));
      assert.equal(sizes.size, 1, `${batchSize}, ${parameters}`);
      for (const { count, capacity } of ways) {
        assert.ok(count * capacity.blocks * capacity.lanes >= batchSize);
        assert.ok((count - 1) * capacity.blocks * capacity.lanes < batchSize, 'no pass is always empty');
      }
    }
  }
});

test('rows of sequences of several lengths are those of the longest of each block', () => {
  const longest = Int32Array.from({ length: 40 }, (_, n) => 100 - n);
  assert.equal(rowsOf(longest, 16, 3), 16 * (100 + 84 + 68));
  assert.equal(rowsOf(longest, 16, 2), 16 * (100 + 84));
  assert.equal(rowsOf(longest, 16, 9), 16 * (100 + 84 + 68), 'blocks without sequences have no rows');
});
