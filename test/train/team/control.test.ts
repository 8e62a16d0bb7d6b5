/** Protects the synchronisation of threads: each unit of work once, barriers, and a stop at any moment, also at a barrier. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { Control, OtherThreadFailed } from '#src/train/team/control.js';
import type { UpdatingStart } from './threads/updating-worker.js';

const THREADS = 4;
const UNITS = 7;
const UPDATES = 400;
const workers = Array.from(
  { length: THREADS },
  (_, index) =>
    new Worker(new URL('./threads/updating-worker.js', import.meta.url), { workerData: { index } }),
);
after(() => Promise.all(workers.map((worker) => worker.terminate())));

/** Runs updates until a stop. @param stopAt progress at which the main thread requests the stop; null for never */
async function run(threads: number, stopAt: number | null) {
  const control = new Control();
  const start: UpdatingStart = {
    control: control.words,
    threads,
    units: UNITS,
    updates: UPDATES,
    taken: new Int32Array(new SharedArrayBuffer(4 * UPDATES * UNITS)),
  };
  const team = workers.slice(0, threads);
  const replies = team.map((worker) => once(worker, 'message'));
  for (const worker of team) worker.postMessage(start);
  if (stopAt !== null) {
    // Polls without a pause, so that the stop arrives at any point of the threads' work.
    const deadline = performance.now() + 2000;
    while (control.progress < stopAt && performance.now() < deadline);
    control.stop();
  }
  const counts = (await Promise.all(replies)).map(([count]) => count as number);
  return { counts, taken: start.taken, ended: control.ended };
}

test('a stop at any moment ends all threads after the same update, each unit taken once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: THREADS }),
      fc.option(fc.integer({ min: 0, max: UPDATES }), { freq: 5 }),
      async (threads, stopAt) => {
        const { counts, taken, ended } = await run(threads, stopAt);
        assert.equal(new Set(counts).size, 1, `${counts}`);
        const [done] = counts;
        assert.ok(done >= Math.min(UPDATES, Math.max(1, stopAt ?? UPDATES)), `${done} of ${stopAt}`);
        assert.ok(taken.every((times, n) => times === Number(n < done * UNITS)));
        assert.equal(ended, threads);
      },
    ),
    { numRuns: 60, seed: 7 },
  );
});

test('a failure wakes threads that wait at a barrier', () => {
  const control = new Control();
  control.fail();
  assert.throws(() => control.barrier(2), OtherThreadFailed);
  control.reset();
  control.barrier(1);
});
