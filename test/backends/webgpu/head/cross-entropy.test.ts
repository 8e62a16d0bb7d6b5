/**
 * Protects the loss on the GPU: its logarithm over all magnitudes, losses and gradients against the reference, sure
 * answers to their last digits, and what it tells a training's state.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { crossEntropy } from '#src/backends/webgpu/head/cross-entropy.js';
import { dispatch, kernel, read, write } from '#src/backends/webgpu/kernel.js';
import { LOGARITHM } from '#src/backends/webgpu/logarithm.js';
import { epochWords, type UpdateRule } from '#src/backends/webgpu/update/training-state.js';
import { Random } from '#src/random.js';
import { uniform } from '../../../cases/draw.js';
import { DeviceMemory, PATTERN } from '../device-memory.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

const SMALLEST_NORMAL = 2 ** -126;

test('log1pOf: at most 4 ulp off over all magnitudes', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const LOG = kernel(
    'log1p',
    { x: read('f32'), y: write('f32') },
    `${LOGARITHM}
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&x)) { y[id.x] = log1pOf(x[id.x]); }
}`,
  );
  // Every 8,191st bit pattern from 0 to infinity, and a dense range about 1 + x = √2 and 2.
  const bits = Uint32Array.from({ length: Math.floor(0x7f800000 / 8191) }, (_, n) => n * 8191);
  const dense = Float32Array.from({ length: 100_000 }, (_, n) => n / 70_001);
  const inputs = Float32Array.from([...new Float32Array(bits.buffer), ...dense]);
  const memory = new DeviceMemory(gpu.device);
  const y = memory.output(inputs.length);
  await gpu.device.run([dispatch(LOG, { x: memory.input(inputs), y }, [Math.ceil(inputs.length / 256)])]);
  const outputs = await memory.floats(y);
  await memory.close();
  let worst = 0;
  inputs.forEach((x, n) => {
    const want = Math.log1p(x);
    const error = Math.abs(outputs[n] - want);
    // Half of the result may be flushed to zero.
    if (want < 2 * SMALLEST_NORMAL && error <= 2 * SMALLEST_NORMAL) return;
    const ulp = 2 ** (Math.floor(Math.log2(want)) - 23);
    if (!(error <= 4 * ulp)) assert.fail(`log1pOf(${x}) is ${outputs[n]}, expected ${want}`);
    worst = Math.max(worst, error / ulp);
  });
  if (process.env.SCANSTROKE_MARGINS) console.log(`log1pOf: at most ${worst.toFixed(2)} ulp off`);
});

interface Losses {
  losses: Float32Array;
  correct: Uint32Array;
  dLogits: Float32Array;
}

interface Task {
  /** [B, K] */ logits: Float32Array;
  /** [B] */ labels: Int32Array;
  classes: number;
  labelSmoothing: number;
  /** Sequences of the whole batch, and before this pass. Default: one pass. */
  total?: number;
  first?: number;
}

async function onDevice(device: GpuDevice, task: Task): Promise<Losses> {
  const { logits, labels, classes, labelSmoothing, total = labels.length, first = 0 } = task;
  const B = labels.length;
  const memory = new DeviceMemory(device);
  const capacity = capacityFor(B, 3);
  const rows = capacity.blocks * capacity.lanes;
  // What lies after the last sequence may be anything.
  const padded = new Float32Array(rows * classes).fill(Number.NaN);
  padded.set(logits);
  const words = memory.input(layOut(capacity, new Array(B).fill(3), total, first).words);
  const [losses, correct, dLogits] = [total, total, rows * classes].map((length) => memory.output(length));
  const args = { batch: { capacity, words }, classes, labelSmoothing, losses, correct, state: null };
  const inputs = { logits: memory.input(padded), labels: memory.input(labels) };
  await device.run(crossEntropy({ ...args, ...inputs, dLogits }));
  const results = {
    losses: await memory.floats(losses),
    correct: await memory.words(correct),
    dLogits: await memory.floats(dLogits),
  };
  await memory.close();
  return results;
}

const reference = new ReferenceBackend({ storage: 'float64' });

function onHost({ logits, labels, classes, labelSmoothing, total = labels.length }: Task) {
  const B = labels.length;
  const losses = reference.allocate(B);
  const dLogits = reference.allocate(B * classes);
  const inputs = reference.allocate(B * classes);
  inputs.set(logits);
  const ints = reference.allocateInts(B);
  ints.set(labels);
  reference.crossEntropy({
    rows: B,
    classes,
    logits: inputs,
    labels: ints,
    labelSmoothing,
    losses,
    dLogits,
    gradientScale: 1 / total,
  });
  return { losses, dLogits };
}

function firstLargest(logits: Float32Array): number {
  return logits.reduce((best, value, k) => (value > logits[best] ? k : best), 0);
}

/** Fails unless |got - want| ≤ relative · |want| + absolute. */
function assertClose(what: string, got: ArrayLike<number>, want: ArrayLike<number>, absolute: number) {
  for (let n = 0; n < want.length; n++) {
    const allowed = 1e-6 * Math.abs(want[n]) + absolute;
    if (!(Math.abs(got[n] - want[n]) <= allowed)) {
      assert.fail(`${what}[${n}] is ${got[n]}, expected ${want[n]}`);
    }
  }
}

const SHAPES = [
  [1, 1],
  [3, 2],
  [33, 10],
  [17, 16],
  [5, 345],
];

test('losses, answers and gradients are the reference’s', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const [n, [B, classes]] of SHAPES.entries()) {
    for (const labelSmoothing of n % 2 ? [0.1] : [0, 0.2]) {
      const random = new Random(B, classes);
      const logits = uniform(random, B * classes, 8);
      // Two of the largest, in one row.
      for (let k = 0; k < Math.min(2, classes); k++) logits[k] = 9;
      const labels = Int32Array.from({ length: B }, (_, b) => (b === 0 ? 0 : random.below(classes)));
      const task = { logits, labels, classes, labelSmoothing };
      const got = await onDevice(gpu.device, task);
      const want = onHost(task);
      // A sum over the classes of terms up to 16.
      assertClose('losses', got.losses, want.losses, 16 * 2 ** -22);
      assertClose('dLogits', got.dLogits.subarray(0, B * classes), want.dLogits, 2 ** -22 / B);
      assert.ok(got.dLogits.subarray(B * classes).every((value) => value === 0));
      for (let b = 0; b < B; b++) {
        const answer = firstLargest(logits.subarray(b * classes, (b + 1) * classes));
        assert.equal(got.correct[b], answer === labels[b] ? 1 : 0, `sequence ${b}`);
      }
    }
  }
});

test('sure answers keep their digits, and extreme logits are exact', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const inf = Number.POSITIVE_INFINITY;
  const rows = [
    [20, 0, 1],
    [60, 0, -1],
    [0, 0, 0],
    [1e6, -1e6, 0],
    [-3e38, 3e38, 0],
    [0, -inf, -2],
    [88, 0.5, 0],
  ];
  const task = {
    logits: Float32Array.from(rows.flat()),
    labels: Int32Array.of(0, 0, 1, 1, 1, 0, 0),
    classes: 3,
    labelSmoothing: 0,
  };
  const got = await onDevice(gpu.device, task);
  const want = onHost(task);
  // The reference rounds 1 + rest to float64.
  assertClose('losses', got.losses, want.losses, 1e-15);
  assertClose('dLogits', got.dLogits.subarray(0, 21), want.dLogits, 1e-15);
});

test('what is not finite makes the loss of its sequence NaN or infinite, and no other', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const inf = Number.POSITIVE_INFINITY;
  const rows = [
    [0, 1, Number.NaN],
    [Number.NaN, 1, 2],
    [inf, 1, 2],
    [-inf, 1, 2],
    [0, 1, 2],
  ];
  const task = {
    logits: Float32Array.from(rows.flat()),
    labels: new Int32Array(5),
    classes: 3,
    labelSmoothing: 0,
  };
  const { losses } = await onDevice(gpu.device, task);
  assert.deepEqual([...losses.subarray(0, 4)], [Number.NaN, Number.NaN, Number.NaN, inf]);
  assert.ok(Number.isFinite(losses[4]));
});

test('a pass writes to its place in the batch, and its gradients are those of the whole', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const random = new Random(4);
  const logits = uniform(random, 20 * 7, 4);
  const labels = Int32Array.from({ length: 20 }, () => random.below(7));
  const task = { logits, labels, classes: 7, labelSmoothing: 0 };
  const whole = await onDevice(gpu.device, { ...task, total: 50 });
  const part = { ...task, logits: logits.slice(0, 9 * 7), labels: labels.slice(0, 9), total: 50, first: 30 };
  const got = await onDevice(gpu.device, part);
  assert.deepEqual(got.losses.subarray(30, 39), whole.losses.subarray(0, 9));
  assert.deepEqual(got.correct.subarray(30, 39), whole.correct.subarray(0, 9));
  assert.deepEqual(got.dLogits.subarray(0, 9 * 7), whole.dLogits.subarray(0, 9 * 7));
  const others = new Uint32Array(got.losses.buffer).filter((_, n) => n < 30 || n >= 39);
  assert.ok(others.every((word) => word === PATTERN));
});

test('a training’s loss scale multiplies the gradients, and its batch begins', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const random = new Random(9);
  const memory = new DeviceMemory(gpu.device);
  const capacity = capacityFor(5, 2);
  const words = memory.input(layOut(capacity, [2, 2, 2, 1, 1], 40, 8).words);
  const rule: UpdateRule = {
    name: 'sgd',
    momentum: 0,
    nesterov: false,
    betas: [0, 0],
    eps: 0,
    weightDecay: 0,
  };
  const start = { firstBatch: 2, learningRates: [1, 2, 3], updatesBefore: 0 };
  const lossScale = { scale: 512, steadySteps: 6, skippedSteps: 4 };
  const state = { batches: 3, words: memory.changed(epochWords(3, rule, { ...start, lossScale })) };
  const args = {
    batch: { capacity, words },
    classes: 4,
    logits: memory.input(uniform(random, 8 * 4)),
    labels: memory.input(new Int32Array(8)),
    labelSmoothing: 0.1,
    losses: memory.output(40),
    correct: memory.output(40),
  };
  const [plain, scaled] = [memory.output(32), memory.output(32)];
  await gpu.device.run([
    ...crossEntropy({ ...args, dLogits: plain, state: null }),
    ...crossEntropy({ ...args, dLogits: scaled, state }),
  ]);
  const want = (await memory.floats(plain)).map((value) => value * 512);
  assert.deepEqual(await memory.floats(scaled), want);
  const all = await memory.words(state.words);
  const next = all.slice(0, 16);
  assert.equal(next[0], 2);
  next[7] = 40; // sequences of the whole batch
  assert.deepEqual(all.slice(16, 24), next.slice(0, 8));
  await memory.close();
});
