/**
 * Protects augmentation on a GPU: images are varied on the device by the words that the host draws, strokes are varied
 * on the host, and data that is too large for the device is read on the host.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { type Augmentation, isAugmenting, NO_AUGMENTATION } from '#src/data/augmentation.js';
import { normalisation } from '#src/data/images/image-preprocessing.js';
import { openAugmented, openSequences, type SequencesData } from '#src/data/sources.js';
import { firstIndices } from '#src/data/split.js';
import { Random } from '#src/random.js';
import { DeviceExamples } from '#src/train/gpu/data/device-examples.js';
import { readInThreads } from '#src/train/gpu/data/reading-threads.js';
import { gpuOrSkip, testGpu } from '../../backends/webgpu/software-gpu.js';
import { assertGathered, type GatherOptions, gatherAll, packOnHost } from './gathered.js';
import { images, strokes } from './small-parts.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

const SEED = 2 ** 33 + 5;
const EPOCH = 6;

/** Gathers all batches of an epoch, and compares them with those of the host. */
async function check(
  device: GpuDevice,
  data: SequencesData,
  amounts: Partial<Augmentation>,
  options: GatherOptions,
  compare?: (found: number, wanted: number, where: string) => void,
): Promise<void> {
  const { batchSize } = options;
  const augmentation = { ...NO_AUGMENTATION, ...amounts };
  const training = { seed: SEED, augmentation };
  const { count, inputSize } = openSequences(data);
  const order = new Random(11).shuffle(firstIndices(count));
  const { capacity, batches } = await gatherAll(
    device,
    data,
    { epoch: EPOCH, order },
    { ...options, training },
  );
  for (const gathered of batches) {
    const indices = order.slice(gathered.batch * batchSize, (gathered.batch + 1) * batchSize);
    const expected = isAugmenting(augmentation, EPOCH)
      ? packOnHost(
          openAugmented(data, augmentation, SEED).draw(indices, EPOCH),
          firstIndices(indices.length),
          indices,
        )
      : packOnHost(openSequences(data), indices, indices);
    assertGathered(gathered, expected, capacity, { batchSize, inputSize }, compare);
  }
}

/**
 * Compares normalised values as bytes. Coordinates are float32 on the device: an error of about 2⁻²¹ pixels, times 255,
 * moves few values across the middle between two bytes.
 */
function byteComparison(mean: number, std: number) {
  const table = normalisation(mean, std);
  const bytes = new Map([...table].map((value, byte) => [value, byte]));
  const seen = { values: 0, different: 0, inked: 0 };
  const compare = (found: number, wanted: number, where: string) => {
    if (wanted === 0) return assert.equal(found, 0, where); // padding
    const [byte, other] = [bytes.get(wanted) ?? Number.NaN, bytes.get(found) ?? Number.NaN];
    assert.ok(Math.abs(byte - other) <= 1, `${where}: byte ${other}, expected ${byte}`);
    seen.values++;
    if (byte > 0) seen.inked++;
    if (byte !== other) seen.different++;
  };
  return { seen, compare };
}

const amounts: [string, Partial<Augmentation>][] = [
  ['rotation', { rotation: 180 }],
  ['scale', { scale: 0.5 }],
  ['shear', { shear: 0.4 }],
  ['shift', { shift: 2 }],
  ['elastic', { elastic: 1.5 }],
  ['thickness, by the processor', { thickness: 0.7, shift: 1 }],
  ['all', { rotation: 12, scale: 0.15, shear: 0.15, shift: 2, elastic: 1 }],
  ['a shift out of the image', { shift: 1000, elastic: 1000 }],
];

for (const [name, amount] of amounts) {
  test(`images varied by ${name}: bytes of the host, few of them one off`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    const parts = [
      images(4, 6, null),
      images(15, 3, 3, { channels: 3, height: 5, width: 3 }),
      images(1, 6, null, { channels: 1, height: 6, width: 1 }),
    ];
    for (const data of parts) {
      const { mean, std } = data.preprocessing;
      const { compare, seen } = byteComparison(mean, std);
      await check(gpu.device, data, amount, { batchSize: 8 }, compare);
      assert.ok(seen.inked > seen.values / 20 || amount.shift === 1000, 'there is something to compare');
      assert.ok(seen.different <= 0.002 * seen.values, `${seen.different} of ${seen.values} bytes differ`);
    }
  });
}

test('an epoch without augmentation: the bits of images and strokes as they are', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const parts: [SequencesData, Partial<Augmentation>][] = [
    [images(8, 3, 7), { rotation: 12, elastic: 1 }],
    [images(8, 3, 7), { thickness: 1 }],
    [strokes(), { resample: 0.6 }],
  ];
  for (const [data, amount] of parts) {
    await check(gpu.device, data, { ...amount, until: EPOCH - 1 }, { batchSize: 8 });
  }
});

test('images with amounts that do not vary them keep their bits', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  await check(gpu.device, images(8, 3, 7), { elastic: 1e-30 }, { batchSize: 8 });
});

const strokeAmounts: [string, Partial<Augmentation>][] = [
  ['moved', { rotation: 12, scale: 0.15, shear: 0.15, shift: 2, jitter: 0.25 }],
  ['longer and shorter', { drop: 0.2, resample: 0.6 }],
  ['in another order', { reverse: 0.5, shuffle: 0.5, flip: 0.5 }],
];

for (const [name, amount] of strokeAmounts) {
  test(`strokes ${name}: the bits of the host, in every window of batches`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    for (const windowBytes of [1, 2000, 2 ** 21]) {
      await check(gpu.device, strokes(), amount, { batchSize: 8, windowBytes });
    }
  });
}

test('edges are found on the host, in pictures as they are and in varied ones', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const data = images(2, 36, null, { channels: 1, height: 4, width: 6, edges: true });
  assert.equal(new DeviceExamples(gpu.device).open(data), null);
  await check(gpu.device, data, {}, { batchSize: 8 });
  await check(
    gpu.device,
    data,
    { rotation: 12, elastic: 1, thickness: 0.5 },
    { batchSize: 8, windowBytes: 3000 },
  );
});

test('data that the device cannot hold is read on the host', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu;
  const options = { batchSize: 8, maxBytes: 100, windowBytes: 3000 };
  await check(device, images(8, 3, 7), {}, options);
  await check(device, images(8, 3, 7), { rotation: 12, elastic: 1 }, options);
  await check(device, strokes(), {}, options);
});

test('strokes varied by threads, ahead: the same bits, with any number of them', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const amounts = { rotation: 12, jitter: 0.25, drop: 0.1, resample: 0.3, shuffle: 0.5 };
  for (const threads of [1, 3]) {
    const options = { batchSize: 8, windowBytes: 2000, startReader: readInThreads(threads) };
    await check(gpu.device, strokes(), amounts, options);
  }
});

test('an error of a thread that reads is thrown, and a closed reader says so', async () => {
  const data = strokes();
  const reader = readInThreads(2)(data, { seed: 1, augmentation: { ...NO_AUGMENTATION, drop: 0.1 } });
  await assert.rejects(reader.read(Int32Array.of(1, 2, 1000), 1), /augmentation: sample 1000 of 40/);
  assert.equal((await reader.read(Int32Array.of(3), 1))[0].lengths.length, 1);
  const pending = reader.read(Int32Array.of(3), 1);
  reader.close();
  await assert.rejects(pending, /closed/);
  await assert.rejects(reader.read(Int32Array.of(3), 1), /closed/);
});
