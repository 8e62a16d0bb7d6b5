/** Protects the pool: what waits goes together, each job gets its own answer or failure, a bad worker is replaced. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HttpError } from '#src/serve/http-error.js';
import { type PoolOptions, WorkerPool } from '#src/serve/workers/worker-pool.js';
import { temporaryFolder } from '../train/small-mnist.js';
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

test('a file that costs a worker its life is refused from then on; other jobs of the worker are done again', async () => {
  for (const doing of ['hog', 'spin'] as const) {
    await withPool({ deadline: 3000, heapMiB: 32 }, async (pool) => {
      const [good, bad, said, other] = await Promise.allSettled([
        pool.run({ opens: 'good', doing: 'nothing' }),
        pool.run({ opens: 'bad', doing }),
        pool.run({ say: 'tea' }),
        pool.run({ opens: 'other', doing: 'nothing' }),
      ]);
      assert.ok(bad.status === 'rejected' && status(422)(bad.reason), String(bad));
      const why =
        doing === 'hog'
          ? /^bad cannot be opened: it needed more than 32 MiB/
          : /^bad cannot be opened: it took longer than 3 s/;
      assert.match(bad.reason.message, why);
      assert.ok(good.status === 'fulfilled' && other.status === 'fulfilled');
      assert.ok(said.status === 'fulfilled' && said.value.said === 'tea');
      const began = performance.now();
      await assert.rejects(pool.run({ opens: 'bad', doing }), status(422));
      assert.ok(performance.now() - began < 1000, 'the file is not opened again');
      assert.equal((await pool.run({ opens: 'good', doing: 'nothing' })).said, '3', 'the worker lives on');
    });
  }
});

test('too much memory for a batch fails the batch alone', async () => {
  await withPool({ heapMiB: 32, jobs: 1 }, async (pool) => {
    await assert.rejects(pool.run({ hog: true }), (error) => {
      assert.ok(status(503)(error));
      assert.match(String(error), /it needed more than 32 MiB of memory; send less at a time/);
      return true;
    });
    assert.equal((await pool.run({ say: 'next' })).said, 'next');
  });
});

test('a worker without a sign of life is replaced; one that reports progress is not', async () => {
  await withPool({ silence: 1000, overlapping: true, jobs: 1 }, async (pool) => {
    await assert.rejects(pool.run({ sleep: 8000 }), status(503));
    assert.equal((await pool.run({ chat: 2500 })).batch, 1);
  });
});

test('a pool closes in bounded time with a worker that is stuck in the system', async () => {
  const pipe = join(temporaryFolder(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  await withPool({}, async (pool) => {
    const stuck = assert.rejects(pool.run({ pipe }), status(503));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const began = performance.now();
    await pool.close();
    assert.ok(performance.now() - began < 4000);
    await stuck;
    // Lets the thread go on, so that this process can end.
    closeSync(openSync(pipe, 'r+')); // 'w' would wait for a thread that has not come to the pipe
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
