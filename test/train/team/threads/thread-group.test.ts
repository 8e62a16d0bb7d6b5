/**
 * Protects the team against threads that fail: any failure of one thread gives an error that names the cause within a
 * second, and all threads end.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { UserError } from 'scanstroke';
import { Control } from '#src/train/team/control.js';
import type { EvaluateCommand } from '#src/train/team/team-protocol.js';
import { ThreadGroup } from '#src/train/team/threads/thread-group.js';
import { watchWorker } from '#src/train/team/threads/threads-node.js';
import type { Behaviour, BrokenStart } from './broken-worker.js';

const SCRIPT = new URL('./broken-worker.js', import.meta.url);

/** Time limit in milliseconds. Starting a thread takes seconds on a busy machine; everything else is much faster. */
function open(behaviours: Behaviour[], patience = { startMs: 60_000, replyMs: 400 }) {
  const control = new Control();
  const workers = behaviours.map((behaviour) => {
    const workerData: BrokenStart = { behaviour, control: control.words };
    return new Worker(SCRIPT, { workerData, stderr: true });
  });
  const exited = Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))));
  const threads = workers.map((worker, index) => watchWorker(worker, index));
  return { control, exited, group: new ThreadGroup(threads, control, patience) };
}

const command = (threads: number): EvaluateCommand => ({
  type: 'evaluate',
  threads,
  part: 'test',
  indices: new Int32Array(0),
  logits: new Float32Array(0),
  losses: new Float32Array(0),
  answered: new Int32Array(0),
});

/** Milliseconds until the promise rejects with the expected error. */
async function rejectsSoon(promise: Promise<unknown>, message: RegExp): Promise<Error> {
  const began = performance.now();
  const error = await promise.then(
    () => assert.fail('the promise did not reject'),
    (reason: Error) => reason,
  );
  assert.match(error.message, message);
  const ms = performance.now() - began;
  assert.ok(ms < 1000, `${ms} ms`);
  return error;
}

test('threads run commands one after the other, also a subset of the threads', async () => {
  const { group, exited } = open(['good', 'good', 'good']);
  await group.ready;
  for (const threads of [3, 1, 2, 3]) await group.run(command(threads));
  await group.close();
  await exited;
  await assert.rejects(group.run(command(3)), /the team is closed/);
});

const atStart: [Behaviour, RegExp][] = [
  ['throws at start', /worker thread 1 failed: no memory/],
  ['exits at start', /worker thread 1 ended unexpectedly, with exit code 3/],
  ['never ready', /worker thread (0, )?1 did not start within 2 s/],
];
for (const [behaviour, message] of atStart) {
  test(`a thread that ${behaviour}`, async () => {
    const { group, exited } = open(['good', behaviour], {
      startMs: behaviour === 'never ready' ? 2000 : 60_000,
      replyMs: 400,
    });
    await assert.rejects(group.ready, message);
    await exited;
    await rejectsSoon(group.run(command(2)), message);
  });
}

const inCommand: [Behaviour, RegExp][] = [
  ['throws', /^a defect$/],
  ['throws UserError', /^a mistake$/],
  ['exits in the command', /worker thread 1 ended unexpectedly, with exit code 7/],
  ['never replies', /worker thread 1 did not answer within 0.4 s after the command had ended/],
];
for (const [behaviour, message] of inCommand) {
  test(`a thread that ${behaviour}, while others wait at the barrier`, async () => {
    const { group, exited } = open(['good', behaviour, 'good', 'good']);
    await group.ready;
    const error = await rejectsSoon(group.run(command(4)), message);
    assert.equal(error instanceof UserError, behaviour === 'throws UserError');
    if (error instanceof UserError) assert.deepEqual(error.settings, ['threads']);
    await exited;
    await rejectsSoon(group.run(command(4)), message);
    await group.close();
  });
}

test('a thread that exits between two commands', async () => {
  const { group, exited } = open(['good', 'exits between commands']);
  await group.ready;
  await group.run(command(2));
  // Idle threads do not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  await exited;
  clearInterval(alive);
  await rejectsSoon(group.run(command(2)), /worker thread 1 ended unexpectedly, with exit code 9/);
});
