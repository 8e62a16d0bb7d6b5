/** Protects the choice of `openTrainer` between processor and GPU: the faster one trains, and the bits are its own. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openBackend } from '#src/backends/open-node.js';
import type { GpuBackend } from '#src/backends/webgpu/webgpu.js';
import type { StartThread } from '#src/train/team/threads/threads.js';
import { startNodeThread } from '#src/train/team/threads/threads-node.js';
import { createTrainer } from '#src/train/trainer/create-trainer.js';
import type { Trainer } from '#src/train/trainer/trainer.js';
import { gpuOrSkip, testGpu } from '../../backends/webgpu/software-gpu.js';
import { WAVES_CONFIG, waves } from '../examples.js';
import { FASTEST } from '../small-mnist.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

/** Opens a trainer that may take the GPU. The tests share the GPU, so its backend stays open. */
async function open(gpu: GpuBackend | null, startThread: StartThread = startNodeThread): Promise<Trainer> {
  const { batchSize: _, ...examples } = waves(64);
  const options = { optimizer: { name: 'adam', lr: 0.02 }, batchSize: 64, seed: 3 } as const;
  return createTrainer({ ...WAVES_CONFIG, hiddenSize: 8 }, examples, options, {
    backend: await openBackend(FASTEST),
    threads: 1,
    startThread,
    openBackend: () => openBackend(FASTEST),
    openGpu: async () => gpu && { ...gpu, close() {} },
  });
}

/** A thread that takes a minute for every command. */
const startSlowThread: StartThread = (member, backend) => {
  const thread = startNodeThread(member, backend);
  const [run, end] = [thread.run.bind(thread), thread.end.bind(thread)];
  let ended = () => {};
  const atEnd = new Promise<never>((_, reject) => {
    ended = () => reject(new Error('ended'));
  });
  atEnd.catch(() => {});
  thread.run = (command) =>
    Promise.race([atEnd, setTimeout(60_000, null, { ref: false }).then(() => run(command))]);
  thread.end = () => {
    ended();
    return end();
  };
  return thread;
};

/** What a trainer computes with, and the bits of its parameters after an epoch. */
async function trained(trainer: Trainer) {
  const { loss } = await trainer.epoch();
  const parameters = [...(await trainer.stateDict()).values()].map(({ data }) => data);
  await trainer.close();
  return { description: trainer.description, loss, parameters };
}

test('a processor that is faster trains, with the bits that it has without a GPU', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu?.device.isSoftware) return t.skip('needs a GPU that is slow for certain');
  const before = gpu.device.bytes;
  const found = await trained(await open(gpu));
  assert.match(found.description, new RegExp(`^${FASTEST} `));
  assert.equal(gpu.device.bytes, before, "the GPU's engine is closed");
  assert.deepEqual(found, await trained(await open(null)));
});

test('a GPU that is faster trains', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const found = await trained(await open(gpu, startSlowThread));
  assert.match(found.description, /^webgpu /);
  assert.ok(found.loss > 0 && found.loss < 2);
});

test('a GPU that fails is as one that is missing', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const failing = new Proxy(gpu.device, {
    get(target, name) {
      if (name === 'prepare') return () => Promise.reject(new Error('does not compile'));
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const before = gpu.device.bytes;
  const found = await trained(await open({ ...gpu, device: failing }));
  assert.equal(gpu.device.bytes, before, 'what was allocated is freed');
  assert.match(found.description, new RegExp(`^${FASTEST} `));
});
