/** Protects the rule of dynamic loss scaling: an overflow skips one update and has no other effect. */
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
import { startNodeThread } from '#src/train/team/threads/threads-node.js';

test('the scale doubles after 2,000 updates without an overflow, and halves after an overflow', () => {
  const scaler = new LossScaler(initialLossScale());
  for (let update = 1; update < 2000; update++) assert.equal(scaler.judge(true), 'update');
  assert.equal(scaler.scale, 65_536);
  assert.equal(scaler.judge(true), 'update');
  assert.equal(scaler.scale, 131_072);
  for (let update = 1; update < 2000; update++) scaler.judge(true);
  assert.equal(scaler.judge(false), 'skip');
  assert.deepEqual(scaler.state, { scale: 65_536, steadySteps: 0, skippedSteps: 1 });
  scaler.judge(true);
  assert.deepEqual(scaler.state, { scale: 65_536, steadySteps: 1, skippedSteps: 1 });
});

test('gradients that overflow with every scale mean divergence; in float32 already the first overflow', () => {
  const scaler = new LossScaler(initialLossScale());
  const verdicts = Array.from({ length: 27 }, () => scaler.judge(false));
  assert.deepEqual(verdicts.slice(25), ['skip', 'diverged']);
  const plain = new LossScaler(null);
  assert.deepEqual([plain.scale, plain.judge(true), plain.judge(false)], [1, 'update', 'diverged']);
});

const COUNT = 24;
const model = resolveClassifierConfig({ inputSize: 7, hiddenSize: 9, numLayers: 2, numClasses: 3 });

function randomImages(): SequencesData {
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

/** Runs updates on one batch. @param scale first loss scale; null for float32 */
async function trained(updates: number, scale: number | null) {
  const engine = await openTeam({
    backend: await openBackend('auto'),
    threads: 2,
    model,
    precision: scale === null ? 'float32' : 'float16',
    parts: { train: randomImages() },
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

test('an update whose gradients overflow is skipped: the weights do not change, the scale is halved', async () => {
  const { before, after, scale, losses } = await trained(1, 2 ** 40);
  assert.equal(losses.length, 1);
  assert.ok(Number.isFinite(losses[0]));
  assert.deepEqual(after, before);
  assert.deepEqual(scale, { scale: 2 ** 39, steadySteps: 0, skippedSteps: 1 });
});

test('skipped updates have no effect on later ones', async () => {
  const late = await trained(40, 2 ** 40);
  const { skippedSteps, scale } = late.scale!;
  assert.ok(skippedSteps > 10 && skippedSteps < 30, `${skippedSteps} updates skipped`);
  const early = await trained(40 - skippedSteps, scale);
  assert.equal(early.scale?.skippedSteps, 0);
  assert.deepEqual(late.after, early.after);
});

test('losses in mixed precision equal those in float32 up to 16-bit rounding', async () => {
  const [mixed, plain] = [await trained(30, 65_536), await trained(30, null)];
  assert.ok(plain.losses[29] < 0.7 * plain.losses[0], `${plain.losses[29]}`);
  for (let n = 0; n < 30; n++) {
    const difference = Math.abs(mixed.losses[n] - plain.losses[n]);
    assert.ok(difference < 0.01, `update ${n + 1}: ${mixed.losses[n]}, not ${plain.losses[n]}`);
  }
  assert.notDeepEqual(mixed.after, plain.after);
});
