/**
 * Protects reproducibility on many machines: teams that exchange sums by messages, as the ranks of an MPI job do, have
 * the weights of one team, bit by bit, for any number of ranks and threads. mpi.test.ts does the same with MPI.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBackend } from 'scanstroke';
import type { HostChoice } from '#src/backends/backend-names.js';
import { partsOf } from '#src/data/sources.js';
import { epochOrder } from '#src/data/split.js';
import { initialLossScale } from '#src/train/loss-scale.js';
import { loadRunData, planRun } from '#src/train/run/run-plan.js';
import { rangeOf } from '#src/train/team/shares.js';
import { openTeam } from '#src/train/team/team.js';
import { startNodeThread } from '#src/train/team/threads/threads-node.js';
import { FASTEST, smallConfig, temporaryFolder, writeSmallMnist } from '../small-mnist.js';
import { FakeNetwork } from './fake-network.js';

process.env.SCANSTROKE_CACHE = temporaryFolder();
const folder = temporaryFolder();
const data = writeSmallMnist(folder, 300, 40);
const NEVER = new AbortController().signal;

interface Trained {
  parameters: Uint8Array;
  /** Of the optimiser's vectors, each rank its range. */
  optimizer: Uint8Array[];
  losses: number[];
}

/** Trains one epoch on teams of `threads[rank]` threads. @returns what each rank then has */
async function train(
  flags: Record<string, unknown>,
  threads: number[],
  network: FakeNetwork | null,
  learningRate = 0.01,
): Promise<Trained[]> {
  const config = smallConfig(data, folder, flags);
  const dataset = await loadRunData(config);
  const {
    model,
    preprocessing,
    training,
    train: [samples],
    batchSize,
  } = planRun(config, dataset);
  const order = epochOrder(samples, 1, 1);
  const batches = Math.ceil(order.length / batchSize);
  return Promise.all(
    threads.map(async (own, rank) => {
      const backend = await openBackend((flags.backend as HostChoice) ?? FASTEST);
      assert.ok('allocate' in backend);
      const { precision } = config;
      const team = await openTeam({
        backend,
        threads: own,
        model,
        precision,
        training,
        startThread: startNodeThread,
        parts: partsOf(dataset, preprocessing),
        ranks: network?.group(rank) ?? null,
      });
      const losses: number[] = [];
      try {
        const plan = {
          epoch: 1,
          order,
          firstBatch: 0,
          endBatch: batches,
          updatesBefore: 0,
          learningRates: new Float64Array(batches).fill(learningRate),
          lossScale: precision === 'float16' ? initialLossScale() : null,
        };
        for await (const results of team.train(plan, NEVER)) losses.push(...results.losses);
        const [parameters, ...vectors] = team.vectors;
        const { begin, end } = rangeOf(rank, threads.length, parameters.length);
        const bytes = (values: Float32Array) => new Uint8Array(values.slice().buffer);
        return {
          parameters: bytes(parameters),
          optimizer: vectors.map((vector) => bytes(vector.subarray(begin, end))),
          losses,
        };
      } finally {
        await team.close();
        backend.close();
      }
    }),
  );
}

// Batches of 72 are sums of 5 in passes of 30; the last batch of the epoch is incomplete.
const SETTINGS: Record<string, Record<string, unknown>> = {
  'dropout, augmentation, clipping': {
    ...{
      hiddenSize: 48,
      batchSize: 72,
      dropoutRate: 0.2,
      augmentRotation: 10,
      maxNorm: 0.5,
      bidirectional: true,
    },
  },
  'float16, accumulation': { precision: 'float16', batchSize: 36, accumulationSteps: 2, maxNorm: 'none' },
  'fewer sequences than a pass': { batchSize: 8, optimizer: 'sgd', numEpochs: 1 },
};

/** Compares ranks of so many threads each with one process. @returns how the ranks exchanged bytes */
async function compare(
  flags: Record<string, unknown>,
  [alone]: Trained[],
  threads: number[],
): Promise<FakeNetwork> {
  const network = new FakeNetwork(threads.length);
  const trained = await train(flags, threads, network);
  for (const { parameters, losses } of trained) {
    assert.deepEqual(losses, alone.losses);
    assert.ok(Buffer.from(parameters).equals(alone.parameters), `threads ${threads}`);
  }
  for (const [n, vector] of alone.optimizer.entries()) {
    const shared = Buffer.concat(trained.map(({ optimizer }) => optimizer[n]));
    assert.ok(shared.equals(vector), `vector ${n} of the optimiser, threads ${threads}`);
  }
  assert.ok(network.bytes > 0);
  return network;
}

for (const [name, flags] of Object.entries(SETTINGS)) {
  test(`${name}: ranks give the bits of one process`, async () => {
    const alone = await train(flags, [2], null);
    for (const threads of [
      [1, 3, 2],
      [2, 1, 1, 1, 1],
    ]) {
      await compare(flags, alone, threads);
    }
  });
}

test('where memory bounds a wave, several waves give the bits of one process, and little is sent', async () => {
  // 5 million parameters: few of a rank's four passes at once.
  const model = { sequenceLength: 1, inputSize: 784, hiddenSize: 800, bidirectional: false };
  const flags = { ...model, batchSize: 240, maxNorm: 1 };
  const [alone] = await train(flags, [1], null);
  const network = await compare(flags, [alone], [1, 1]);
  assert.equal(network.exchanges, 3, 'sums, norms, parameters');
  const weights = alone.parameters.length;
  assert.ok(network.bytes < 2.01 * weights, `${network.bytes} bytes, ${weights} of the weights`);
});

test('all ranks end at the batch that diverges', async () => {
  const diverged = { name: 'Diverged', batch: 1, quantity: 'loss' };
  const flags = { batchSize: 72, maxNorm: 'none' };
  const teams = new FakeNetwork(3);
  await assert.rejects(train(flags, [1], null, Number.NaN), diverged);
  await assert.rejects(train(flags, [1, 1, 1], teams, Number.NaN), diverged);
});

test('another number of sequences in a batch gives other weights: the comparison can fail', async () => {
  const [one] = await train({ batchSize: 72 }, [1], null);
  const [other] = await train({ batchSize: 64 }, [1], null);
  assert.ok(!Buffer.from(one.parameters).equals(other.parameters));
});
