/**
 * Protects what a GPU trains on: batches gathered on the device are those that the host packs, bit for bit, in its
 * order, with its keys of dropout, and with zeros where there is no value.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { openSequences, type SequencesData } from '#src/data/sources.js';
import { firstIndices } from '#src/data/split.js';
import { deriveKey, Random } from '#src/random.js';
import type { FeedPlan } from '#src/train/gpu/data/batch-feed.js';
import { DeviceExamples } from '#src/train/gpu/data/device-examples.js';
import { gpuOrSkip, testGpu } from '../../backends/webgpu/software-gpu.js';
import { assertGathered, type GatherOptions, gatherAll, packOnHost } from './gathered.js';
import { arrays, images, strokes } from './small-parts.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

const DROPOUT_STREAM = 0x64726f70;

/** Gathers, and compares each batch with `packBatch`. */
async function check(
  device: GpuDevice,
  data: SequencesData,
  options: GatherOptions,
  plan: Partial<FeedPlan> = {},
): Promise<void> {
  const source = openSequences(data);
  const { inputSize } = source;
  const order = new Random(11).shuffle(firstIndices(source.count));
  const full = { epoch: 4, order, ...plan };
  const { capacity, batches } = await gatherAll(device, data, full, options);
  for (const gathered of batches) {
    const begin = gathered.batch * options.batchSize;
    const indices = full.order.slice(begin, begin + options.batchSize);
    assertGathered(gathered, packOnHost(source, indices, indices), capacity, {
      batchSize: options.batchSize,
      inputSize,
    });
  }
  assert.ok(batches.length > 0);
}

const readings: [string, SequencesData][] = [
  ['images by rows', images(4, 6, null)],
  ['images by pixels', images(24, 1, null)],
  ['images by patches of 3, permuted', images(8, 3, 7)],
  ['images as one step', images(1, 24, null)],
  ['images by rows and columns', images(4, 12, 7, { channels: 1, height: 4, width: 6, scan: 'both' })],
  ['images of 45 bytes, which are no whole words', images(5, 9, 2, { channels: 3, height: 5, width: 3 })],
  ['strokes', strokes()],
  ['strokes with context', strokes({ context: true })],
  ['arrays of a program', arrays()],
];

for (const [name, data] of readings) {
  test(`${name}: batches are those of packBatch, also the short last one`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    await check(gpu.device, data, { batchSize: 8 });
  });
}

test('batches of one, batches of more than a block, and a batch of all', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  for (const batchSize of [1, 18, 40]) await check(gpu.device, strokes(), { batchSize });
});

test('a batch in passes: the sorted batch is cut, and a short batch leaves passes empty', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  await check(gpu.device, strokes(), { batchSize: 33, passes: 2 });
  await check(gpu.device, images(4, 6, null), { batchSize: 16, passes: 4 });
});

test('an epoch that is taken up in the middle, and an order with repetitions', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  await check(gpu.device, strokes(), { batchSize: 8 }, { firstBatch: 2, endBatch: 4 });
  await check(gpu.device, arrays(), { batchSize: 3 }, { order: Int32Array.of(5, 5, 5, 1, 18) });
});

test('keys of dropout are those of the host', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const data = strokes();
  const source = openSequences(data);
  const seed = 2 ** 40 + 77;
  const order = new Random(1).shuffle(firstIndices(source.count));
  const options = { batchSize: 16, training: { seed, augmentation: NO_AUGMENTATION } };
  const { batches } = await gatherAll(gpu.device, data, { epoch: 3, order }, options);
  for (const { batch, passes } of batches) {
    const indices = order.slice(16 * batch, 16 * batch + 16);
    packOnHost(source, indices, indices).indices.forEach((index, b) => {
      const key = [...passes[0].keys.subarray(2 * b, 2 * b + 2)];
      assert.deepEqual(key, deriveKey(seed, DROPOUT_STREAM, 3, index));
    });
  }
});

test('a counter that has left the plan gives a whole batch: its words bound loops of kernels', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const data = strokes();
  const order = firstIndices(40);
  const plan = { epoch: 1, order, firstBatch: 2 };
  for (const counter of [0, 1, 5, 2 ** 32 - 1]) {
    const { batches } = await gatherAll(gpu.device, data, plan, { batchSize: 8, counter });
    const [first] = batches;
    for (const batch of batches) assert.deepEqual(batch.passes[0].words, first.passes[0].words);
    assert.equal(first.passes[0].words[0], 8);
  }
});

test('without dropout, no keys are written', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  await check(gpu.device, strokes(), { batchSize: 8, keys: false });
});

test('halves: the values of mixed precision are those of float32, rounded', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const data = images(4, 6, null);
  const order = Int32Array.of(3, 8, 1, 20);
  const plan = { epoch: 1, order };
  const floats = await gatherAll(gpu.device, data, plan, { batchSize: 4 });
  const halves = await gatherAll(gpu.device, data, plan, { batchSize: 4, storage: 'float16' });
  const { inputs } = floats.batches[0].passes[0];
  const words = halves.batches[0].passes[0].halves;
  assert.equal(words.length, inputs.length / 2);
  inputs.forEach((value, n) => {
    const half = halfToFloat((words[n >> 1] >>> (16 * (n & 1))) & 0xffff);
    // Half a unit in the last of the 11 bits.
    assert.ok(Math.abs(half - value) <= 2 ** -11 * Math.abs(value), `${value}: ${half}`);
  });
});

/** A normal number or zero. */
function halfToFloat(bits: number): number {
  if ((bits & 0x7fff) === 0) return 0;
  const magnitude = 2 ** (((bits >> 10) & 31) - 15) * (1 + (bits & 1023) / 1024);
  return bits & 0x8000 ? -magnitude : magnitude;
}

test('parts with the same examples share memory', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu;
  const before = device.bytes;
  const examples = new DeviceExamples(device);
  const data = images(4, 6, 1);
  const first = examples.open(data);
  const bytes = device.bytes - before;
  assert.ok(bytes < 23 * 24 + 4 + 24 * 4, `${bytes} bytes: pixels are bytes`);
  assert.equal(examples.open({ ...data })?.values, first?.values);
  assert.equal(device.bytes - before, bytes);
  examples.close();
  assert.equal(device.bytes, before);
});
