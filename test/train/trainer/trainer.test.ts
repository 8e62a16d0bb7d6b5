/** Protects training on arrays: its results, their independence of threads, and its errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createOptimizer,
  openBackend,
  openTrainer,
  SequenceClassifier,
  type StateDict,
  type Trainer,
  type TrainerOptions,
  UserError,
} from 'scanstroke';
import { openWasm } from '#src/backends/wasm/load.js';
import { startCallingThread } from '#src/train/team/threads/threads-page.js';
import { createTrainer } from '#src/train/trainer/create-trainer.js';
import { WAVES_CONFIG, waves } from '../examples.js';

const batch = waves(150);
const { batchSize: _, ...examples } = batch;
const OPTIONS: TrainerOptions = { optimizer: { name: 'adam', lr: 0.01 }, batchSize: 40, seed: 3, maxNorm: 1 };

async function trained(trainer: Trainer, epochs: number): Promise<{ losses: number[]; state: StateDict }> {
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) losses.push((await trainer.epoch()).loss);
  const state = await trainer.stateDict();
  await trainer.close();
  return { losses, state };
}

test('one update equals gradients and optimizer.step on the same batch', async () => {
  const config = { ...WAVES_CONFIG, dropout: 0, layerDropout: 0 };
  const optimizer = { name: 'sgd', lr: 0.5 } as const;
  const trainer = await openTrainer(config, examples, { optimizer, batchSize: 150, seed: 3 });
  const before = await trainer.stateDict();
  const { loss } = await trainer.epoch();
  const after = await trainer.stateDict();
  await trainer.close();

  const model = new SequenceClassifier(config, await openBackend('reference'), { seed: 3 });
  const expected = await model.stateDict();
  assert.deepEqual(before, expected);
  const result = await model.gradients(batch);
  await createOptimizer(optimizer).step(expected, result.gradients);
  assert.ok(Math.abs(loss - result.loss) < 1e-6);
  for (const [name, { data }] of expected) {
    // The sums of 150 gradients have another order.
    assert.ok(
      after.get(name)?.data.every((value, i) => Math.abs(value - data[i]) < 1e-5),
      name,
    );
  }
});

test('an update with weights of the classes equals weighted gradients, for any number of threads', async () => {
  const config = { ...WAVES_CONFIG, dropout: 0, layerDropout: 0 };
  const optimizer = { name: 'sgd', lr: 0.5 } as const;
  // A third of the first class is left, so the classes have different numbers of examples.
  const rare = examples.labels.map((label, n) => (label === 0 && n % 3 > 0 ? 1 : label));
  const unequal = { ...examples, labels: rare };
  const counts = [0, 1].map((k) => rare.filter((label) => label === k).length);
  const settings = { optimizer, batchSize: 150, seed: 3, labelSmoothing: 0.1, backend: 'wasm' } as const;
  const train = async (classWeights: TrainerOptions['classWeights'], threads: number) =>
    trained(await openTrainer(config, unequal, { ...settings, classWeights, threads }), 1);
  const { losses, state } = await train('balanced', 1);
  assert.deepEqual(await train('balanced', 3), { losses, state });
  const weights = counts.map((count) => 150 / (2 * count));
  assert.deepEqual(await train(weights, 2), { losses, state });
  assert.notDeepEqual((await train(undefined, 1)).losses, losses);

  const model = new SequenceClassifier(config, await openBackend('reference'), { seed: 3 });
  const expected = await model.stateDict();
  const labelled = { ...batch, labels: rare };
  const result = await model.gradients(labelled, { labelSmoothing: 0.1, classWeights: weights });
  await createOptimizer(optimizer).step(expected, result.gradients);
  assert.ok(Math.abs(losses[0] - result.loss) < 1e-6);
  for (const [name, { data }] of expected) {
    // The sums of 150 gradients have another order.
    assert.ok(
      state.get(name)?.data.every((value, i) => Math.abs(value - data[i]) < 1e-5),
      name,
    );
  }
});

test('training learns, and gives the same bits with 1, 2 and 4 threads and in the calling thread', async () => {
  const open = (threads: number) =>
    openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, threads, backend: 'wasm' });
  const one = await trained(await open(1), 4);
  assert.ok(one.losses[3] < 0.7 * one.losses[0], `${one.losses}`);
  for (const threads of [2, 4]) assert.deepEqual(await trained(await open(threads), 4), one);

  const backend = await openWasm({ shared: false });
  const platform = { backend, threads: 1, startThread: startCallingThread, openBackend };
  assert.deepEqual(await trained(await createTrainer(WAVES_CONFIG, examples, OPTIONS, platform), 4), one);
});

test('a trainer can start from given parameters; the learning rate can change', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, OPTIONS);
  await trainer.epoch();
  const state = await trainer.stateDict();
  await trainer.epoch(0);
  assert.deepEqual(await trainer.stateDict(), state);
  await trainer.epoch(0.02);
  await trainer.loadStateDict(state);
  assert.deepEqual(await trainer.stateDict(), state);
  await trainer.close();
});

test('invalid examples and options are refused with both values', async () => {
  const refused = async (message: RegExp, change: Partial<typeof examples>, options: TrainerOptions = {}) =>
    assert.rejects(
      openTrainer(WAVES_CONFIG, { ...examples, ...change }, options),
      (error) => error instanceof UserError && message.test(error.message),
    );
  await refused(/150 sequences × 8 steps × input size 3 = 3600 values, but inputs has 4050/, { steps: 8 });
  await refused(/label 2 of sequence 0 is not one of 0 to 1/, { labels: new Int32Array(150).fill(2) });
  await refused(/batchSize .* got 0/, {}, { batchSize: 0 });
  await refused(/threads .* got 0.5/, {}, { threads: 0.5 });
  await refused(/batchSize must be a whole number from 1 to 1000000, got 10000000/, {}, { batchSize: 1e7 });
  await refused(/threads must be a whole number from 1 to 256, got 257/, {}, { threads: 257 });
  await refused(/maxNorm .* got 0/, {}, { maxNorm: 0 });
  for (const option of ['batchSize', 'threads', 'maxNorm', 'labelSmoothing']) {
    await refused(new RegExp(`${option} .* got "0.2"`), {}, { [option]: '0.2' });
  }
  await refused(/labelSmoothing .* got 1/, {}, { labelSmoothing: 1 });
  await refused(/a weight for each of the 2 classes, got 3/, {}, { classWeights: [1, 2, 3] });
  await refused(
    /classWeights\[1\] must be a finite number of at least 0, got NaN/,
    {},
    { classWeights: [1, NaN] },
  );
  await refused(/classWeights\[0\] must be above 0, got 0/, {}, { classWeights: [0, 1] });
  await refused(/'balanced' or a list of 2 weights, got "even"/, {}, { classWeights: 'even' as 'balanced' });
  await refused(/validation must be examples, or a share in \(0, 1\), got 0/, {}, { validation: 0 });
});

test('examples and options of another type are refused', async () => {
  const refused: [given: object, options: object, message: string][] = [
    [{ ...examples, inputs: '1' }, {}, 'batch: inputs: expected a list of numbers, found "1"'],
    [{ ...examples, labels: ['0'] }, {}, 'labels: expected a list of numbers, found a list'],
    [{ ...examples, labels: new Int32Array(0) }, {}, 'train: examples: labels is empty; give examples'],
    [{}, {}, 'train: examples: labels: expected a list of numbers, found nothing'],
    [JSON.parse('null'), {}, 'train: examples: expected { inputs, labels, steps }, found null'],
    [examples, { validation: '0.2' }, 'validation must be examples, or a share in (0, 1), got "0.2"'],
    [examples, { validation: null }, 'validation must be examples, or a share in (0, 1), got null'],
    [examples, { validation: {} }, 'train: validation: labels: expected a list of numbers, found nothing'],
    [examples, { seed: 'a' }, 'train: seed must be a whole number from 0 to'],
    [examples, { batchsize: 32 }, 'train: there is no option "batchsize"; did you mean batchSize?'],
    [
      examples,
      { optimizer: { name: 'adam', learningRate: 1 } },
      'optimizer: there is no option "learningRate"',
    ],
  ];
  for (const [given, options, message] of refused) {
    await assert.rejects(
      openTrainer(WAVES_CONFIG, given as typeof examples, options as TrainerOptions),
      (error) => error instanceof UserError && error.message.includes(message),
      message,
    );
  }
  const config = { ...WAVES_CONFIG, hiddensize: 3 };
  await assert.rejects(
    openTrainer(config, examples),
    /model: there is no option "hiddensize"; did you mean hiddenSize/,
  );
});

test('an infinite or NaN loss ends the training with epoch and update', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, maxNorm: undefined });
  await assert.rejects(trainer.epoch(1e38), /epoch 1, update 2/);
  await trainer.close();
});

test('training with validation keeps the best epoch, and stops by patience and by a signal', async () => {
  const open = () => openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, validation: 0.2 });
  const trainer = await open();
  const seen: number[] = [];
  const onEpoch = ({ validationAccuracy }: { validationAccuracy: number }) => seen.push(validationAccuracy);
  const { best, metrics, stoppedBy } = await trainer.train({
    epochs: 6,
    schedule: { name: 'one-cycle' },
    onEpoch,
  });
  assert.deepEqual([stoppedBy, metrics.length, seen.length], ['epochs', 6, 6]);
  assert.equal(best?.accuracy, Math.max(...seen));
  const equal = metrics.filter(({ validationAccuracy }) => validationAccuracy === best?.accuracy);
  assert.ok(equal.length > 1, 'several epochs are equally accurate');
  assert.equal(best?.loss, Math.min(...equal.map(({ validationLoss }) => validationLoss)));
  assert.equal(best?.epoch, equal.find(({ validationLoss }) => validationLoss === best?.loss)?.epoch);
  const { accuracy, count, confusionMatrix } = await trainer.evaluate();
  assert.deepEqual([accuracy, count], [best?.accuracy, 30]);
  assert.equal(
    confusionMatrix.flat().reduce((sum, n) => sum + n, 0),
    30,
  );
  assert.equal((await trainer.evaluate('train')).count, 120);
  await trainer.close();

  const patient = await open();
  const still = await patient.train({
    epochs: 9,
    patience: 2,
    schedule: { name: 'step', stepSize: 1, gamma: 1e-30 },
  });
  assert.equal(still.stoppedBy, 'patience');
  await patient.close();

  const stopped = await open();
  const stop = new AbortController();
  const { stoppedBy: reason } = await stopped.train({
    epochs: 9,
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  assert.equal(reason, 'interrupted');
  const whole = await stopped.train({ epochs: 1 });
  assert.equal(whole.metrics.length, 1, 'continues where it was stopped');
  await stopped.close();
});

test('a classifier has the parameters of the trainer and outlives it', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, backend: 'wasm' });
  await trainer.epoch();
  const { loss } = await trainer.evaluate();
  const model = await trainer.classifier();
  await trainer.close();
  const result = await model.gradients(batch);
  assert.ok(Math.abs(result.loss - loss) < 1e-5, `${result.loss}, not ${loss}`);
});

test('an unknown schedule is refused by its name', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, validation: 0.2 });
  const schedule = { name: 'foo' } as unknown as { name: 'constant' };
  await assert.rejects(trainer.train({ epochs: 1, schedule }), /unknown schedule "foo"; use constant,/);
  await trainer.close();
});

test('a callback that throws leaves the trainer as it is after a stop', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, validation: 0.2 });
  const onProgress = () => {
    throw new Error('mine');
  };
  await assert.rejects(trainer.train({ epochs: 2, onProgress }), /mine/);
  assert.equal((await trainer.evaluate()).count, 30);
  assert.equal((await trainer.train({ epochs: 2 })).stoppedBy, 'epochs');
  const whole = await openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, validation: 0.2 });
  await whole.train({ epochs: 2 });
  assert.deepEqual(await trainer.stateDict(), await whole.stateDict(), 'no update is made twice');
  await whole.close();
  await trainer.close();
});

test('settings of a training that are out of range are refused', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, validation: 0.2 });
  for (const targetAccuracy of [0, -1, 98, Number.NaN]) {
    await assert.rejects(trainer.train({ epochs: 1, targetAccuracy }), /targetAccuracy must be in \(0, 1\]/);
  }
  const misspelt = { pateince: 3 } as object;
  await assert.rejects(trainer.train({ epochs: 1, ...misspelt }), /"pateince"; did you mean patience\?/);
  const share = { targetAccuracy: '0.5' } as object;
  await assert.rejects(trainer.train({ epochs: 1, ...share }), /targetAccuracy must be in .*, got "0.5"/);
  for (const warmupSteps of [-4, 0.5, Number.NaN]) {
    const schedule = { name: 'constant', warmupSteps } as const;
    await assert.rejects(trainer.train({ epochs: 1, schedule }), /warmupSteps must be a whole number from 0/);
  }
  await trainer.close();
});

test('an epoch after an interruption is a whole pass, and what it learns is not undone', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, { ...OPTIONS, validation: 0.2 });
  const stop = new AbortController();
  const onProgress = ({ phase }: { phase: string }) => {
    if (phase === 'validation') stop.abort();
  };
  await trainer.train({ epochs: 1, signal: stop.signal, onProgress });
  const before = await trainer.stateDict();
  await trainer.epoch();
  assert.notDeepEqual(await trainer.stateDict(), before);
  await trainer.train({ epochs: 4 });
  for (let epoch = 0; epoch < 3; epoch++) await trainer.epoch();
  const learnt = await trainer.stateDict();
  const { metrics } = await trainer.train({ epochs: 8, patience: 2 });
  assert.equal(metrics.length, 1);
  assert.notDeepEqual(await trainer.stateDict(), learnt);
  await trainer.close();
});

test('closing a trainer ends the call under way', async () => {
  const backend = await openWasm({ shared: false });
  const platform = { backend, threads: 1, startThread: startCallingThread, openBackend };
  // An epoch of seconds.
  const config = { ...WAVES_CONFIG, hiddenSize: 256, numLayers: 3 };
  const long = { ...OPTIONS, batchSize: 1 };
  for (const trainer of [
    await openTrainer(config, examples, long),
    await createTrainer(config, examples, long, platform),
  ]) {
    const closed = { name: 'UserError', message: 'epoch: the trainer was closed meanwhile' };
    const epoch = trainer.epoch();
    await new Promise((resolve) => setTimeout(resolve, 60));
    await Promise.all([assert.rejects(epoch, closed), trainer.close()]);
  }
});

test('calls before the end of another call and after close are refused', async () => {
  const trainer = await openTrainer(WAVES_CONFIG, examples, OPTIONS);
  const first = trainer.epoch();
  await assert.rejects(trainer.epoch(), /epoch: the trainer is busy with epoch\(\); await it first/);
  await assert.rejects(trainer.stateDict(), /stateDict: the trainer is busy/);
  await first;
  await trainer.epoch();
  await assert.rejects(trainer.train({ epochs: 3 }), /no validation examples/);
  await trainer.close();
  await assert.rejects(trainer.epoch(), /epoch: the trainer is closed/);
});
