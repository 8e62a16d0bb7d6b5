/** Protects the flags of the benchmarks: which thread counts are measured. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threadCounts } from '#bench/bench-flags.js';
import { UserError } from '#src/user-error.js';

test('threadCounts: without a list powers of two up to 16, and all cores', () => {
  const counts = (cores: number) => threadCounts('--threads', undefined, cores);
  assert.deepEqual(counts(1), { threads: [1], moreThreads: [] });
  assert.deepEqual(counts(2), { threads: [1, 2], moreThreads: [] });
  assert.deepEqual(counts(12), { threads: [1, 12], moreThreads: [2, 4, 8] });
  assert.deepEqual(counts(64), { threads: [1, 64], moreThreads: [2, 4, 8, 16] });
});

test('threadCounts: a list in any order, with one thread always', () => {
  const counts = (list: string) => threadCounts('--threads', list, 2);
  assert.deepEqual(counts('4'), { threads: [1, 4], moreThreads: [] });
  assert.deepEqual(counts('16,1,8,2,4,8'), { threads: [1, 16], moreThreads: [2, 4, 8] });
  for (const list of ['', '0', '2,', '1.5', 'all']) {
    assert.throws(() => counts(list), UserError, list);
  }
});
