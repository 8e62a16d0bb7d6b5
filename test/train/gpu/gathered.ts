/** Gathers batches on the GPU for tests, and packs the same batches on the host. */
import assert from 'node:assert/strict';
import { type BatchCapacity, capacityFor, layOut, layoutWords } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Slice } from '#src/backends/webgpu/kernel.js';
import { padded, type Storage, storageWords } from '#src/backends/webgpu/verbs.js';
import { packBatch } from '#src/data/sequences/batch.js';
import type { SequenceSource } from '#src/data/sequences/sequence.js';
import { openSequences, type SequencesData } from '#src/data/sources.js';
import { BatchFeed, type FeedPlan } from '#src/train/gpu/data/batch-feed.js';
import { DeviceExamples } from '#src/train/gpu/data/device-examples.js';
import { mostStepsOf, type TrainingDraws } from '#src/train/gpu/data/most-steps.js';
import type { StartReader } from '#src/train/gpu/data/sequence-reader.js';

/** A pass as the device has it. */
export interface GatheredPass {
  words: Int32Array;
  labels: Int32Array;
  keys: Uint32Array;
  /** [N, I'] of the capacity; float16 as pairs of halves. */
  inputs: Float32Array;
  halves: Uint32Array;
}

export interface GatheredBatch {
  batch: number;
  places: Int32Array;
  passes: GatheredPass[];
}

export interface GatherOptions {
  batchSize: number;
  passes?: number;
  storage?: Storage;
  training?: TrainingDraws;
  keys?: boolean;
  windowBytes?: number;
  startReader?: StartReader;
  /** Of examples on the device. */
  maxBytes?: number;
  /** What the device is told instead of the batch. */
  counter?: number;
}

/** Words that no kernel writes. */
export const UNTOUCHED = 0x7fc0dead;

/** Gathers all batches of a plan into memory that holds NaN. */
export async function gatherAll(
  device: GpuDevice,
  data: SequencesData,
  plan: FeedPlan,
  options: GatherOptions,
): Promise<{ capacity: BatchCapacity; batches: GatheredBatch[] }> {
  const { batchSize, passes = 1, storage = 'float32', training = null, keys = true } = options;
  const { inputSize } = openSequences(data);
  const longest = mostStepsOf(data, training).reduce((most, steps) => Math.max(most, steps));
  const capacity = capacityFor(Math.ceil(batchSize / passes), longest);
  const sequences = capacity.lanes * capacity.blocks;
  const allocated: Slice[] = [];
  const allocate = (words: number) => {
    const slice = device.allocate(words);
    allocated.push(slice);
    return slice;
  };
  const counters = allocate(16);
  const targets = {
    words: allocate(layoutWords(capacity)),
    labels: allocate(sequences),
    keys: keys ? allocate(2 * sequences) : null,
    inputs: allocate(storageWords(storage, capacity.rows * padded(inputSize))),
  };
  const before = device.bytes;
  const examples = new DeviceExamples(device, options.maxBytes);
  const { windowBytes, startReader } = options;
  const settings = {
    batchSize,
    capacity,
    passes,
    storage,
    counters,
    targets,
    training,
    windowBytes,
    startReader,
  };
  const feed = new BatchFeed(device, examples, data, settings);
  feed.begin(plan);
  const gathers = await Promise.all(
    Array.from({ length: passes }, (_, pass) => device.prepare(feed.gather(pass))),
  );
  const outputs = [targets.words, targets.labels, targets.keys ?? counters, targets.inputs];
  const { order, firstBatch = 0, endBatch = Math.ceil(order.length / batchSize) } = plan;
  const batches: GatheredBatch[] = [];
  for (let batch = firstBatch; batch < endBatch; batch++) {
    await feed.require(batch);
    const gathered: GatheredPass[] = [];
    for (const prepared of gathers) {
      for (const slice of Object.values(targets)) {
        if (slice) device.write(slice, new Uint32Array(slice.size / 4).fill(UNTOUCHED));
      }
      device.write(counters, Uint32Array.of(options.counter ?? batch));
      device.submit(prepared);
      const [words, labels, drawn, inputs] = await device.read(...outputs);
      gathered.push({
        words: new Int32Array(words),
        labels: new Int32Array(labels),
        keys: new Uint32Array(drawn),
        inputs: new Float32Array(inputs),
        halves: new Uint32Array(inputs),
      });
    }
    batches.push({ batch, places: feed.placesOf(batch), passes: gathered });
  }
  feed.close();
  examples.close();
  assert.equal(device.bytes, before, 'all memory is freed');
  for (const slice of allocated) device.release(slice);
  return { capacity, batches };
}

/** A batch on the host, sorted as `packBatch` does. */
export interface ExpectedBatch {
  /** [B] of the batch, in packed order: index in the part. */
  indices: Int32Array;
  /** [B] positions in the batch. */
  order: Int32Array;
  lengths: Int32Array;
  labels: Int32Array;
  /** Value of column k at step t of packed sequence b. */
  value(b: number, t: number, k: number): number;
}

/** @param source of the sequences; @param at their indices in it; @param indices in the part */
export function packOnHost(source: SequenceSource, at: Int32Array, indices: Int32Array): ExpectedBatch {
  const { inputSize, maxSteps } = source;
  const lengths = Int32Array.from(at, (i) => source.lengthOf(i));
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  const packed = packBatch(source, at, {
    inputs: new Float32Array(rows * inputSize),
    batchSizes: new Int32Array(maxSteps),
    rowStarts: new Int32Array(maxSteps),
    labels: new Int32Array(at.length),
    order: new Int32Array(at.length),
  });
  const { order, rowStarts, inputs, labels } = packed;
  return {
    indices: Int32Array.from(order, (n) => indices[n]),
    order: order.slice(),
    lengths: Int32Array.from(order, (n) => lengths[n]),
    labels: labels.slice(),
    value: (b, t, k) => inputs[(rowStarts[t] + b) * inputSize + k],
  };
}

/**
 * Asserts that the gathered passes are the batch on the host: layout, labels, and every value, with zeros past the ends
 * of sequences and in the padding.
 * @param compare of a value on the device and on the host
 */
export function assertGathered(
  { passes, places, batch }: GatheredBatch,
  expected: ExpectedBatch,
  capacity: BatchCapacity,
  options: { batchSize: number; inputSize: number },
  compare: (found: number, wanted: number, where: string) => void = (found, wanted, where) =>
    assert.ok(Object.is(found, wanted), `${where}: ${found}, expected ${wanted}`),
): void {
  const { lanes, blocks } = capacity;
  const sequences = lanes * blocks;
  const B = expected.lengths.length;
  const width = padded(options.inputSize);
  assert.deepEqual(
    places,
    expected.order.map((n) => n + batch * options.batchSize),
  );
  passes.forEach(({ words, labels, inputs }, pass) => {
    const first = Math.min(B, pass * sequences);
    const count = Math.min(B, first + sequences) - first;
    const layout = layOut(capacity, expected.lengths.subarray(first, first + count), B, first);
    assert.deepEqual(words, layout.words);
    const ownLabels = new Int32Array(sequences);
    ownLabels.set(expected.labels.subarray(first, first + count));
    assert.deepEqual(labels.subarray(0, sequences), ownLabels);
    const seen = new Uint8Array(layout.rows);
    for (let b = 0; b < Math.ceil(count / lanes) * lanes; b++) {
      const ofBlock = expected.lengths[first + Math.floor(b / lanes) * lanes];
      for (let t = 0; t < ofBlock; t++) {
        const row = layout.rowOf(b, t);
        seen[row]++;
        const runs = b < count && t < expected.lengths[first + b];
        for (let k = 0; k < width; k++) {
          const wanted = runs && k < options.inputSize ? expected.value(first + b, t, k) : 0;
          compare(inputs[row * width + k], wanted, `sequence ${b}, step ${t}, column ${k}`);
        }
      }
    }
    assert.ok(seen.every((times) => times === 1));
    const after = new Uint32Array(inputs.buffer).subarray(layout.rows * width);
    assert.ok(
      after.every((word) => word === UNTOUCHED),
      'rows of other passes are not written',
    );
  });
}
