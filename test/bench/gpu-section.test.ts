/** Protects the GPU's section of docs/performance.md, and the measurements that fill it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { measureLimits } from '#bench/gpu/device-limits.js';
import type { GpuResults } from '#bench/gpu/gpu-results.js';
import {
  GPU_RESULTS,
  gpuSection,
  gpuTables,
  gpuUpdateTable,
  limitTable,
  productTable,
  readGpuResults,
  replaceGpuSection,
} from '#bench/gpu/gpu-section.js';
import { GPU_WORKLOADS, small } from '#bench/gpu/gpu-workloads.js';
import { gpuOrSkip, testGpu } from '../backends/webgpu/software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

const results: GpuResults = {
  machine: 'GPU, driver 1',
  date: '2026-11-22',
  command: 'npm run bench:gpu',
  peer: 'PyTorch 2',
  limits: { flops: 5e13, bandwidth: 4e12, dispatch: 2e-6, roundTrip: 5e-5 },
  products: [{ name: 'inputs', rows: 28672, columns: 1024, depth: 512, count: 1, flops: 4e13 }],
  updates: [
    {
      workload: 'quick',
      model: '1×128, both directions',
      batchSize: 128,
      flops: 1e10,
      float32: 0.001,
      mixed: null,
      failures: ['mixed: no memory'],
      dispatches: 7,
      bytes: 3 * 2 ** 20,
      peer: { float32: 0.002, tf32: 0.0019, float16: null },
    },
  ],
};

test('the tables show times, rates and shares of the limits', () => {
  assert.deepEqual(limitTable(results).rows, [['50.0 TFLOP/s', '4,000 GB/s', '2.00 µs', '50.0 µs']]);
  assert.deepEqual(productTable(results).rows, [['inputs', '1', '28,672', '1,024', '512', '40.0', '80 %']]);
  assert.deepEqual(gpuUpdateTable(results).rows, [
    [
      '`quick`, 1×128, both directions',
      '128',
      '1.00 ms',
      '10.0',
      '20 %',
      '–',
      '7',
      '3.00 MB',
      '2.00 ms',
      '1.90 ms',
      '–',
    ],
  ]);
  assert.equal(gpuTables({ ...results, updates: [] }).includes('Training update'), false);
});

test('the section names machine, command and peer, and replaces the one before', () => {
  const section = gpuSection(results);
  assert.match(section, /GPU, driver 1; 2026-11-22, `npm run bench:gpu`\. In the same run: PyTorch 2\./);
  const page = `# P\n\n${gpuSection(null)}\n## Next\n\ntext\n`;
  assert.equal(replaceGpuSection(page, section), `# P\n\n${section}\n## Next\n\ntext\n`);
  assert.equal(replaceGpuSection(replaceGpuSection(page, section), gpuSection(null)), page);
  assert.throws(() => replaceGpuSection('# P\n', section), /no section/);
});

test('docs/performance.md shows the measurement that is kept, or says that there is none', () => {
  const page = readFileSync(new URL('../../../docs/performance.md', import.meta.url), 'utf8');
  assert.ok(page.includes(`\n${gpuSection(readGpuResults(GPU_RESULTS))}\n## `));
});

test('small workloads keep kind, head and directions', () => {
  for (const workload of GPU_WORKLOADS) {
    const { name, kind, batchSize, model } = small(workload);
    assert.deepEqual([name, kind], [workload.name, workload.kind]);
    assert.ok(batchSize <= 16 && batchSize <= workload.batchSize);
    assert.deepEqual([model.head, model.bidirectional], [workload.model.head, workload.model.bidirectional]);
    assert.equal(model.inputSize, workload.model.inputSize);
  }
});

test('the limits of a GPU are measured', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const sizes = { groups: 2, chain: 8, bytes: 2 ** 14, dispatches: 4 };
  // Other tests share the device.
  const before = gpu.device.bytes;
  const limits = await measureLimits(gpu.device, sizes);
  for (const [name, value] of Object.entries(limits)) assert.ok(value > 0 && Number.isFinite(value), name);
  assert.equal(gpu.device.bytes, before, 'the buffers are freed');
});
