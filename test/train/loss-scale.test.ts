/** Protects the rule of dynamic loss scaling, and that an overflow costs a step and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBackend } from 'scanstroke';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import type { SequencesData } from '#src/data/sources.js';
import { firstIndices } from '#src/data/split.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { Random } from '#src/random.js';
import { shareInts } from '#src/shared-memory.js';
import { initialLossScale, LossScaler, readLossScale, shareLossScale } from '#src/train/loss-scale.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { Team } from '#src/train/team/team.js';
import { startNodeThread } from '#src/train/team/threads-node.js';

test('doubles after 2,000 steps without an overflow, and halves at one', () => {
  const scaler = new LossScaler(initialLossScale());
  for (let step = 1; step < 2000; step++) assert.equal(scaler.judge(true), 'update');
  assert.equal(scaler.scale, 65_536);
  assert.equal(scaler.judge(true), 'update');
  assert.equal(scaler.scale, 131_072);
  for (let step = 1; step < 2000; step++) scaler.judge(true);
  assert.equal(scaler.judge(false), 'skip');
  assert.deepEqual(scaler.state, { scale: 65_536, steadySteps: 0, skippedSteps: 1 });
  scaler.judge(true);
  assert.deepEqual(scaler.state, { scale: 65_536, steadySteps: 1, skippedSteps: 1 });
});

test('gradients that overflow whatever the factor mean divergence; in float32 the first one does', () => {
  const scaler = new LossScaler(initialLossScale());
  const verdicts = Array.from({ length: 27 }, () => scaler.judge(false));
  assert.deepEqual(verdicts.slice(25), ['skip', 'diverged']);
  const plain = new LossScaler(null);
  assert.deepEqual([plain.scale, plain.judge(true), plain.judge(false)], [1, 'update', 'diverged']);
});

const COUNT = 24;
const model = resolveClassifierConfig({ inputSize: 7, hiddenSize: 9, numLayers: 2, numClasses: 3 });

function randomRows(): SequencesData {
  const random = new Random(5);
  const examples = {
    count: COUNT,
    channels: 1,
    height: 4,
    width: 7,
    pixels: Uint8Array.from({ length: COUNT * 28 }, () => random.below(256)),
    labels: Uint8Array.from({ length: COUNT }, () => random.below(3)),
  };
  const sizes = { sequenceLength: 4, inputSize: 7, channels: 1, height: 4, width: 7 };
  return {
    kind: 'images',
    name: 'random',
    examples,
    preprocessing: { kind: 'images', ...sizes, mean: 0.5, std: 0.5, permutationSeed: null },
  };
}

/** Steps over the same batch, beginning with this factor of the loss; none: float32. */
async function trained(steps: number, scale: number | null) {
  const data = randomRows();
  const team = new Team({
    backend: await openBackend('auto'),
    threads: 2,
    model,
    batchSize: COUNT,
    seed: 0,
    precision: scale === null ? 'float32' : 'mixed',
    data: { train: data, test: data },
    augmentation: NO_AUGMENTATION,
    optimizer: resolveOptimizer({ name: 'adam', lr: 0.01 }),
    maxNorm: 1,
    labelSmoothing: 0,
    startThread: startNodeThread,
  });
  team.layout.initialize(model, team.parameters, 0);
  const before = team.parameters.slice();
  const lossScale = scale === null ? null : shareLossScale({ ...initialLossScale(), scale });
  const losses = new Float64Array(new SharedArrayBuffer(8 * steps));
  const order = Int32Array.from({ length: steps * COUNT }, (_, n) => firstIndices(COUNT)[n % COUNT]);
  const done = await team.train({
    epoch: 1,
    firstStep: 0,
    steps,
    updatesBefore: 0,
    order: shareInts(order),
    losses,
    lossScale,
    learningRates: new Float64Array(new SharedArrayBuffer(8 * steps)).fill(0.01),
    correct: new Int32Array(new SharedArrayBuffer(4 * steps)),
  });
  await team.close();
  const after = team.parameters.slice();
  return { before, after, losses, done, scale: lossScale && readLossScale(lossScale) };
}

test('a step whose gradients overflow is skipped: the weights stay, the factor is halved', async () => {
  const { before, after, done, scale, losses } = await trained(1, 2 ** 40);
  assert.equal(done, 1);
  assert.ok(Number.isFinite(losses[0]));
  assert.deepEqual(after, before);
  assert.deepEqual(scale, { scale: 2 ** 39, steadySteps: 0, skippedSteps: 1 });
});

test('after the skipped steps it learns as if they had not been', async () => {
  const late = await trained(40, 2 ** 40);
  const { skippedSteps, scale } = late.scale!;
  assert.ok(skippedSteps > 10 && skippedSteps < 30, `${skippedSteps} steps skipped`);
  const early = await trained(40 - skippedSteps, scale);
  assert.equal(early.scale?.skippedSteps, 0);
  assert.deepEqual(late.after, early.after);
});

test('mixed precision follows float32, to the rounding of 16 bits', async () => {
  const [mixed, plain] = [await trained(30, 65_536), await trained(30, null)];
  assert.ok(plain.losses[29] < 0.7 * plain.losses[0], `${plain.losses[29]}`);
  for (let step = 0; step < 30; step++) {
    const difference = Math.abs(mixed.losses[step] - plain.losses[step]);
    assert.ok(difference < 0.01, `step ${step + 1}: ${mixed.losses[step]}, not ${plain.losses[step]}`);
  }
  assert.notDeepEqual(mixed.after, plain.after);
});
