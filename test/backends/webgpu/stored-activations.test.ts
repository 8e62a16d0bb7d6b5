/** Protects activations in 16 bits: rounded to nearest, infinite beyond the largest half, as loss scaling needs it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { dispatch, kernel, read, write } from '#src/backends/webgpu/kernel.js';
import { PAIR, STORED_ACTIVATIONS } from '#src/backends/webgpu/stored-activations.js';
import { DeviceMemory } from './device-memory.js';
import { gpuOrSkip, testGpu } from './software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

/** IEEE 754 binary16 of each value. */
const HALVES: [number, number][] = [
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2.5, 0xc100],
  [65504, 0x7bff],
  [-65519.99, 0xfbff],
  [65520, 0x7c00],
  [-65520, 0xfc00],
  [1e30, 0x7c00],
  [-3e38, 0xfc00],
  [Number.POSITIVE_INFINITY, 0x7c00],
  [2 ** -24, 0x0001],
];

test('halves are rounded to nearest, and infinite beyond the largest', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const memory = new DeviceMemory(gpu.device);
  const values = memory.input(Float32Array.from(HALVES, ([value]) => value));
  const packed = memory.output(HALVES.length / 2);
  const code = `${STORED_ACTIVATIONS.float16}
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) { packed[group.x] = packedPair(values[group.x]); }`;
  const bindings = { values: read('vec2f'), packed: write(PAIR.float16) };
  await gpu.device.run([dispatch(kernel('pack', bindings, code), { values, packed }, [HALVES.length / 2])]);
  const words = await memory.words(packed);
  const found = [...words].flatMap((word) => [word & 0xffff, word >>> 16]);
  assert.deepEqual(
    found.map((half) => half.toString(16)),
    HALVES.map(([, half]) => half.toString(16)),
  );
  await memory.close();
});
