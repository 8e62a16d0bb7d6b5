/** Protects the medians over rounds, and the detection of a loss of speed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Measurement } from '#bench/measure/measurement.js';
import { baselineSchema, best, judge, sharesOf } from '#bench/measure/regression.js';
import { median, medianRatio } from '#bench/measure/statistics.js';

test('median: the middle value; the upper one of two; NaN for no values', () => {
  assert.equal(median([5, 1, 9]), 5);
  assert.equal(median([10, 9, 1, 2]), 9);
  assert.ok(Number.isNaN(median([])));
});

test('medianRatio: compares within rounds, so a slow round does not count', () => {
  // Every round has ratio 2, although the second round is slow.
  assert.equal(medianRatio([2, 20, 6], [1, 10, 3]), 2);
  assert.equal(medianRatio([2, 20, 6], [1]), 2);
});

test('judge: fails at more than 15 % below the committed share, and never without one', () => {
  const committed = { a: 1, b: 1, c: 0.5 };
  const verdicts = judge(
    { a: 0.851, b: 0.849, c: 0.9, fresh: 0.1, broken: Number.NaN },
    { ...committed, broken: 1 },
  );
  assert.deepEqual(
    verdicts.map(({ name, failed }) => [name, failed]),
    [
      ['a', false],
      ['b', true],
      ['c', false],
      ['fresh', false],
      ['broken', true],
    ],
  );
  assert.equal(verdicts[3].committed, null);
});

test('sharesOf: an update against the limit of its own backend, threads and rounds', () => {
  const entry = (rest: Partial<Measurement>): Measurement => ({
    workload: 'quick',
    activity: 'update',
    party: 'cpu',
    threads: 2,
    batchSize: 1,
    flops: 1,
    seconds: [1],
    ...rest,
  });
  const shares = sharesOf([
    entry({ activity: 'limit', flops: 4, seconds: [1, 2] }),
    entry({ activity: 'limit', threads: 1, flops: 400 }),
    entry({ activity: 'limit', party: 'wasm', flops: 2 }),
    entry({ activity: 'product', party: 'openblas', flops: 1000 }),
    entry({ seconds: [1, 2] }),
    entry({ activity: 'forward' }),
    entry({ party: 'wasm' }),
    entry({ workload: 'strokes', party: 'wasm' }), // without a limit in its rounds
  ]);
  assert.deepEqual(shares, { 'quick on cpu, of FMA limit': 0.25, 'quick on wasm, of 128-bit SIMD': 0.5 });
});

test('best: keeps the largest share of several measurements', () => {
  assert.deepEqual(best({ a: 0.5, b: 0.9 }, { a: 0.7 }), { a: 0.7, b: 0.9 });
});

test('baselineSchema: accepts bench/baseline.json, and refuses a share that is not a number', () => {
  const baseline: unknown = JSON.parse(
    readFileSync(new URL('../../../bench/baseline.json', import.meta.url), 'utf8'),
  );
  const { success, data } = baselineSchema.safeParse(baseline);
  assert.ok(success && Object.keys(data.shares).length > 0);
  assert.ok(!baselineSchema.safeParse({ ...data, shares: { a: '0.9' } }).success);
});
