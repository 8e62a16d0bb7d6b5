/** Protects the order of a benchmark: contenders take turns, and nobody is measured more often than the others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternate, type Contender } from '#bench/measurement.js';

/** One that takes so many seconds, by its own account. */
function contender(workload: string, seconds: number, log: string[], once = false): Contender {
  return {
    workload,
    activity: 'step',
    party: 'cpu',
    threads: 1,
    batchSize: 1,
    flops: 1,
    once,
    run: async (times) => {
      log.push(`${workload} ${times}`);
      return seconds;
    },
  };
}

test('contenders run round by round, as often as fits into a turn, after they have warmed up', async () => {
  const log: string[] = [];
  const measured = await alternate([contender('fast', 0.01, log), contender('slow', 0.05, log)], 2);
  assert.deepEqual(log, ['fast 1', 'fast 15', 'slow 1', 'slow 3', 'fast 15', 'slow 3', 'fast 15', 'slow 3']);
  assert.deepEqual(
    measured.map(({ workload, seconds }) => [workload, seconds]),
    [
      ['fast', [0.01, 0.01]],
      ['slow', [0.05, 0.05]],
    ],
  );
});

test('the first run of a long operation counts, and one that is to run once does', async () => {
  const log: string[] = [];
  const measured = await alternate([contender('long', 3, log), contender('once', 30, log, true)], 2);
  assert.deepEqual(log, ['long 1', 'once 1', 'long 1']);
  assert.deepEqual(
    measured.map(({ seconds }) => seconds),
    [[3, 3], [30]],
  );
});
