/**
 * Protects the loop over time inside a workgroup: its gates, cells, outputs and gradients are those of the reference,
 * with every way of exchange between threads, and it writes what it must and nothing else.
 */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { capacityFor } from '#src/backends/webgpu/batch-layout.js';
import type { Slice } from '#src/backends/webgpu/kernel.js';
import { LaneExchange } from '#src/backends/webgpu/loop/lane-exchange.js';
import { type LoopDevice, loopFits, loopRecurrence } from '#src/backends/webgpu/loop/loop-recurrence.js';
import { lstmKernels } from '#src/backends/webgpu/lstm/lstm.js';
import { bestTile } from '#src/backends/webgpu/lstm/tile.js';
import type { LstmLayer } from '#src/backends/webgpu/verbs.js';
import { Random } from '#src/random.js';
import { deviceLayer, drawLayer, referenceLayer, worstError } from '../lstm/lstm-layer.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';
import { assertResults, compute, eachRow, packedRows, problem, type Shape } from './loop-problem.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

/** The device as one without subgroups, where exchanges go through memory. */
const withoutSubgroups = ({ limits }: LoopDevice): LoopDevice => ({ limits, subgroupSize: null });

/** Most cases have this room, as compiling a kernel for another takes seconds on a GPU in software. */
const room = (steps: number) => capacityFor(20, steps);

/** Batches: an odd number of sequences, lanes and a block of no sequence, all lanes in use. */
const LENGTHS = [
  [1],
  [5, 3, 1],
  [9, 9, 8, 7, 7, 6, 5, 4, 4, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1],
  [...Array(20).keys()].map(() => 4),
];

suite('against the reference', () => {
  const compared = (name: string, shapes: Shape[], on = (device: LoopDevice) => device) =>
    test(name, async (t) => {
      const gpu = await gpuOrSkip(t);
      if (!gpu) return;
      for (const [n, shape] of shapes.entries()) {
        const one = problem(n, shape);
        assertResults(one, await compute(gpu.device, one, on(gpu.device)), name);
      }
    });

  for (const hiddenSize of [1, 16, 17, 64]) {
    compared(
      `${hiddenSize} units`,
      LENGTHS.map((lengths) => {
        return { hiddenSize, directions: 2, lengths, storage: 'float32', capacity: room(lengths[0]) };
      }),
    );
  }
  for (const lengths of [[7], [5, 3], [6, 6, 2]]) {
    compared(`a batch with room for ${lengths.length} only, one direction`, [
      { hiddenSize: 5, directions: 1, lengths, storage: 'float32' },
      { hiddenSize: 5, directions: 1, lengths, storage: 'float16' },
    ]);
  }
  compared(
    'halves',
    LENGTHS.map((lengths) => {
      return { hiddenSize: 17, directions: 2, lengths, storage: 'float16', capacity: room(lengths[0]) };
    }),
  );
  for (const storage of ['float32', 'float16'] as const) {
    compared(
      `without subgroups, ${storage}`,
      LENGTHS.map((lengths) => {
        return { hiddenSize: 11, directions: 2, lengths, storage, capacity: room(lengths[0]) };
      }),
      withoutSubgroups,
    );
  }
  // One input, all of four, one of a second vector, the most; and the outputs of a small layer of two directions.
  for (const [parts, size] of [
    [1, 1],
    [1, 4],
    [1, 5],
    [1, 32],
    [2, 3],
  ]) {
    for (const storage of ['float32', 'float16'] as const) {
      if (storage === 'float16' && size % 4 !== 0) continue;
      compared(
        `reads ${parts} × ${size} inputs, ${storage}`,
        LENGTHS.map((lengths) => {
          const inputs = { parts, size };
          return { hiddenSize: 11, directions: 2, lengths, storage, inputs, capacity: room(lengths[0]) };
        }),
      );
    }
  }
  compared('300 steps', [
    {
      hiddenSize: 16,
      directions: 2,
      lengths: [300, 211, 3],
      storage: 'float32',
      capacity: room(300),
    },
  ]);
});

test('a sequence gives the same bits alone and in company, beside NaN, and by every exchange', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu;
  const lengths = [9, 7, 7, 4, 2];
  const together = problem(502, {
    hiddenSize: 11,
    directions: 2,
    lengths,
    storage: 'float32',
    capacity: room(9),
  });
  const spoilt = 2;
  const withNan = structuredClone(together);
  eachRow(lengths, (b, t, row) => {
    if (b === spoilt && t === 3) withNan.values[0].inputs[row * 44 + 5] = Number.NaN;
  });
  const company = await compute(device, together);
  const byMemory = await compute(device, together, withoutSubgroups(device));
  const besideNan = await compute(device, withNan);
  assert.ok(rowsOf(besideNan[0].outputs, lengths, spoilt).some(Number.isNaN));
  for (const [b, length] of lengths.entries()) {
    const only = (values: ArrayLike<number>) => rowsOf(values, lengths, b);
    const alone = await compute(device, {
      ...together,
      capacity: capacityFor(1, length),
      lengths: [length],
      values: together.values.map(({ weights, inputs, dOutputs }) => ({
        weights,
        inputs: Float32Array.from(only(inputs)),
        dOutputs: Float32Array.from(only(dOutputs)),
      })),
    });
    const same = b === spoilt ? [company, byMemory] : [company, byMemory, besideNan];
    for (const results of same) {
      for (const name of ['gates', 'cells', 'outputs', 'dz'] as const) {
        results.forEach((direction, d) => {
          assert.deepEqual(only(direction[name]), [...alone[d][name]], `${name} of sequence ${b}`);
        });
      }
    }
  }
});

test('a layer whose loop reads its inputs, with all gradients', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { device } = gpu;
  const kernels = lstmKernels(loopRecurrence(device), bestTile(device.limits, 1));
  const inputs = { parts: 1, size: 3 };
  const sizes = { inputs, hiddenSize: 16, directions: 2, lengths: [4, 3, 1], storage: 'float32' } as const;
  const layer = drawLayer(new Random(503), { ...sizes, lengths: [...sizes.lengths] });
  const results = await deviceLayer(device, kernels, layer);
  const { error, place } = worstError(results, referenceLayer(layer));
  assert.ok(error < 1e-5, `${place}: ${error}`);
});

test('input weights are copied for a product only', () => {
  const layer: LstmLayer = {
    inputs: { parts: 1, size: 3 },
    hiddenSize: 16,
    tensors: [{ weightIh: 0, weightHh: 0, biasIh: 0, biasHh: 0 }],
  };
  const limits = {
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupStorageSize: 16384,
  };
  const kernels = lstmKernels(loopRecurrence({ limits, subgroupSize: null }), bestTile(limits, 1));
  const slice: Slice = { buffer: {} as GPUBuffer, offset: 0, size: 2 ** 20 };
  const copies = (options: { backward: boolean; inputGradient?: boolean }) =>
    kernels.panels({ layer, parameters: slice, panels: slice, ...options }).length;
  assert.equal(copies({ backward: true }), 2);
  assert.equal(copies({ backward: true, inputGradient: false }), 1);
  assert.equal(copies({ backward: false }), 1);
});

/** The rows of one sequence of values in packed order. */
function rowsOf(values: ArrayLike<number>, lengths: number[], of: number): number[] {
  const width = values.length / packedRows(lengths)[lengths[0]];
  const own: number[] = [];
  eachRow(lengths, (b, _, row) => {
    if (b === of) for (let n = 0; n < width; n++) own.push(values[row * width + n]);
  });
  return own;
}

test('a layer fits by its threads and by workgroup memory, which shuffles save', () => {
  const layer = (hiddenSize: number): LstmLayer => ({
    inputs: { parts: 1, size: 1 },
    hiddenSize,
    tensors: [{ weightIh: 0, weightHh: 0, biasIh: 0, biasHh: 0 }],
  });
  const device = (threads: number, bytes: number, subgroupSize: number | null): LoopDevice => ({
    limits: {
      maxComputeInvocationsPerWorkgroup: threads,
      maxComputeWorkgroupSizeX: threads,
      maxComputeWorkgroupStorageSize: bytes,
    },
    subgroupSize,
  });
  // The defaults of WebGPU.
  assert.ok(loopFits(device(256, 16384, null), layer(64)));
  assert.ok(!loopFits(device(256, 16384, null), layer(65)));
  assert.ok(loopFits(device(1024, 16384, 32), layer(256)));
  assert.ok(!loopFits(device(1024, 16384, null), layer(256)));
  assert.ok(!loopFits(device(1024, 65536, 32), layer(257)));
});

test('exchanges beyond a subgroup go through memory, by turns through two areas', () => {
  const exchange = new LaneExchange(64, 4);
  assert.equal(exchange.swap(4, 'v', 2), 'subgroupShuffleXor(v, 2u)');
  assert.equal(exchange.swap(1, 'v', 4), 'swap1In0(v, thread, 4u)');
  assert.equal(exchange.swap(2, 'v', 8), 'swap2In1(v, thread, 8u)');
  assert.equal(exchange.swap(1, 'v', 8), 'swap1In0(v, thread, 8u)');
  assert.equal(exchange.bytes(), 4 * 64 * (1 + 2));
  assert.deepEqual(exchange.extensions(), ['subgroups']);
});
