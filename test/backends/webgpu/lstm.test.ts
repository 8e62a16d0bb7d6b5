/** Protects the LSTM layer on the GPU: the reference's numbers for shapes at every edge of tiles and blocks. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { chain, stepTable } from '#src/backends/webgpu/lstm/chain.js';
import { lstmKernels } from '#src/backends/webgpu/lstm/lstm.js';
import { bestTile } from '#src/backends/webgpu/lstm/tile.js';
import { Random } from '#src/random.js';
import { deviceLayer, drawLayer, type LayerSizes, referenceLayer, worstError } from './lstm-layer.js';
import { gpuOrSkip, testGpu } from './software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

const MAX_STEPS = 16;

const CASES: (LayerSizes & { splits?: number })[] = [
  { inputs: { parts: 1, size: 1 }, hiddenSize: 1, directions: 1, lengths: [3] },
  { inputs: { parts: 1, size: 3 }, hiddenSize: 5, directions: 2, lengths: [4, 3, 1] },
  { inputs: { parts: 1, size: 16 }, hiddenSize: 16, directions: 2, lengths: [2, 2] },
  { inputs: { parts: 2, size: 17 }, hiddenSize: 17, directions: 2, lengths: [5, 5, 4, 2, 2, 1, 1] },
];

for (const storage of ['float32', 'float16'] as const) {
  for (const sizes of CASES) {
    const { inputs, hiddenSize, directions, lengths } = sizes;
    const name = `${storage}: ${inputs.parts}·${inputs.size} to ${directions}·${hiddenSize}, lengths ${lengths}`;
    test(name, async (t) => {
      const gpu = await gpuOrSkip(t);
      if (!gpu) return;
      const { device } = gpu;
      const table = stepTable(MAX_STEPS);
      const steps = device.allocate(table.length);
      device.write(steps, table);
      const choose = bestTile(device.limits, 4);
      const kernels = lstmKernels(chain(steps, choose), choose);
      const problem = drawLayer(new Random(1), { ...sizes, storage });
      const results = await deviceLayer(device, kernels, problem, { splits: sizes.splits });
      const { error, place } = worstError(results, referenceLayer(problem));
      console.log(name, error, place);
      assert.ok(error < (storage === 'float32' ? 1e-5 : 5e-3), `${place}: ${error}`);
    });
  }
}
