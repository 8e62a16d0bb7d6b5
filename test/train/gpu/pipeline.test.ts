/** Protects the portions of work: their order, their size, what a stop still computes, and errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inPortions } from '#src/train/gpu/pipeline.js';

/** A device on which a piece takes some time, and submitted work runs in its order. */
function fakeDevice(pieceMs: number) {
  let last: Promise<unknown> = Promise.resolve();
  const counts: number[] = [];
  const device = {
    counts,
    pending: 0,
    mostPending: 0,
    submit: async (first: number, count: number) => {
      counts.push(count);
      device.pending++;
      device.mostPending = Math.max(device.mostPending, device.pending);
      const result = last.then(async () => {
        await new Promise((resolve) => setTimeout(resolve, pieceMs * count));
        device.pending--;
        return Array.from({ length: count }, (_, n) => first + n);
      });
      last = result;
      return { result };
    },
  };
  return device;
}

const never = new AbortController().signal;

test('pieces are computed once each and in their order, a few portions ahead, which grow', async () => {
  const device = fakeDevice(1);
  const done: number[] = [];
  for await (const { first, count, result } of inPortions(100, 16, device.submit, never)) {
    assert.equal(first, done.length);
    assert.equal(count, result.length);
    done.push(...result);
  }
  assert.deepEqual(done, [...Array(100).keys()]);
  assert.ok(device.mostPending > 1 && device.mostPending <= 3, String(device.mostPending));
  assert.equal(device.counts[0], 1);
  assert.ok(Math.max(...device.counts) > 4 && Math.max(...device.counts) <= 16, String(device.counts));
});

test('long pieces are submitted one by one', async () => {
  const device = fakeDevice(120);
  for await (const _ of inPortions(4, 16, device.submit, never));
  assert.deepEqual(device.counts, [1, 1, 1, 1]);
  assert.equal(device.mostPending, 1);
});

test('after a stop nothing more is submitted, and what was submitted is yielded', async () => {
  const device = fakeDevice(2);
  const stop = new AbortController();
  let done = 0;
  for await (const { count } of inPortions(10_000, 4, device.submit, stop.signal)) {
    done += count;
    if (done > 20) stop.abort();
  }
  assert.equal(
    done,
    device.counts.reduce((sum, count) => sum + count, 0),
  );
  assert.ok(done < 100);
});

test('a stop before the beginning still computes one piece', async () => {
  const device = fakeDevice(1);
  let done = 0;
  for await (const { count } of inPortions(9, 4, device.submit, AbortSignal.abort())) done += count;
  assert.equal(done, 1);
});

test('an error of a portion ends the work, after the portions that were submitted', async () => {
  const device = fakeDevice(1);
  const submit = async (first: number, count: number) => {
    const { result } = await device.submit(first, count);
    if (first < 5) return { result };
    return { result: result.then(() => Promise.reject(new Error('lost'))) };
  };
  await assert.rejects(async () => {
    for await (const _ of inPortions(100, 4, submit, never));
  }, /lost/);
  assert.equal(device.pending, 0);
});
