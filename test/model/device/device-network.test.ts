/**
 * Protects the order of a network's dispatches on a GPU: a stack and layers give the same gradients as the host's network,
 * in float32 and in mixed precision; splits add up; memory is what was counted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { padded } from '#src/backends/webgpu/verbs.js';
import { numberToHalf } from '#src/half.js';
import {
  type ClassifierConfig,
  type ResolvedClassifierConfig,
  resolveClassifierConfig,
} from '#src/model/classifier-config.js';
import { DeviceNetwork, deviceMemory } from '#src/model/device/device-network.js';
import type { DevicePlan } from '#src/model/device/device-plan.js';
import { canStack } from '#src/model/device/stacked-network.js';
import { Network } from '#src/model/network.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { openWorkspace, type Precision, workspaceSize } from '#src/model/workspace.js';
import { Random } from '#src/random.js';
import { gpuOrSkip } from '../../backends/webgpu/software-gpu.js';
import { batchSizesOf, uniform } from '../../cases/draw.js';
import { assertSameBits, assertWithin, type Tolerance } from '../../cases/oracle/comparison.js';

/** Two blocks, so that gradients can be split. Longest first. */
const LENGTHS = [6, 6, 5, 5, 5, 4, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1];
const B = LENGTHS.length;
const [I, K] = [3, 4];
const SMALL = { inputSize: I, hiddenSize: 6, numClasses: K, numLayers: 2, head: 'final' } as const;
const BOTH = { ...SMALL, bidirectional: true } as const;

interface Problem {
  config: ResolvedClassifierConfig;
  layout: ParameterLayout;
  parameters: Float32Array;
  /** [B] each [T_b, I] */ sequences: Float32Array[];
  labels: Int32Array;
  /** [B, 2] */ keys: Int32Array;
}

function problem(config: ClassifierConfig): Problem {
  const random = new Random(5);
  const resolved = resolveClassifierConfig(config);
  const layout = new ParameterLayout(resolved);
  return {
    config: resolved,
    layout,
    parameters: uniform(random, layout.length, 0.4),
    sequences: LENGTHS.map((length) => uniform(random, length * I, 2)),
    labels: Int32Array.from(LENGTHS, (_, b) => (3 * b) % K),
    keys: Int32Array.from({ length: 2 * B }, () => random.word()),
  };
}

const PLAN = {
  capacity: { ...capacityFor(B, LENGTHS[0]), rows: 16 * (LENGTHS[0] + LENGTHS[16]) },
  precision: 'float32',
  training: true,
  inputGradient: false,
  keepsAll: false,
} as const;

interface Outcome {
  losses: Float32Array;
  /** [P] */ gradients: Float32Array;
}

async function onDevice(
  device: GpuDevice,
  { config, layout, parameters: values, sequences, labels, keys }: Problem,
  options: Partial<DevicePlan> & { splits?: number; dropout?: boolean } = {},
): Promise<Outcome> {
  const { splits = 1, dropout = false, ...more } = options;
  const plan: DevicePlan = { ...PLAN, config, ...more };
  const P = layout.length;
  const parameters = device.allocate(P);
  const [losses, correct, partials] = [B, B, splits * P].map((words) => device.allocate(words));
  const network = new DeviceNetwork(device, plan, layout, parameters);
  const { buffers } = network;
  const { words, rows, rowOf } = layOut(plan.capacity, LENGTHS);
  const inputs = new Float32Array(rows * padded(I));
  sequences.forEach((sequence, b) => {
    for (let t = 0; t < LENGTHS[b]; t++) {
      inputs.set(sequence.subarray(t * I, (t + 1) * I), rowOf(b, t) * padded(I));
    }
  });
  const isMixed = plan.precision === 'float16';
  device.write(parameters, values);
  device.write(buffers.words, words);
  device.write(
    buffers.inputs,
    isMixed ? new Uint32Array(Uint16Array.from(inputs, numberToHalf).buffer) : inputs,
  );
  device.write(buffers.labels, labels);
  device.write(buffers.dropoutKeys, keys);
  const gradients = { partials, splits, parameters: P };
  const pass = { dropout, labelSmoothing: 0.1, state: null, losses, correct, gradients };
  await device.run([...network.panels(), ...network.trainingPass(pass)]);
  const parts = await device.readFloats(partials);
  const sum = parts.slice(0, P);
  for (let n = P; n < splits * P; n++) sum[n % P] += parts[n];
  const outcome = { losses: await device.readFloats(losses), gradients: sum };
  network.close();
  for (const slice of [parameters, losses, correct, partials]) device.release(slice);
  return outcome;
}

function onHost(from: Problem, precision: Precision = 'float32', dropout = false): Outcome {
  const { config, layout, sequences, labels, keys } = from;
  const backend = new ReferenceBackend();
  const floats = (values: Float32Array) => {
    const buffer = backend.allocate(values.length);
    buffer.set(values);
    return buffer;
  };
  const parameters = floats(from.parameters);
  const panels = backend.allocate(Network.panelsLength(config, backend, { precision }));
  const network = new Network(config, layout, backend, parameters, panels, { precision });
  const batchSizes = backend.allocateInts(LENGTHS[0]);
  batchSizes.set(batchSizesOf(LENGTHS));
  const rows: number[] = [];
  batchSizes.forEach((running, t) => {
    for (let b = 0; b < running; b++) rows.push(...sequences[b].subarray(t * I, (t + 1) * I));
  });
  const N = rows.length / I;
  const capacity = { batchSize: B, steps: LENGTHS[0], rows: N, training: true };
  const plan = { config, backend, precision, capacity };
  const size = workspaceSize(plan);
  const memory = { floats: backend.allocate(size.floats), ints: backend.allocateInts(size.ints) };
  const inputs = floats(Float32Array.from(rows));
  const batch = { batchSize: B, steps: LENGTHS[0], rows: N, inputs, batchSizes };
  const logits = network.forward(batch, openWorkspace(plan, memory), { dropoutKeys: dropout ? keys : null });
  const losses = backend.allocate(B);
  const dLogits = backend.allocate(B * K);
  const loss = { rows: B, classes: K, logits, labels, labelSmoothing: 0.1, losses, dLogits };
  backend.crossEntropy({ ...loss, gradientScale: 1 / B });
  const gradients = backend.allocate(layout.length);
  network.backward(dLogits, gradients);
  return { losses, gradients };
}

const FLOAT32: Tolerance = { units: 64, floor: 0.1, why: 'float32 sums in other orders, in two layers' };
/** 2¹³ units are a rounding to halves. */
const MIXED: Tolerance = {
  units: 4 * 2 ** 13,
  floor: 0.1,
  why: 'activations and gradients of gates are rounded to halves, in other places than on the host',
};

function compare(got: Outcome, want: Outcome, tolerance: Tolerance): void {
  assertWithin('losses', got.losses, want.losses, { ...tolerance, floor: 1 });
  assertWithin('gradients', got.gradients, want.gradients, tolerance);
}

test('a small network in one direction runs as a stack, other networks layer by layer', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const stacks = (config: ClassifierConfig, more: Partial<DevicePlan> = {}) => {
    const resolved = resolveClassifierConfig(config);
    const plan = { ...PLAN, config: resolved, ...more };
    return canStack(gpu.device, plan, new ParameterLayout(resolved));
  };
  assert.ok(stacks(SMALL));
  assert.ok(!stacks(BOTH));
  assert.ok(!stacks(SMALL, { keepsAll: true }));
  assert.ok(!stacks(SMALL, { inputGradient: true }));
  assert.ok(!stacks({ ...SMALL, dropout: 0.5 }), 'dropout is drawn layer by layer');
  assert.ok(stacks({ ...SMALL, dropout: 0.5 }, { training: false }), 'inference has no dropout');
});

test('a training pass gives the gradients of the host, as a stack and layer by layer', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const config of [SMALL, BOTH]) {
    const from = problem(config);
    const want = onHost(from);
    compare(await onDevice(gpu.device, from), want, FLOAT32);
    compare(await onDevice(gpu.device, from, { keepsAll: true, splits: 2 }), want, FLOAT32);
  }
});

test('a training pass in mixed precision gives the gradients of the host', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const config of [SMALL, BOTH]) {
    const from = problem(config);
    compare(await onDevice(gpu.device, from, { precision: 'float16' }), onHost(from, 'float16'), MIXED);
  }
  const dropping = problem({ ...BOTH, layerDropout: 0.3, dropout: 0.2 });
  const got = await onDevice(gpu.device, dropping, { precision: 'float16', dropout: true });
  compare(got, onHost(dropping, 'float16', true), MIXED);
});

test('the same pass gives the same bits again', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const keepsAll of [false, true]) {
    const from = problem(SMALL);
    const [first, again] = [
      await onDevice(gpu.device, from, { keepsAll, splits: 2 }),
      await onDevice(gpu.device, from, { keepsAll, splits: 2 }),
    ];
    assertSameBits(again.gradients, first.gradients, 'gradients');
  }
});

test('a network allocates what was counted, and frees it', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu;
  for (const config of [SMALL, { ...BOTH, layerDropout: 0.1 }, { ...BOTH, hiddenSize: 100 }]) {
    const { layout, config: resolved } = problem(config);
    for (const training of [false, true]) {
      const plan = { ...PLAN, config: resolved, training };
      const before = device.bytes;
      const { bytes, largest } = deviceMemory(device, plan, layout);
      assert.equal(device.bytes, before, 'counting allocates nothing');
      const parameters = device.allocate(layout.length);
      const network = new DeviceNetwork(device, plan, layout, parameters);
      assert.equal(device.bytes - before - parameters.size, bytes);
      assert.ok(largest > 0 && largest <= bytes);
      network.close();
      device.release(parameters);
      assert.equal(device.bytes, before);
    }
  }
});
