/** Protects the cut of a batch into units: the same sums for any number of threads, and buffers enough for a wave. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PASS_SIZE } from '#src/train/team/team-protocol.js';
import { bufferCount, cutBatch, endOfWave, usefulThreads } from '#src/train/team/units.js';

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

test('there are buffers for a whole pass beside the sum, but no more than units', () => {
  fc.assert(
    fc.property(batches, threadCounts, fc.integer({ min: 1, max: 2 ** 28 }), (batchSize, threads, P) => {
      const useful = usefulThreads(batchSize, threads);
      const units = cutBatch(batchSize, batchSize, useful);
      const buffers = bufferCount(batchSize, useful, P);
      assert.ok(buffers <= units.count);
      assert.ok(buffers >= Math.min(units.count, Math.max(useful, units.perPass) + 1));
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

test('waves end with the batch, and give every thread as many units', () => {
  fc.assert(
    fc.property(batches, threadCounts, fc.integer({ min: 1, max: 2 ** 28 }), (batchSize, most, P) => {
      const threads = usefulThreads(batchSize, most);
      const units = cutBatch(batchSize, batchSize, threads);
      const buffers = bufferCount(batchSize, threads, P);
      for (let first = 0; first < units.count; ) {
        const end = endOfWave(first, buffers - (first > 0 ? 1 : 0), units, threads);
        assert.ok(end > first && end <= units.count);
        if (end < units.count) assert.equal((end - first) % (units.perPass > 1 ? units.perPass : threads), 0);
        first = end;
      }
    }),
  );
});
