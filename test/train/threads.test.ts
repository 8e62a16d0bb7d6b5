/** Protects reproducibility: the same seed gives bit-identical weights with any number of threads. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSafetensors } from 'scanstroke';
import { trainRun } from '#src/train/run/run.js';
import { FASTEST, smallConfig, temporaryFolder, writeSmallMnist } from './small-mnist.js';

process.env.SCANSTROKE_CACHE = temporaryFolder();
const folder = temporaryFolder();
const data = writeSmallMnist(folder, 480, 40);
let runs = 0;

/** Trains. @returns the bytes of every tensor in `last.safetensors`, including the optimiser's */
async function weights(flags: Record<string, unknown>): Promise<Map<string, string>> {
  const config = smallConfig(data, join(folder, `run-${runs++}`), flags);
  for await (const _ of trainRun(config, { stop: new AbortController().signal }));
  const { tensors } = readSafetensors(readFileSync(join(config.savingPath, 'last.safetensors')));
  return new Map(
    [...tensors].map(([name, { data: values }]) => [
      name,
      Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex'),
    ]),
  );
}

/** The settings that are tried with more threads than others. */
const MANY_THREADS = 'clipping, dropout, stacked layers';
// 72 sequences per update are sums of 5 in passes of 30; the last update of an epoch is incomplete.
const settings = {
  [MANY_THREADS]: { numLayers: 2, layerDropout: 0.3, maxNorm: 0.5, batchSize: 72 },
  float16: { precision: 'float16', numLayers: 2, layerDropout: 0.3, batchSize: 72 },
  'augmented strokes': {
    data: `strokes:${data}`,
    preset: 'strokes',
    hiddenSize: 8,
    batchSize: 48,
    numEpochs: 2,
    augmentDrop: 0.1,
    augmentResample: 0.2,
    plainEpochs: 1,
  },
  'augmented images': {
    augmentRotation: 10,
    augmentScale: 0.1,
    augmentShift: 1,
    augmentElastic: 1,
    batchSize: 72,
  },
  'accumulation, SGD with momentum': {
    optimizer: 'sgd',
    accumulationSteps: 2,
    head: 'mean',
    maxNorm: 'none',
  },
};

for (const backend of new Set([FASTEST, 'wasm'])) {
  for (const [name, flags] of Object.entries(settings)) {
    // More threads than sums; once 16, each of which takes as long to start as all the training.
    const numbers = [2, 3, name === MANY_THREADS ? 16 : 4];
    test(`${backend}: ${name}: 1, ${numbers.join(', ')} threads give the same bits`, async () => {
      const one = await weights({ ...flags, backend, threads: 1 });
      assert.ok(one.has('fc.weight'));
      for (const threads of numbers) {
        assert.deepEqual(await weights({ ...flags, backend, threads }), one, `${threads} threads`);
      }
    });
  }
}

test('epochs without augmentation are those of a training without any; the others are varied', async () => {
  const varied = { augmentRotation: 10, augmentShift: 1, numEpochs: 2 };
  const plain = await weights({ numEpochs: 2 });
  assert.deepEqual(await weights({ ...varied, plainEpochs: 2 }), plain);
  assert.deepEqual(await weights({ ...varied, plainEpochs: 3 }), plain);
  const half = await weights({ ...varied, plainEpochs: 1 });
  assert.notDeepEqual(half, plain);
  assert.notDeepEqual(half, await weights(varied));
});

test('another seed gives other weights', async () => {
  const [one, other] = [await weights({ seedNumber: 1 }), await weights({ seedNumber: 2 })];
  assert.notEqual(one.get('fc.weight'), other.get('fc.weight'));
});
