/** Protects figures of the process: where the system does not tell them, there are others, and no training ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peakMegabytes } from '#src/train/run/peak-memory.js';
import { addressSpaceLimit, processStatus } from '#src/train/run/process-status.js';

test('sizes that the system knows are numbers, all others are none', () => {
  assert.equal(processStatus('VmNothing'), null);
  if (process.platform === 'linux') assert.ok((processStatus('VmSize') ?? 1) > 0);
  const limit = addressSpaceLimit();
  assert.ok(limit === null || limit > 0);
  const peak = peakMegabytes();
  assert.ok(peak > 10 && peak < 2 ** 20, `${peak}`);
});
