/** Protects the open networks of a server on a GPU: they share the GPU, and a server goes on after the GPU was lost. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GpuDevice } from '#src/backends/webgpu/device.js';
import { OpenModels } from '#src/serve/predict/open-models.js';
import { gpuOrSkip } from '../backends/webgpu/software-gpu.js';
import { checkpointBytes, STROKES } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../train/small-mnist.js';

const folder = temporaryFolder();
const DRAWING = { kind: 'drawing', strokes: [{ xs: [10, 60, 110], ys: [20, 18, 90] }] } as const;

test('networks share a GPU, and are opened again after it was lost', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const opened: GpuDevice[] = [];
  const open = GpuDevice.open;
  t.mock.method(GpuDevice, 'open', async (...args: Parameters<typeof open>) => {
    const device = await open.apply(GpuDevice, args);
    if (device) opened.push(device);
    return device;
  });
  const models = new OpenModels('webgpu');
  const answer = async (id: string) => {
    const path = join(folder, `${id}.safetensors`);
    writeFileSync(path, checkpointBytes(STROKES));
    const recognizer = await models.get({ id, path, version: id });
    return (await recognizer.recognize([DRAWING]))[0]?.top[0].class;
  };
  const first = await answer('a');
  assert.equal(await answer('b'), first);
  assert.equal(opened.length, 1);
  opened[0].device.destroy();
  await opened[0].device.lost;
  assert.equal(await answer('a'), first);
  assert.equal(opened.length, 2);
  opened[1].close();
});
