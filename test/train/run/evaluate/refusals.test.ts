/** Protects what a run refuses: a checkpoint or a setting that does not fit it, in one line that names what differs. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from 'scanstroke';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { smallConfig, writeSmallMnist } from '../../small-mnist.js';
import { dropping, lastOf, train, trainedRuns } from '../trained-runs.js';

const { at, data } = trainedRuns();

test('a checkpoint of another architecture, optimiser or kind is refused in one line', async () => {
  await train(smallConfig(data, at('origin'), { numEpochs: 1 }));
  const loadCp = join(at('origin'), 'last.safetensors');
  const attempts: [Record<string, unknown>, RegExp][] = [
    [{ hiddenSize: 13 }, /hidden size 12, not 13;/],
    [{ head: 'mean' }, /head flatten, not mean/],
    [{ optimizer: 'sgd' }, /optimizer adam, but sgd/],
  ];
  for (const [flags, message] of attempts) {
    const config = { ...smallConfig(data, at('refused'), { ...flags, numEpochs: 2 }), loadCp };
    await assert.rejects(train(config), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      // The command line adds the flags of these settings.
      assert.ok(error.settings.includes(Object.keys(flags)[0]), `${error.settings}`);
      return true;
    });
    assert.ok(!existsSync(at('refused')), 'nothing is left behind');
  }
  writeFileSync(at('torn.safetensors'), readFileSync(loadCp).subarray(0, 5000));
  const torn = { ...smallConfig(data, at('refused')), loadCp: at('torn.safetensors') };
  await assert.rejects(
    train(torn),
    (error) => error instanceof UserError && /torn\.safetensors/.test(error.message),
  );
});

test('a checkpoint within an epoch goes on only with the data of that epoch', async () => {
  const config = smallConfig(data, at('begun'), dropping);
  await train(config, (event) => event.type === 'progress' && event.epoch === 1);
  const loadCp = at('begun/last.safetensors');
  const others = { labels: 'train-labels-idx1-ubyte', pixels: 'train-images-idx3-ubyte' };
  for (const [name, file] of Object.entries(others)) {
    mkdirSync(at(name));
    const other = writeSmallMnist(at(name), 480, 40);
    const bytes = readFileSync(join(other, file));
    writeFileSync(join(other, file), Buffer.concat([bytes.subarray(0, 16), bytes.subarray(16).reverse()]));
    await assert.rejects(
      train({ ...config, data: other, loadCp }),
      /^UserError: train: .*begun.last\.safetensors was written within epoch 1, on other training data/,
      name,
    );
  }
  mkdirSync(at('same'));
  const older = decodeCheckpoint(readFileSync(loadCp), 'begun');
  assert.match(String(older.training?.state.data), /^[0-9a-f]{64}$/);
  delete older.training?.state.data;
  writeFileSync(loadCp, encodeCheckpoint(older));
  const elsewhere = { ...config, data: writeSmallMnist(at('same'), 480, 40), loadCp };
  const { events } = await train(elsewhere, ({ type }) => type === 'start');
  assert.ok(events.some((event) => event.type === 'start' && event.resumedFrom?.epoch === 1));
  lastOf(await train(elsewhere)); // The checkpoint written at the start has a fingerprint: the same data elsewhere.
});

test('a training state whose updates do not fit its epoch is refused', async () => {
  const config = smallConfig(data, at('half'), dropping);
  await train(config, (event) => event.type === 'progress' && event.batch === 3);
  const whole = decodeCheckpoint(readFileSync(at('half/last.safetensors')), 'half');
  const { training } = whole;
  assert.ok(training);
  const attempts: [Record<string, unknown>, RegExp][] = [
    [{ losses: [1, 1, 1], correct: [1, 2] }, /is damaged: 3 losses, but 2 counts of correct answers$/],
    [{ losses: [], correct: [1] }, /is damaged: 0 losses, but 1 counts of correct answers$/],
    [{ losses: Array(10).fill(1), correct: Array(10).fill(1) }, /10 losses, but an epoch has 9 updates$/],
  ];
  for (const [changes, message] of attempts) {
    const state = { ...training.state, ...changes };
    writeFileSync(
      at('damaged.safetensors'),
      encodeCheckpoint({ ...whole, training: { ...training, state } }),
    );
    await assert.rejects(
      train({ ...smallConfig(data, at('y'), dropping), loadCp: at('damaged.safetensors') }),
      (error) =>
        error instanceof UserError &&
        /damaged\.safetensors/.test(error.message) &&
        message.test(error.message),
    );
  }
});
