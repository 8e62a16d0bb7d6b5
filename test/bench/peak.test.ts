/** Protects the yardsticks: the same work on each thread. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Peak } from '#bench/measure/peak.js';

test('a limit of two threads has twice the operations of one', async () => {
  const task = { backend: 'wasm', activity: 'limit' } as const;
  const [one, two] = [await Peak.open(task, 1), await Peak.open(task, 2)];
  assert.ok(one.flops > 0);
  assert.equal(two.flops, 2 * one.flops);
  assert.ok((await two.run(1)) > 0);
  await one.close();
  await two.close();
});
