/**
 * Protects the end of a batch on the GPU: sums of gradients in their order, norm, clipping and verdict as the host's team
 * decides, and the optimisers, compared with the reference backend.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { dispatch, kernel, type Slice, write } from '#src/backends/webgpu/kernel.js';
import { vectorCount } from '#src/backends/webgpu/update/rules.js';
import { squaresWords, sumGradients } from '#src/backends/webgpu/update/sum-gradients.js';
import {
  BEGIN_BATCH,
  countersSlice,
  epochWords,
  readCounters,
  readResults,
  resultsSlice,
  type UpdateRule,
} from '#src/backends/webgpu/update/training-state.js';
import { update } from '#src/backends/webgpu/update/update.js';
import type { UpdateArguments } from '#src/backends/webgpu/verbs.js';
import { Random } from '#src/random.js';
import { LOSS_SCALING, LossScaler, type LossScaleState } from '#src/train/loss-scale.js';
import { clipScale, resolveOptimizer, updateSlice } from '#src/train/optimizer.js';
import { uniform } from '../../../cases/draw.js';
import { assertSameBits, assertWithin, type Tolerance } from '../../../cases/oracle/comparison.js';
import { DeviceMemory } from '../device-memory.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

/** 262,144 parameters and fewer are one a thread; beyond, a thread has several. */
const LENGTHS = [1, 255, 256, 257, 1003, 300_001];

/** ((p₀ + p₁) + p₂) … in float32. */
function orderedSum(partials: Float32Array, splits: number, start: Float32Array | null): Float32Array {
  const length = partials.length / splits;
  return Float32Array.from({ length }, (_, n) => {
    let sum = start ? Math.fround(start[n] + partials[n]) : partials[n];
    for (let s = 1; s < splits; s++) sum = Math.fround(sum + partials[s * length + n]);
    return sum;
  });
}

function squareSum(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

test('sumGradients adds the parts in their order, in one pass or several', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const parameters of LENGTHS) {
    const random = new Random(parameters);
    const splits = 4;
    const all = uniform(random, splits * parameters);
    const memory = new DeviceMemory(gpu.device);
    const squares = memory.output(squaresWords(parameters));
    const whole = memory.output(parameters);
    const cut = memory.output(parameters);
    const part = (first: number, count: number) => ({
      partials: memory.input(all.slice(first * parameters, (first + count) * parameters)),
      splits: count,
      parameters,
    });
    await gpu.device.run([
      ...sumGradients({ gradients: part(0, 4), sums: whole, accumulate: false, squares }),
      ...sumGradients({ gradients: part(0, 1), sums: cut, accumulate: false, squares: null }),
      ...sumGradients({ gradients: part(1, 3), sums: cut, accumulate: true, squares: null }),
    ]);
    const want = orderedSum(all, splits, null);
    assertSameBits(await memory.floats(whole), want, 'one pass');
    assertSameBits(await memory.floats(cut), want, 'two passes');
    const sumOf = (pairs: Float32Array, side: number) =>
      pairs.reduce((total, value, n) => (n % 2 === side ? total + value : total), 0);
    const tolerance = { units: 16, why: 'a tree of ten levels' };
    assertWithin('squares', [sumOf(await memory.floats(squares), 0)], [squareSum(want)], tolerance);
    const large = { ...part(0, 4), partials: memory.input(all.map((value) => value * 2 ** 70)) };
    await gpu.device.run(sumGradients({ gradients: large, sums: whole, accumulate: false, squares }));
    const scaled = sumOf(await memory.floats(squares), 1);
    assertWithin('scaled squares', [scaled * 2 ** 16], [squareSum(want)], tolerance);
    await memory.close();
  }
});

/** A kernel that begins a batch, as those that compute losses do. */
const BEGIN = kernel(
  'begin',
  { state: write('u32'), sequences: write('u32') },
  `${BEGIN_BATCH}
@compute @workgroup_size(1)
fn main() { beginBatch(sequences[0], f32(sequences[0])); }`,
);

interface Batch {
  losses: Float32Array;
  correct: number[];
  /** [S, P] */ partials: Float32Array;
  learningRate: number;
}

interface Training {
  rule: UpdateRule;
  splits: number;
  parameters: Float32Array;
  maxNorm: number | null;
  lossScale: LossScaleState | null;
  updatesBefore: number;
  accumulate?: boolean;
  batches: Batch[];
}

const FIRST = 2;

/** Runs batches from number FIRST on, all with the same dispatches. */
async function train(device: GpuDevice, training: Training) {
  const { rule, splits, batches, lossScale, maxNorm, updatesBefore } = training;
  const P = training.parameters.length;
  const memory = new DeviceMemory(device);
  const count = FIRST + batches.length;
  const learningRates = [...new Array(FIRST).fill(7), ...batches.map(({ learningRate }) => learningRate)];
  // Number 0 of the updates is the first of these batches.
  const start = { firstBatch: FIRST, learningRates, updatesBefore, lossScale };
  const state = { batches: count + 1, words: memory.changed(epochWords(count + 1, rule, start)) };
  const vectors = vectorCount(rule) ? memory.changed(new Float32Array(vectorCount(rule) * P)) : null;
  const losses = memory.changed(new Float32Array(batches[0].losses.length));
  const correct = memory.changed(new Uint32Array(batches[0].losses.length));
  const partials = memory.changed(new Float32Array(splits * P));
  const sums = memory.changed(new Float32Array(P));
  const parameters = memory.changed(training.parameters);
  const sequences = memory.input(Uint32Array.of(batches[0].losses.length));
  const args: UpdateArguments = {
    rule,
    maxNorm,
    lossScaling: lossScale && LOSS_SCALING,
    state,
    losses,
    correct,
    gradients: { partials, splits, parameters: P },
    sums,
    accumulate: training.accumulate ?? false,
    squares: memory.output(squaresWords(P)),
    parameters,
    vectors,
  };
  const step = await device.prepare([
    dispatch(BEGIN, { state: state.words, sequences }, [1]),
    ...update(args),
  ]);
  const first = training.accumulate ? new Float32Array(P) : null;
  for (const batch of batches) {
    device.write(losses, batch.losses);
    device.write(correct, Uint32Array.from(batch.correct));
    device.write(partials, batch.partials);
    if (first) device.write(sums, first);
    device.submit(step);
  }
  const floats = (slice: Slice | null) => (slice ? memory.floats(slice) : new Float32Array(0));
  const [results, counters] = await device.read(resultsSlice(state, FIRST, count), countersSlice(state));
  const outcome = {
    parameters: await floats(parameters),
    vectors: await floats(vectors),
    results: readResults(results),
    counters: readCounters(counters),
  };
  await memory.close();
  return outcome;
}

const reference = new ReferenceBackend({ storage: 'float64' });

/** The same on the host: the rules of train/team/member.ts, with the reference's float64 arithmetic. */
function trainOnHost(training: Training) {
  const { rule, splits, batches, maxNorm, updatesBefore } = training;
  const P = training.parameters.length;
  const vector = () => reference.allocate(P);
  const parameters = vector();
  parameters.set(training.parameters);
  const state = Array.from({ length: vectorCount(rule) }, vector);
  const scaler = new LossScaler(training.lossScale);
  const norms: number[] = [];
  const losses: number[] = [];
  const verdicts: string[] = [];
  const states: (LossScaleState | null)[] = [];
  let made = updatesBefore;
  for (const batch of batches) {
    const { scale } = scaler;
    const gradients = vector();
    gradients.set(orderedSum(batch.partials, splits, null));
    const needsNorm = maxNorm !== null || training.lossScale !== null;
    const norm = needsNorm ? Math.sqrt(reference.sumSquares(gradients)) / scale : 0;
    const loss = batch.losses.reduce((sum, value) => sum + value, 0);
    norms.push(norm);
    losses.push(loss / batch.losses.length);
    const verdict = Number.isFinite(loss) ? scaler.judge(Number.isFinite(norm)) : 'diverged';
    verdicts.push(verdict);
    states.push(scaler.state && { ...scaler.state });
    if (verdict === 'diverged') break;
    if (verdict === 'skip') continue;
    updateSlice(reference, resolveOptimizer({ ...rule, lr: 0 }), {
      parameters,
      gradients,
      state,
      lr: batch.learningRate,
      gradientScale: (maxNorm === null ? 1 : clipScale(norm, maxNorm)) / scale,
      update: ++made,
    });
  }
  return { parameters, state, norms, losses, verdicts, states, updates: made - updatesBefore };
}

function drawBatch(random: Random, splits: number, parameters: number, size = 1): Batch {
  const sequences = 19;
  return {
    losses: uniform(random, sequences).map(Math.abs),
    correct: Array.from({ length: sequences }, () => random.below(2)),
    partials: uniform(random, splits * parameters, size).map((v, n) => v * [1, 1, 1e-3, 10, 0][n % 5]),
    learningRate: 0.01 + 0.05 * random.uniform(),
  };
}

const NO_MOMENTUM = { momentum: 0, nesterov: false };
const BETAS = { betas: [0.9, 0.999] as const, eps: 1e-8 };
const RULES: UpdateRule[] = [
  { name: 'sgd', ...NO_MOMENTUM, ...BETAS, weightDecay: 0 },
  { name: 'sgd', momentum: 0.9, nesterov: false, ...BETAS, weightDecay: 0.01 },
  { name: 'sgd', momentum: 0.8, nesterov: true, ...BETAS, weightDecay: 0 },
  { name: 'adam', ...NO_MOMENTUM, ...BETAS, weightDecay: 0 },
  { name: 'adam', ...NO_MOMENTUM, betas: [0.8, 0.99], eps: 1e-6, weightDecay: 0.1 },
  { name: 'adamw', ...NO_MOMENTUM, ...BETAS, weightDecay: 0.1 },
];

/** A change is at most about the learning rate, 0.06, so its error of 20 roundings is 1.2 roundings of a parameter. */
const CHANGED: Tolerance = { units: 12, floor: 1, why: 'three updates, each rounded, of parameters near 1' };
const VECTORS: Tolerance = { units: 24, floor: 0.1, why: 'three updates of a handful of float32 operations' };

for (const rule of RULES) {
  const { name, momentum, nesterov, weightDecay } = rule;
  const label = [
    name,
    momentum ? `momentum ${momentum}` : '',
    nesterov ? 'Nesterov' : '',
    `weight decay ${weightDecay}`,
  ];
  test(`${label.filter(Boolean).join(', ')}: three updates are the reference's`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    for (const P of [1, 513]) {
      for (const [maxNorm, mixed] of [[null, false] as const, [0.5, false] as const, [0.5, true] as const]) {
        const random = new Random(P, 5);
        const lossScale = mixed ? { scale: 1024, steadySteps: 3, skippedSteps: 1 } : null;
        const batches = [1, 2, 3].map(() => drawBatch(random, 3, P, mixed ? 1024 : 1));
        const updatesBefore = P % 2 ? 0 : 999;
        const parameters = uniform(random, P);
        const training = { rule, splits: 3, parameters, maxNorm, lossScale, updatesBefore, batches };
        const got = await train(gpu.device, training);
        const want = trainOnHost(training);
        const what = `${P} parameters, norm ${maxNorm}${mixed ? ', mixed' : ''}`;
        assertWithin('parameters', got.parameters, want.parameters, CHANGED, what);
        const vectors = want.state.flatMap((vector) => [...vector]);
        assertWithin('vectors', got.vectors, vectors, VECTORS, what);
        const exact = { units: 16, why: 'a tree sum and a square root' };
        assertWithin(
          'norms',
          got.results.map(({ norm }) => norm),
          want.norms,
          exact,
        );
        assertWithin(
          'losses',
          got.results.map(({ loss }) => loss),
          want.losses,
          exact,
        );
        assert.deepEqual(
          got.results.map(({ correct }) => correct),
          batches.map(({ correct }) => correct.reduce((sum, value) => sum + value)),
        );
        assert.equal(got.counters.batch, FIRST + 3);
        assert.equal(got.counters.updates, 3);
        assert.equal(got.counters.divergence, null);
      }
    }
  });
}

test('sum and update in one dispatch give the bits of sum, then update', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const rule of [RULES[1], RULES[5]]) {
    const random = new Random(1);
    const parameters = uniform(random, 1003);
    const batches = [drawBatch(random, 5, 1003), drawBatch(random, 5, 1003)];
    const training = { rule, splits: 5, parameters, lossScale: null, updatesBefore: 0, batches };
    const one = await train(gpu.device, { ...training, maxNorm: null });
    // This norm is never reached.
    const two = await train(gpu.device, { ...training, maxNorm: 1e30 });
    assertSameBits(one.parameters, two.parameters, 'parameters');
    assertSameBits(one.vectors, two.vectors, 'vectors');
    const accumulated = await train(gpu.device, { ...training, maxNorm: null, accumulate: true });
    assertSameBits(accumulated.parameters, one.parameters, 'after passes of zeros');
  }
});

/** Changes a batch of a training, and compares what the device and the host make of it. */
async function diverge(device: GpuDevice, training: Training) {
  const got = await train(device, training);
  const want = trainOnHost(training);
  assertWithin('parameters', got.parameters, want.parameters, CHANGED);
  assert.equal(got.counters.updates, want.updates);
  const last = want.verdicts.length - 1;
  if (want.verdicts[last] === 'diverged') {
    assert.equal(got.counters.batch, FIRST + last);
    const quantity = Number.isFinite(want.losses[last]) ? 'gradient' : 'loss';
    const value = quantity === 'loss' ? want.losses[last] : want.norms[last];
    assert.deepEqual(got.counters.divergence, { quantity, value });
  } else {
    assert.equal(got.counters.divergence, null);
  }
  if (training.lossScale) {
    want.states.forEach((scale, n) => {
      const { scale: factor, steadySteps, skippedSteps } = got.results[n];
      assert.deepEqual({ scale: factor, steadySteps, skippedSteps }, scale, `after batch ${n}`);
    });
    assert.deepEqual(got.counters.lossScale, want.states[last]);
  }
  return { got, want };
}

function drawTraining(maxNorm: number | null, lossScale: LossScaleState | null): Training {
  const random = new Random(17);
  const P = 700;
  const parameters = uniform(random, P);
  const batches = [1, 2, 3, 4, 5].map(() => drawBatch(random, 2, P, lossScale?.scale ?? 1));
  return { rule: RULES[3], splits: 2, parameters, maxNorm, lossScale, updatesBefore: 4, batches };
}

test('a loss that is not finite ends the training before its update', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const maxNorm of [null, 1]) {
      const training = drawTraining(maxNorm, null);
      training.batches[2].losses[18] = value;
      training.batches[2].partials.fill(Number.NaN);
      const { got } = await diverge(gpu.device, training);
      assert.equal(got.counters.divergence?.quantity, 'loss');
    }
    const training = drawTraining(1, { scale: 256, steadySteps: 0, skippedSteps: 0 });
    training.batches[1].losses[0] = value;
    await diverge(gpu.device, training);
  }
});

test('a gradient that is not finite ends the training, where the norm is computed', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const training = drawTraining(1, null);
    training.batches[3].partials[1399] = value;
    const { got } = await diverge(gpu.device, training);
    assert.equal(got.counters.divergence?.quantity, 'gradient');
  }
});

test('gradients whose squares exceed float32 are clipped', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const training = drawTraining(1, null);
  training.rule = RULES[0];
  for (let n = 0; n < 700; n += 3) training.batches[1].partials[n] = 1e30 * (n - 350);
  const { got, want } = await diverge(gpu.device, training);
  assertWithin('norm', [got.results[1].norm], [want.norms[1]], { units: 16, why: 'a tree sum' });
});

test('in mixed precision an overflow skips the update and halves the scale', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { growthInterval, least } = LOSS_SCALING;
  for (const [scale, steadySteps, overflows] of [
    [65536, 0, [1]],
    [65536, growthInterval - 2, []],
    [1024, growthInterval - 1, [1, 2]],
    [4 * least, 7, [0, 1, 2]],
  ] as const) {
    const training = drawTraining(null, { scale, steadySteps, skippedSteps: 3 });
    for (const batch of overflows) training.batches[batch].partials[5] = Number.POSITIVE_INFINITY;
    const { want } = await diverge(gpu.device, training);
    assert.equal(want.verdicts.includes('skip'), overflows.length > 0);
  }
});
