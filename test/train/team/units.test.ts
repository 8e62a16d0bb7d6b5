/** Protects the cut of a batch into units: the same sums and passes for any number of threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PASS_SIZE } from '#src/train/team/team-protocol.js';
import { cutBatch, usefulThreads } from '#src/train/team/units.js';

const batches = fc.integer({ min: 1, max: 5000 });
const threadCounts = fc.integer({ min: 1, max: 64 });

test('units cover the batch, and passes are the same sequences for any number of threads', () => {
  fc.assert(
    fc.property(batches, fc.nat(), threadCounts, (batchSize, least, threads) => {
      const count = Math.max(1, batchSize - (least % batchSize));
      const units = cutBatch(count, batchSize, threads);
      const single = cutBatch(count, batchSize, 1);
      assert.equal(units.sumSize, single.sumSize);
      assert.equal(units.size * units.perPass, single.size * single.perPass);
      assert.ok(units.size * units.perPass <= PASS_SIZE);
      assert.equal(units.size % units.sumSize, 0);
      assert.equal(units.count, Math.ceil(count / units.size));
    }),
  );
});

test('more threads than 32 sequences allow take sums of a sixteenth of the batch', () => {
  assert.deepEqual(cutBatch(128, 128, 2), { count: 4, size: 32, perPass: 1, sumSize: 8 });
  assert.deepEqual(cutBatch(128, 128, 16), { count: 16, size: 8, perPass: 4, sumSize: 8 });
  assert.deepEqual(cutBatch(64, 64, 16), { count: 16, size: 4, perPass: 8, sumSize: 4 });
  assert.deepEqual(cutBatch(1024, 1024, 16), { count: 32, size: 32, perPass: 1, sumSize: 32 });
  assert.deepEqual(cutBatch(1, 1, 1), { count: 1, size: 32, perPass: 1, sumSize: 4 });
  assert.equal(usefulThreads(1, 8), 1);
});
