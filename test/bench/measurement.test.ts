/** Protects the order of a benchmark: contenders take turns, and all are measured equally often. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternate, type Contender } from '#bench/measure/measurement.js';

/** A contender that reports `seconds` per operation and logs its calls. */
function contender(workload: string, seconds: number, log: string[], once = false): Contender {
  return {
    workload,
    activity: 'update',
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

test('contenders warm up, then run round by round, as often as fits into a turn', async () => {
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

test('the first call of a slow operation is its first round; a contender with once has one round', async () => {
  const log: string[] = [];
  const measured = await alternate([contender('long', 3, log), contender('once', 30, log, true)], 2);
  assert.deepEqual(log, ['long 1', 'once 1', 'long 1']);
  assert.deepEqual(
    measured.map(({ seconds }) => seconds),
    [[3, 3], [30]],
  );
});
