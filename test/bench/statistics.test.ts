/** Protects the figures that benchmarks keep of their rounds, and the judgement that a speed was lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { best, judge } from '#bench/regression.js';
import { median, medianRatio } from '#bench/statistics.js';

test('median: the middle one; of an even number the upper; NaN of none', () => {
  assert.equal(median([5, 1, 9]), 5);
  assert.equal(median([10, 9, 1, 2]), 9);
  assert.ok(Number.isNaN(median([])));
});

test('medianRatio: a processor that is slow for a round is slow for both', () => {
  // Twice as long as the yardstick in every round, whatever the round; medians apart would give 3/1.
  assert.equal(medianRatio([2, 20, 6], [1, 10, 3]), 2);
  assert.equal(medianRatio([2, 20, 6], [1]), 2);
});

test('judge: fails from 15 % under the committed share on, and not without one', () => {
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

test('of several measurements the largest share counts', () => {
  assert.deepEqual(best({ a: 0.5, b: 0.9 }, { a: 0.7 }), { a: 0.7, b: 0.9 });
});
