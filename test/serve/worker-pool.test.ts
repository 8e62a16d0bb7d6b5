/** Protects the pool: what waits goes together, each job gets its own answer or failure, a bad worker is replaced. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpError } from '#src/serve/http-error.js';
import { type PoolOptions, WorkerPool } from '#src/serve/workers/worker-pool.js';
import type { EchoJob } from './echo-worker.js';

interface Echo {
  said: string;
  batch: number;
  context: unknown;
}

async function withPool(
  options: Partial<PoolOptions>,
  use: (pool: WorkerPool<EchoJob, Echo>) => Promise<void>,
) {
  const pool = new WorkerPool<EchoJob, Echo>({
    script: new URL('./echo-worker.js', import.meta.url),
    data: null,
    threads: 1,
    jobs: 8,
    bytes: 1000,
    deadline: 5000,
    waiting: 100,
    ...options,
  });
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
}

const status = (expected: number) => (error: unknown) =>
  error instanceof HttpError && error.status === expected;

test('jobs that wait are answered together, up to the size of a batch, each with its own answer', async () => {
  await withPool({}, async (pool) => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => pool.run({ say: `${n}` })));
    assert.deepEqual(
      answers.map(({ said }) => said),
      Array.from({ length: 20 }, (_, n) => `${n}`),
    );
    assert.deepEqual([...new Set(answers.map(({ batch }) => batch))], [8, 4]);
    const large = await Promise.all([900, 90, 20, 2000].map((bytes) => pool.run({ say: '' }, { bytes })));
    assert.deepEqual(
      large.map(({ batch }) => batch),
      [2, 2, 1, 1],
    );
    assert.deepEqual([pool.waiting, pool.running], [0, 0]);
  });
});

test('the shared context comes with every batch, in its latest version', async () => {
  await withPool({ threads: 2 }, async (pool) => {
    for (const context of [{ n: 1 }, { n: 2 }]) {
      pool.context = context;
      for (let n = 0; n < 3; n++) assert.deepEqual((await pool.run({ say: '' })).context, context);
    }
  });
});

test('one job fails and the others of its batch do not', async () => {
  await withPool({}, async (pool) => {
    const [one, other, third] = await Promise.allSettled([
      pool.run({ fail: 'no tea' }),
      pool.run({ say: 'tea' }),
      pool.run({ fail: 'defect' }),
    ]);
    assert.ok(one.status === 'rejected' && status(418)(one.reason) && one.reason.message === 'no tea');
    assert.ok(other.status === 'fulfilled' && other.value.said === 'tea');
    assert.ok(third.status === 'rejected' && /TypeError.*\n.*echo-worker/.test(third.reason.stack));
  });
});

test('a worker that dies or takes too long fails its own jobs, and another takes its place', async () => {
  await withPool({ deadline: 400, jobs: 1 }, async (pool) => {
    await assert.rejects(pool.run({ crash: true }), /worker/i);
    assert.equal((await pool.run({ say: 'again' })).said, 'again');
    const [late, next] = await Promise.allSettled([pool.run({ sleep: 10_000 }), pool.run({ say: 'next' })]);
    assert.ok(
      late.status === 'rejected' &&
        status(503)(late.reason) &&
        /longer than 0\.4 s/.test(late.reason.message),
    );
    assert.ok(next.status === 'fulfilled' && next.value.said === 'next');
  });
});

test('batches may overlap where that is wanted', async () => {
  await withPool({ overlapping: true, jobs: 1 }, async (pool) => {
    const slow = pool.run({ sleep: 400 });
    const began = performance.now();
    await pool.run({ say: '' });
    assert.equal(pool.running, 1);
    await slow;
    assert.ok(performance.now() - began > 200);
  });
});

test('too many are turned away, those that nobody waits for are left out, a closing pool fails the rest', async () => {
  const pool = new WorkerPool<EchoJob, Echo>({
    script: new URL('./echo-worker.js', import.meta.url),
    data: null,
    threads: 1,
    jobs: 1,
    bytes: 0,
    deadline: 5000,
    waiting: 3,
  });
  const jobs = [
    pool.run({ sleep: 300 }),
    pool.run({ say: '' }, { wanted: () => false }),
    pool.run({ sleep: 60_000 }),
  ];
  await assert.rejects(pool.run({ say: '' }), status(503));
  await assert.rejects(jobs[1], status(499));
  await jobs[0];
  const closed = pool.close();
  await assert.rejects(jobs[2], status(503));
  await closed;
  await assert.rejects(pool.run({ say: '' }), status(503));
});
