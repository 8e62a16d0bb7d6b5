/** Protects the device: memory, commands and their order. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { clear } from '#src/backends/webgpu/clear.js';
import { gpuOrSkip, testGpu } from './software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

test('memory is zeroed, can be written and read, and cleared by a command', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu;
  const before = device.bytes;
  const slice = device.allocate(1000);
  assert.ok((await device.readFloats(slice)).every((value) => value === 0));
  const values = Float32Array.from({ length: 1000 }, (_, n) => n + 1);
  device.write(slice, values);
  assert.deepEqual(await device.readFloats(slice), values);
  await device.run(clear(slice));
  assert.ok((await device.readFloats(slice)).every((value) => value === 0));
  device.release(slice);
  assert.equal(device.bytes, before);
});
