/**
 * Protects the head on the GPU: features and their way back against model/head.ts on the host, for ragged batches in
 * blocks, padded columns, and memory full of NaN.
 */
import { after, test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { type BatchCapacity, capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import { headBackward, headForward } from '#src/backends/webgpu/head/head.js';
import {
  deviceColumns,
  featureColumns,
  type Head,
  padded,
  type Storage,
} from '#src/backends/webgpu/verbs.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import type { ResolvedClassifierConfig } from '#src/model/classifier-config.js';
import { headCopies, placeHeadRows } from '#src/model/head.js';
import { Random } from '#src/random.js';
import { batchSizesOf, uniform } from '../../../cases/draw.js';
import { assertWithin } from '../../../cases/oracle/comparison.js';
import { DeviceMemory } from '../device-memory.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

interface Shape {
  name: Head['name'];
  layers: number;
  directions: 1 | 2;
  hiddenSize: number;
  /** [B] longest first. */ lengths: number[];
  /** T of the capacity, and of `flatten`. */ steps: number;
  storage: Storage;
}

const RAGGED = [9, 9, 7, 6, 6, 5, 4, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1];

const SHAPES: Shape[] = [
  {
    name: 'flatten',
    layers: 2,
    directions: 2,
    hiddenSize: 16,
    lengths: RAGGED,
    steps: 9,
    storage: 'float32',
  },
  { name: 'flatten', layers: 1, directions: 1, hiddenSize: 5, lengths: [3], steps: 4, storage: 'float32' },
  {
    name: 'flatten',
    layers: 1,
    directions: 2,
    hiddenSize: 20,
    lengths: [6, 6, 6, 5],
    steps: 6,
    storage: 'float16',
  },
  { name: 'final', layers: 3, directions: 2, hiddenSize: 17, lengths: RAGGED, steps: 11, storage: 'float32' },
  {
    name: 'final',
    layers: 8,
    directions: 1,
    hiddenSize: 32,
    lengths: [4, 2, 1],
    steps: 4,
    storage: 'float32',
  },
  { name: 'final', layers: 2, directions: 1, hiddenSize: 7, lengths: [2, 1], steps: 2, storage: 'float16' },
  { name: 'last', layers: 2, directions: 2, hiddenSize: 33, lengths: RAGGED, steps: 9, storage: 'float32' },
  { name: 'last', layers: 1, directions: 1, hiddenSize: 1, lengths: [1], steps: 1, storage: 'float32' },
  { name: 'mean', layers: 2, directions: 2, hiddenSize: 30, lengths: RAGGED, steps: 9, storage: 'float32' },
  {
    name: 'mean',
    layers: 1,
    directions: 1,
    hiddenSize: 140,
    lengths: [21, 20, 3],
    steps: 30,
    storage: 'float16',
  },
  // More than a dispatch has workgroups in an axis; for mean, SwiftShader would take half a minute.
  ...(['flatten', 'last'] as const).map((name) => ({
    name,
    layers: 1,
    directions: 1 as const,
    hiddenSize: 1,
    lengths: Array.from({ length: 65_540 }, () => 1),
    steps: 1,
    storage: 'float32' as const,
  })),
];

interface Drawn {
  shape: Shape;
  capacity: BatchCapacity;
  /** [L] each [B][T] rows of D·H values, those of the host. */
  outputs: Float32Array[][][];
}

function draw(shape: Shape): Drawn {
  const random = new Random(shape.hiddenSize, shape.layers);
  const width = shape.directions * shape.hiddenSize;
  const row = () => {
    const values = uniform(random, width);
    return shape.storage === 'float32' ? values : values.map((value) => halfToNumber(numberToHalf(value)));
  };
  const outputs = Array.from({ length: shape.layers }, () =>
    shape.lengths.map((length) => Array.from({ length }, row)),
  );
  return { shape, capacity: capacityFor(shape.lengths.length, shape.steps), outputs };
}

const reference = new ReferenceBackend();

/** What the network on the host does with features and outputs. */
function onHost({ shape, outputs }: Drawn) {
  const { name, layers, directions, hiddenSize, lengths, steps } = shape;
  const width = directions * hiddenSize;
  const B = lengths.length;
  const F = featureCount(shape);
  const batchSizes = batchSizesOf(lengths);
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  const config = {
    hiddenSize,
    numLayers: layers,
    head: name,
    bidirectional: directions === 2,
    sequenceLength: steps,
  } as ResolvedClassifierConfig;
  const most = Math.max(rows, 2 * B);
  const buffers = {
    headOffsets: Array.from({ length: name === 'final' ? layers : 1 }, () => ({
      sourceOffsets: new Int32Array(most),
      targetOffsets: new Int32Array(most),
    })),
    headScales: name === 'mean' ? new Float32Array(rows) : null,
  };
  const copies = headCopies(config, buffers);
  placeHeadRows(config, { batchSize: B, rows, batchSizes }, copies);
  const features = new Float32Array(B * F);
  for (const { layer, ...copy } of copies) {
    const packed = new Float32Array(rows * width);
    let row = 0;
    batchSizes.forEach((running, t) => {
      for (let b = 0; b < running; b++, row++) packed.set(outputs[layer][b][t], row * width);
    });
    reference.copyRows({ ...copy, source: packed, target: features });
  }
  /** [B][T] the gradient of a layer's outputs. */
  const back = (dFeatures: Float32Array, layer: number): Float32Array[][] => {
    const packed = new Float32Array(rows * width);
    for (const { layer: from, sourceOffsets, targetOffsets, ...copy } of copies) {
      if (from !== layer) continue;
      const exchanged = { sourceOffsets: targetOffsets, targetOffsets: sourceOffsets, accumulate: true };
      reference.copyRows({ ...copy, ...exchanged, source: dFeatures, target: packed });
    }
    let row = 0;
    const sorted: Float32Array[][] = lengths.map(() => []);
    batchSizes.forEach((running) => {
      for (let b = 0; b < running; b++, row++) {
        sorted[b].push(packed.slice(row * width, (row + 1) * width));
      }
    });
    return sorted;
  };
  return { features, back };
}

/** F, without padding. */
function featureCount(shape: Shape): number {
  const { parts, size } = featureColumns(shape);
  return parts * size;
}

/** Rows of `parts` · `size` columns with the device's padding. */
function withPadding(values: ArrayLike<number>, parts: number, size: number): Float32Array {
  const wide = new Float32Array(parts * padded(size));
  for (let c = 0; c < parts * size; c++) wide[Math.floor(c / size) * padded(size) + (c % size)] = values[c];
  return wide;
}

/** A matrix [N, D·H'] of the device; rows past the end of a sequence are zeros, rows after the last NaN. */
function matrixOf(
  drawn: Drawn,
  rowsOf: Float32Array[][] | null,
  storage: Storage,
): Float32Array | Uint32Array {
  const { shape, capacity } = drawn;
  const { directions, hiddenSize, lengths } = shape;
  const laidOut = layOut(capacity, lengths);
  const width = directions * padded(hiddenSize);
  const matrix = new Float32Array(capacity.rows * width).fill(Number.NaN);
  matrix.fill(0, 0, laidOut.rows * width);
  rowsOf?.forEach((steps, b) => {
    steps.forEach((row, t) => {
      matrix.set(withPadding(row, directions, hiddenSize), laidOut.rowOf(b, t) * width);
    });
  });
  if (storage === 'float32') return matrix;
  const halves = Uint16Array.from(matrix, numberToHalf);
  return new Uint32Array(halves.buffer);
}

for (const shape of SHAPES) {
  const { name, layers, directions, hiddenSize, lengths, storage } = shape;
  const label = `${name}: ${lengths.length} sequences, ${layers} × ${hiddenSize}, directions ${directions}, ${storage}`;
  test(label, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    const drawn = draw(shape);
    const { capacity, outputs } = drawn;
    const memory = new DeviceMemory(gpu.device);
    const batch = { capacity, words: memory.input(layOut(capacity, lengths).words) };
    const columns = featureColumns(shape);
    const width = deviceColumns(columns);
    const rows = capacity.blocks * capacity.lanes;
    const want = onHost(drawn);

    const features = memory.output(rows * width);
    const head: Head = { name, layers, directions, hiddenSize, steps: name === 'flatten' ? shape.steps : 1 };
    const sources = outputs.map((layer) => memory.input(matrixOf(drawn, layer, storage)));
    await gpu.device.run(headForward({ head, batch, storage, features, outputs: sources }));
    const F = featureCount(shape);
    const wide = new Float32Array(rows * width);
    for (let b = 0; b < lengths.length; b++) {
      wide.set(
        withPadding(want.features.subarray(b * F, (b + 1) * F), columns.parts, columns.size),
        b * width,
      );
    }
    const units = name === 'mean' ? 16 : 0;
    const tolerance = { units, why: 'copies are exact; a mean is a sum of some twenty values' };
    assertWithin('features', await memory.floats(features), wide, tolerance);

    const random = new Random(3);
    const dFeatures = uniform(random, lengths.length * F);
    const wideGradient = new Float32Array(rows * width);
    for (let b = 0; b < lengths.length; b++) {
      const row = dFeatures.subarray(b * F, (b + 1) * F);
      wideGradient.set(withPadding(row, columns.parts, columns.size), b * width);
    }
    const gradient = memory.input(wideGradient);
    const used = layOut(capacity, lengths).rows * directions * padded(hiddenSize);
    for (let layer = name === 'final' ? 0 : layers - 1; layer < layers; layer++) {
      const expected = matrixOf(drawn, want.back(dFeatures, layer), 'float32').subarray(0, used);
      const target = memory.output(capacity.rows * directions * padded(hiddenSize));
      const args = { head, batch, storage, features: gradient };
      const only = sources.map((_, n) => (n === layer ? target : null));
      await gpu.device.run(headBackward({ ...args, outputs: only }));
      const written = (await memory.floats(target)).subarray(0, used);
      const product = { units: 4, why: 'exact, but for a division by the steps' };
      assertWithin('dOutputs', written, expected, product);
      await gpu.device.run(headBackward({ ...args, outputs: only, accumulate: true }));
      const twice = (await memory.floats(target)).subarray(0, used);
      assertWithin(
        'accumulated',
        twice,
        [...expected].map((value) => 2 * value),
        product,
      );
    }
    await memory.close();
  });
}
