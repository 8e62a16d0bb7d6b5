/** Protects what a stack can be on a device, and that its largest kernels are valid. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { capacityFor } from '#src/backends/webgpu/batch-layout.js';
import { Stack, type StackDevice, stackFits } from '#src/backends/webgpu/stack/stack.js';
import { networkCase } from '../oracle-network.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';
import { stackNetwork } from './stack-run.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

/** A large GPU: every stack that fits one fits this one. */
const LARGE: StackDevice = {
  limits: {
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupSizeX: 1024,
    maxComputeWorkgroupStorageSize: 32768,
  } as GPUSupportedLimits,
  features: new Set(['subgroups']),
  subgroupSize: 32,
  isSoftware: false,
};

test('kernels of 6 layers of 32 units for a large GPU are valid', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu.device;
  const sizes = { inputSize: 4, hiddenSize: 32, numLayers: 6, numClasses: 10 };
  const network = networkCase(sizes, [1]);
  const stack = new Stack(stackNetwork(network), { ...LARGE, limits: gpu.device.limits });
  const slice = gpu.device.allocate(0);
  const pass = {
    batch: { capacity: capacityFor(64, 100), words: slice },
    panels: slice,
    inputs: slice,
    storage: 'float32',
  } as const;
  const results = { losses: slice, correct: slice, logits: slice, scratch: slice };
  const gradients = { partials: slice, splits: 20, parameters: network.layout.length };
  const loss = { labels: slice, labelSmoothing: 0, state: null, gradients };
  for (const { kernel } of [
    ...stack.train({ ...pass, ...results, ...loss }),
    ...stack.forward({ ...pass, ...results }),
    ...stack.steps({ ...pass, ...results }),
  ]) {
    device.pushErrorScope('validation');
    device.createShaderModule({ code: kernel.code });
    assert.equal((await device.popErrorScope())?.message, undefined, kernel.label);
    const buffers = Object.values(kernel.bindings).filter(({ access }) => access !== 'uniform');
    assert.ok(buffers.length <= 8, `${kernel.label}: more storage buffers than every device has`);
  }
  gpu.device.release(slice);
});

test('what a stack can be', () => {
  const limited = (limits: Partial<GPUSupportedLimits>) => ({
    ...LARGE,
    limits: { ...LARGE.limits, ...limits },
  });
  const small = limited({ maxComputeInvocationsPerWorkgroup: 256 });
  const strokes = { inputSize: 4, hiddenSize: 32, numLayers: 6, numClasses: 10 };
  const fits = (change: object, device: StackDevice = LARGE, training = true) =>
    stackFits(stackNetwork(networkCase({ ...strokes, ...change }, [1])), device, training);
  assert.ok(fits({}));
  assert.ok(!fits({}, small), '768 threads');
  assert.ok(fits({ numLayers: 2 }, small));
  assert.ok(!fits({ numLayers: 9 }), '1152 threads');
  assert.ok(!fits({ hiddenSize: 65, numLayers: 1 }), 'more units than registers for their weights');
  assert.ok(!fits({ inputSize: 33 }), 'more inputs than units');
  assert.ok(!fits({ dropout: 0.1 }) && !fits({ layerDropout: 0.1 }), 'dropout in training');
  assert.ok(fits({ dropout: 0.1, layerDropout: 0.1 }, LARGE, false));
  assert.ok(!fits({}, limited({ maxComputeWorkgroupStorageSize: 8192 })), 'workgroup memory');
  assert.ok(!fits({ head: 'flatten', sequenceLength: 3 }));
});
