/**
 * Protects the LSTM layer on the GPU: the reference's numbers for shapes at every edge of tiles and blocks, zeros in all
 * padding, and nothing written beside the buffers.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type BatchCapacity, capacityFor } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Slice } from '#src/backends/webgpu/kernel.js';
import { chain, stepTable } from '#src/backends/webgpu/lstm/chain.js';
import { lstmKernels } from '#src/backends/webgpu/lstm/lstm.js';
import { bestTile, type Tile, type TileChooser } from '#src/backends/webgpu/lstm/tile.js';
import type { LstmKernels, LstmLayer } from '#src/backends/webgpu/verbs.js';
import { Random } from '#src/random.js';
import { assertSameBits } from '../../../cases/oracle/comparison.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';
import { deviceLayer, drawLayer, type LayerSizes, referenceLayer, worstError } from './lstm-layer.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

/** Float32 sums of at most a few hundred terms; the reference sums in float64. */
const FLOAT_TOLERANCE = 1e-5;
/** Halves have 11 bits. The reference rounds at fewer places: its gates before the activations are floats. */
const HALF_TOLERANCE = 4e-3;

/** Kernels with the chain. Loops are not written out: SwiftShader would compile them for seconds. */
function chainKernels(device: GpuDevice, steps: number, choose = bestTile(device.limits, 1)): LstmKernels {
  const words = stepTable(steps);
  const table = device.allocate(words.length);
  device.write(table, words);
  return lstmKernels(chain(table, choose), choose);
}

interface LayerCase extends LayerSizes {
  splits?: number;
  /** More room than the batch takes. */ capacity?: BatchCapacity;
  tile?: Tile;
}

const one = (size: number) => ({ parts: 1, size });
/** B lengths from `longest` down to 1. */
const ragged = (B: number, longest: number): number[] =>
  Array.from({ length: B }, (_, b) => 1 + ((b * 7) % longest));

const CASES: LayerCase[] = [
  { inputs: one(1), hiddenSize: 1, directions: 1, lengths: [3] },
  { inputs: one(3), hiddenSize: 5, directions: 2, lengths: [4, 3, 1] },
  { inputs: one(1), hiddenSize: 15, directions: 2, lengths: [1] },
  { inputs: one(16), hiddenSize: 16, directions: 1, lengths: ragged(16, 3), splits: 1 },
  { inputs: { parts: 2, size: 17 }, hiddenSize: 17, directions: 2, lengths: [5, 5, 4, 2, 2, 1, 1] },
  { inputs: one(28), hiddenSize: 33, directions: 2, lengths: ragged(17, 4), splits: 3 },
  { inputs: one(64), hiddenSize: 64, directions: 2, lengths: ragged(40, 3), splits: 2 },
  { inputs: one(2), hiddenSize: 100, directions: 1, lengths: ragged(33, 2), splits: 7 },
  {
    inputs: one(4),
    hiddenSize: 8,
    directions: 2,
    lengths: ragged(20, 3),
    splits: 3,
    capacity: capacityFor(64, 5),
  },
  { inputs: one(4), hiddenSize: 8, directions: 2, lengths: [2, 1], capacity: capacityFor(7, 4) },
];
const HALF_CASES: LayerCase[] = [CASES[0], CASES[1], CASES[4], CASES[5], CASES[8]].map((sizes) => ({
  ...sizes,
  storage: 'float16',
}));

for (const sizes of [...CASES, ...HALF_CASES]) {
  const { inputs, hiddenSize: H, directions: D, lengths, splits, capacity, storage = 'float32' } = sizes;
  const room = capacity ? ` of ${capacity.blocks * capacity.lanes}` : '';
  const name = `${storage}: ${inputs.parts}·${inputs.size} to ${D}·${H}, ${lengths.length}${room} sequences`;
  test(name, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    const kernels = chainKernels(gpu.device, capacity?.steps ?? Math.max(...lengths));
    const problem = drawLayer(new Random(1), sizes);
    const results = await deviceLayer(gpu.device, kernels, problem, { splits, capacity });
    const { error, place } = worstError(results, referenceLayer(problem));
    assert.ok(error < (storage === 'float32' ? FLOAT_TOLERANCE : HALF_TOLERANCE), `${place}: ${error}`);
  });
}

test('sequences alone and in company, and with any tile, have the same bits', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu;
  const sizes = { inputs: one(20), hiddenSize: 24, directions: 2 };
  const together = drawLayer(new Random(2), { ...sizes, lengths: ragged(18, 4) });
  const company = await deviceLayer(device, chainKernels(device, 4), together, { forwardOnly: true });
  const small: Tile = {
    rows: 16,
    columns: 32,
    depth: 16,
    threadRows: 4,
    threadColumns: 4,
    depthGroups: 1,
    buffers: 1,
    unroll: 4,
  };
  for (const b of [0, 5, 17]) {
    const alone = {
      ...together,
      lengths: [together.lengths[b]],
      sequences: [together.sequences[b]],
      dOutputs: [together.dOutputs[b]],
    };
    const kernels = chainKernels(device, 4, () => small);
    const { outputs, cells } = await deviceLayer(device, kernels, alone, { forwardOnly: true });
    assertSameBits(outputs[0], company.outputs[b], `outputs of sequence ${b}`);
    assertSameBits(cells[0], company.cells[b], `cells of sequence ${b}`);
  }
});

test('a layer of T steps takes T + 1 dispatches forward and T + 2 backward, whatever its directions', () => {
  const limits = { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 49152 };
  const choose: TileChooser = bestTile(limits);
  const slice: Slice = { buffer: {} as GPUBuffer, offset: 0, size: 2 ** 30 };
  const kernels = lstmKernels(chain(slice, choose), choose);
  const tensors = { weightIh: 0, weightHh: 0, biasIh: 0, biasHh: 0 };
  const layer: LstmLayer = { inputs: one(28), hiddenSize: 256, tensors: [tensors, tensors] };
  const args = {
    layer,
    batch: { capacity: capacityFor(1024, 28), words: slice },
    storage: 'float32' as const,
    panels: slice,
    inputs: slice,
    outputs: slice,
    cells: slice,
    gates: slice,
    scratch: slice,
    dOutputs: slice,
    gradients: { partials: slice, splits: 4, parameters: 1 },
  };
  assert.equal(kernels.forward(args).length, 29);
  assert.equal(kernels.backward({ ...args, dInputs: slice }).length, 30);
  assert.equal(kernels.backward({ ...args, dInputs: null }).length, 29);
  assert.equal(kernels.panels({ layer, parameters: slice, panels: slice, backward: true }).length, 2);
});
