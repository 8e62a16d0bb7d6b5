/** Protects the rule of dynamic loss scaling, and that an overflow costs a step and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBackend } from 'scanstroke';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import type { SequencesData } from '#src/data/sources.js';
import { firstIndices } from '#src/data/split.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { Random } from '#src/random.js';
import { initialLossScale, LossScaler, type LossScaleState } from '#src/train/loss-scale.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { openTeam } from '#src/train/team/team.js';
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

/** Updates on the same batch, beginning with this factor of the loss; null: float32. */
async function trained(updates: number, scale: number | null) {
  const engine = await openTeam({
    backend: await openBackend('auto'),
    threads: 2,
    model,
    precision: scale === null ? 'float32' : 'mixed',
    parts: { train: randomRows() },
    startThread: startNodeThread,
    training: {
      optimizer: resolveOptimizer({ name: 'adam', lr: 0.01 }),
      batchSize: COUNT,
      maxNorm: 1,
      labelSmoothing: 0,
      seed: 0,
      augmentation: NO_AUGMENTATION,
    },
  });
  const before = await engine.save();
  const plan = {
    epoch: 1,
    order: Int32Array.from({ length: updates * COUNT }, (_, n) => firstIndices(COUNT)[n % COUNT]),
    firstBatch: 0,
    endBatch: updates,
    learningRates: new Float64Array(updates).fill(0.01),
    updatesBefore: 0,
    lossScale: scale === null ? null : { ...initialLossScale(), scale },
  };
  const losses: number[] = [];
  let lossScale: LossScaleState | null = null;
  try {
    for await (const results of engine.train(plan, new AbortController().signal)) {
      losses.push(...results.losses);
      lossScale = results.lossScale;
    }
    return { before, after: await engine.save(), losses, scale: lossScale };
  } finally {
    await engine.close();
  }
}

test('a step whose gradients overflow is skipped: the weights stay, the factor is halved', async () => {
  const { before, after, scale, losses } = await trained(1, 2 ** 40);
  assert.equal(losses.length, 1);
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
