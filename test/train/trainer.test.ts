/** Protects training on arrays: what it computes, that threads do not change it, and what it refuses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createOptimizer,
  openBackend,
  openTrainer,
  SequenceClassifier,
  type StateDict,
  UserError,
} from 'scanstroke';
import { openWasm } from '#src/backends/wasm/load.js';
import { startCallingThread } from '#src/train/team/threads-page.js';
import { Trainer, type TrainerOptions } from '#src/train/trainer.js';
import { WAVES_CONFIG, waves } from './examples.js';

const examples = waves(150);
const OPTIONS: TrainerOptions = { optimizer: { name: 'adam', lr: 0.01 }, batchSize: 40, seed: 3, maxNorm: 1 };

async function trained(trainer: Trainer, epochs: number): Promise<{ losses: number[]; state: StateDict }> {
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) losses.push((await trainer.epoch()).loss);
  const state = trainer.stateDict();
  await trainer.close();
  return { losses, state };
}

test('one step is what gradients and an optimiser make of the same batch', async () => {
  const config = { ...WAVES_CONFIG, dropout: 0, layerDropout: 0 };
  const optimizer = { name: 'sgd', lr: 0.5 } as const;
  const trainer = await openTrainer(config, examples, { optimizer, batchSize: 150, seed: 3 });
  const before = trainer.stateDict();
  const { loss } = await trainer.epoch();
  const after = trainer.stateDict();
  await trainer.close();

  const model = new SequenceClassifier(config, await openBackend('reference'), { seed: 3 });
  const expected = model.stateDict();
  assert.deepEqual(before, expected);
  const result = await model.gradients(examples);
  createOptimizer(optimizer).step(expected, result.gradients);
  assert.ok(Math.abs(loss - result.loss) < 1e-6);
  for (const [name, { data }] of expected) {
    // Sums of 150 gradients in another order.
    assert.ok(
      after.get(name)?.data.every((value, i) => Math.abs(value - data[i]) < 1e-5),
      name,
    );
  }
});

test('it learns, and gives the same bits with 1, 2 and 4 threads and in the calling thread', async () => {
  const open = (threads: number) =>
    openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, threads, backend: 'wasm' });
  const one = await trained(await open(1), 4);
  assert.ok(one.losses[3] < 0.7 * one.losses[0], `${one.losses}`);
  for (const threads of [2, 4]) assert.deepEqual(await trained(await open(threads), 4), one);

  const backend = await openWasm({ shared: false });
  const alone = { ...OPTIONS, threads: 1, backend, startThread: startCallingThread };
  assert.deepEqual(await trained(new Trainer(WAVES_CONFIG, examples, alone), 4), one);
});

test('parameters can be taken over; the learning rate can change', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, OPTIONS);
  await trainer.epoch();
  const state = trainer.stateDict();
  await trainer.epoch(0);
  assert.deepEqual(trainer.stateDict(), state);
  await trainer.epoch(0.02);
  trainer.loadStateDict(state);
  assert.deepEqual(trainer.stateDict(), state);
  await trainer.close();
});

test('what cannot be trained on is refused, with both values', async () => {
  const refused = async (message: RegExp, change: Partial<typeof examples>, options: TrainerOptions = {}) =>
    assert.rejects(
      openTrainer(WAVES_CONFIG, { ...examples, ...change }, options),
      (error) => error instanceof UserError && message.test(error.message),
    );
  await refused(/150 sequences × 8 steps × input size 3 = 3600 values, but inputs has 4050/, { steps: 8 });
  await refused(/label 2 of sequence 0 is not one of 0 to 1/, { labels: new Int32Array(150).fill(2) });
  await refused(/batchSize .* got 0/, {}, { batchSize: 0 });
  await refused(/threads .* got 0.5/, {}, { threads: 0.5 });
  await refused(/maxNorm .* got 0/, {}, { maxNorm: 0 });
  await refused(/labelSmoothing .* got 1/, {}, { labelSmoothing: 1 });
});

test('a loss that becomes infinite or NaN ends it, naming epoch and step', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, maxNorm: undefined });
  await assert.rejects(trainer.epoch(Number.POSITIVE_INFINITY), /epoch 1, step 2/);
  await trainer.close();
});
