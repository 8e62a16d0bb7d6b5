/** Protects threads that are started before their team: they compute like others, and keep no process alive. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { openBackend } from 'scanstroke';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { firstIndices } from '#src/data/split.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { openTeam } from '#src/train/team/team.js';
import { WaitingThreads } from '#src/train/team/threads/threads-node.js';

const COUNT = 60;
const THREADS = 2;

/** Trains one epoch on a team whose threads come from `waiting`. @returns the bits of the weights */
async function trainOn(waiting: WaitingThreads): Promise<string> {
  const backend = await openBackend('auto');
  const team = await openTeam({
    backend,
    threads: THREADS,
    model: resolveClassifierConfig({ inputSize: 3, hiddenSize: 5, numClasses: 2 }),
    parts: {
      train: {
        kind: 'images',
        name: 'stripes',
        examples: {
          count: COUNT,
          channels: 1,
          height: 4,
          width: 3,
          pixels: Uint8Array.from({ length: COUNT * 12 }, (_, n) => (n * 37) % 256),
          labels: Uint8Array.from({ length: COUNT }, (_, n) => n % 2),
        },
        preprocessing: {
          kind: 'images',
          channels: 1,
          height: 4,
          width: 3,
          sequenceLength: 4,
          inputSize: 3,
          mean: 0.5,
          std: 0.5,
          permutationSeed: null,
        },
      },
    },
    startThread: waiting.start,
    training: {
      optimizer: resolveOptimizer({ name: 'adam', lr: 0.01 }),
      batchSize: 20,
      maxNorm: 1,
      labelSmoothing: 0,
      seed: 0,
      augmentation: NO_AUGMENTATION,
    },
  });
  try {
    const plan = {
      epoch: 1,
      order: firstIndices(COUNT),
      firstBatch: 0,
      endBatch: 3,
      updatesBefore: 0,
      learningRates: new Float64Array(3).fill(0.01),
      lossScale: null,
    };
    for await (const _ of team.train(plan, new AbortController().signal));
    return Buffer.from(team.vectors[0].slice().buffer).toString('hex');
  } finally {
    await team.close();
    await waiting.close();
    if ('close' in backend) backend.close();
  }
}

test('a team takes as many waiting threads as it needs, and starts those that are missing', async () => {
  const bits = await trainOn(new WaitingThreads(0));
  for (const count of [1, THREADS, THREADS + 1]) assert.equal(await trainOn(new WaitingThreads(count)), bits);
});

/** Runs a program that knows threads-node.js. It must end by itself, without a message. */
function assertEnds(program: string): void {
  const module = new URL('../../../../../dist/train/team/threads/threads-node.js', import.meta.url);
  const whole = `import { startNodeThread, WaitingThreads } from '${module}'; ${program}`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', whole], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.deepEqual([child.status, child.stdout, child.stderr], [0, '', '']);
}

test('waiting threads that nobody takes and nobody ends let the process end', () =>
  assertEnds('new WaitingThreads(2);'));

test('what cannot be posted to a thread leaves no thread that keeps the process alive', () =>
  assertEnds(`
    const unshared = { handle() { throw new Error('unshared'); } };
    const refused = { handle: () => () => {} };
    for (const start of [startNodeThread, new WaitingThreads(1).start, new WaitingThreads(0).start])
      for (const backend of [unshared, refused]) {
        let error;
        try { start({ index: 0 }, backend); } catch (thrown) { error = thrown; }
        if (!/unshared|could not be cloned/.test(error?.message)) console.log(error);
      }`));
