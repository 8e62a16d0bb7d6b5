/** Protects the advice to trainings of few samples: given where a batch is most of the data, and sound where it is given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { flagsOf, suggestUpdates, updatesOf } from '#src/cli/few-updates.js';

test('a batch of 128 and 30 samples: smaller batches, more epochs', () => {
  const planned = { trainCount: 30, batchSize: 128, epochs: 3 };
  assert.equal(updatesOf(planned), 3);
  assert.deepEqual(suggestUpdates(planned), { batchSize: 4, epochs: 50 });
  assert.deepEqual(suggestUpdates({ ...planned, trainCount: 1000 }), { batchSize: 32, epochs: 15 });
});

test('accumulated batches become one', () => {
  const better = { batchSize: 4, epochs: 35 };
  assert.equal(flagsOf(better, 8), '--batch-size 4 --accumulation-steps 1 --num-epochs 35');
  assert.equal(flagsOf(better, 1), '--batch-size 4 --num-epochs 35');
});

test('many samples, and trainings with many updates, get no advice', () => {
  assert.equal(suggestUpdates({ trainCount: 50_000, batchSize: 1024, epochs: 1 }), null);
  assert.equal(suggestUpdates({ trainCount: 30, batchSize: 4, epochs: 50 }), null);
});

test('what is suggested makes more updates, and no further advice', () => {
  const planned = fc.record({
    trainCount: fc.integer({ min: 2, max: 6000 }),
    batchSize: fc.integer({ min: 1, max: 4096 }),
    epochs: fc.integer({ min: 1, max: 200 }),
  });
  fc.assert(
    fc.property(planned, (given) => {
      const better = suggestUpdates(given);
      if (better === null) return;
      assert.ok(better.batchSize <= given.batchSize && better.epochs >= given.epochs);
      const changed = { ...given, ...better };
      assert.ok(updatesOf(changed) > updatesOf(given), JSON.stringify(changed));
      assert.equal(suggestUpdates(changed), null, JSON.stringify(changed));
    }),
    { seed: 1, numRuns: 500 },
  );
});
