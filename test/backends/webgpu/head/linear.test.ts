/**
 * Protects the linear layer on the GPU: logits and gradients against the reference, over padded columns, many classes,
 * splits of blocks, batches that do not fill their blocks, and memory full of NaN.
 */
import { after, test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import { linearBackward, linearForward } from '#src/backends/webgpu/head/linear.js';
import { type Columns, deviceColumns, padded } from '#src/backends/webgpu/verbs.js';
import { Random } from '#src/random.js';
import { uniform } from '../../../cases/draw.js';
import { accumulated, assertSameBits, assertWithin } from '../../../cases/oracle/comparison.js';
import { DeviceMemory } from '../device-memory.js';
import { gpuOrSkip, testGpu } from '../software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

interface Shape extends Columns {
  B: number;
  /** Sequences that the capacity has room for. */ room: number;
  K: number;
  splits: number;
}

const SHAPES: Shape[] = [
  { parts: 1, size: 16, B: 1, room: 1, K: 1, splits: 1 },
  { parts: 2, size: 5, B: 3, room: 3, K: 10, splits: 1 },
  { parts: 3, size: 17, B: 19, room: 40, K: 10, splits: 3 },
  { parts: 6, size: 32, B: 64, room: 64, K: 10, splits: 4 },
  { parts: 1, size: 300, B: 40, room: 48, K: 33, splits: 2 },
  { parts: 4, size: 64, B: 2, room: 2, K: 17, splits: 1 },
  { parts: 2, size: 40, B: 33, room: 33, K: 200, splits: 2 },
  { parts: 28, size: 48, B: 261, room: 272, K: 10, splits: 5 },
  { parts: 56, size: 128, B: 7, room: 16, K: 3, splits: 1 },
];

const reference = new ReferenceBackend({ storage: 'float64' });

function onHost(values: Record<'features' | 'weight' | 'bias' | 'dLogits', Float32Array>, B: number) {
  const K = values.bias.length;
  const F = values.weight.length / K;
  const lend = (source: Float32Array | number) => {
    const array = reference.allocate(typeof source === 'number' ? source : source.length);
    if (typeof source !== 'number') array.set(source);
    return array;
  };
  const shared = { rows: B, inputSize: F, outputSize: K, inputs: lend(values.features) };
  const weight = lend(values.weight);
  const [logits, dFeatures, dWeight, dBias] = [B * K, B * F, K * F, K].map(lend);
  reference.linearForward({ ...shared, weight, bias: lend(values.bias), outputs: logits });
  const back = { dOutputs: lend(values.dLogits), dInputs: dFeatures, dWeight, dBias };
  reference.linearBackward({ ...shared, weight, ...back, scratch: lend(0) });
  return { logits, dFeatures, dWeight, dBias };
}

/** Rows of the host as `rows` rows of the device: padded by zeros, and NaN after the last. */
function onDeviceRows(values: ArrayLike<number>, columns: Columns, B: number, rows: number, rest: number) {
  const { parts, size } = columns;
  const [F, width] = [parts * size, deviceColumns(columns)];
  const wide = new Float32Array(rows * width).fill(rest).fill(0, 0, B * width);
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < F; c++) {
      wide[b * width + Math.floor(c / size) * padded(size) + (c % size)] = values[b * F + c];
    }
  }
  return wide;
}

for (const shape of SHAPES) {
  const { parts, size, B, room, K, splits } = shape;
  test(`${B} of ${room} sequences, ${parts} × ${size} features, ${K} classes, ${splits} splits`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    const random = new Random(B, K);
    const F = parts * size;
    const columns = { parts, size };
    const values = {
      features: uniform(random, B * F),
      weight: uniform(random, K * F),
      bias: uniform(random, K),
      dLogits: uniform(random, B * K),
    };
    const want = onHost(values, B);
    const memory = new DeviceMemory(gpu.device);
    const capacity = capacityFor(room, 1);
    const rows = capacity.blocks * capacity.lanes;
    const width = deviceColumns(columns);
    // The tensors lie anywhere in the parameters.
    const tensors = { weight: 3, bias: 3 + K * F + 2 };
    const P = tensors.bias + K + 1;
    const parameters = new Float32Array(P).fill(Number.NaN);
    parameters.set(values.weight, tensors.weight);
    parameters.set(values.bias, tensors.bias);
    const wideFeatures = onDeviceRows(values.features, columns, B, rows, Number.NaN);
    const args = {
      columns,
      classes: K,
      batch: { capacity, words: memory.input(layOut(capacity, new Array(B).fill(1)).words) },
      tensors,
      parameters: memory.input(parameters),
    };
    const features = memory.input(wideFeatures);
    const logits = memory.output(rows * K);
    await gpu.device.run(linearForward({ ...args, features, logits }));
    const size1 = { floor: 1, why: 'a sum of products, each at most 1' };
    const got = (await memory.floats(logits)).subarray(0, B * K);
    assertWithin('logits', got, want.logits, { units: accumulated(F), ...size1 });

    const dLogits = new Float32Array(rows * K).fill(Number.NaN);
    dLogits.set(values.dLogits);
    const outcomes = [];
    for (const inPlace of [false, true]) {
      const target = inPlace ? memory.changed(wideFeatures) : memory.output(rows * width);
      const partials = memory.output(splits * P);
      const back = {
        ...args,
        features: inPlace ? target : features,
        dLogits: memory.input(dLogits),
        dFeatures: target,
        gradients: { partials, splits, parameters: P },
      };
      await gpu.device.run(linearBackward(back));
      outcomes.push({ dFeatures: await memory.floats(target), partials: await memory.floats(partials) });
    }
    const [{ dFeatures, partials }, other] = outcomes;
    assertSameBits(other.dFeatures, dFeatures, 'dFeatures in place');
    const wideGradient = onDeviceRows(want.dFeatures, columns, B, rows, 0);
    assertWithin('dFeatures', dFeatures, wideGradient, { units: accumulated(K), ...size1 });
    const sum = (offset: number, length: number) =>
      Float64Array.from({ length }, (_, n) =>
        Array.from({ length: splits }, (_, s) => partials[s * P + offset + n]).reduce((a, b) => a + b),
      );
    const tolerance = { units: accumulated(B), ...size1 };
    assertWithin('weight', sum(tensors.weight, K * F), want.dWeight, tolerance);
    assertWithin('bias', sum(tensors.bias, K), want.dBias, tolerance);
    assertSameBits(other.partials, partials, 'gradients in place');
    await memory.close();
  });
}

test('a split has the sequences of its blocks alone', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const memory = new DeviceMemory(gpu.device);
  const capacity = capacityFor(80, 1); // five blocks
  const dLogits = new Float32Array(80);
  const partials = memory.output(2 * 18);
  for (let b = 0; b < 80; b++) dLogits[b] = b < 32 ? 1 : 1000;
  await gpu.device.run(
    linearBackward({
      columns: { parts: 1, size: 16 },
      classes: 1,
      batch: { capacity, words: memory.input(layOut(capacity, new Array(80).fill(1)).words) },
      tensors: { weight: 0, bias: 16 },
      parameters: memory.input(new Float32Array(18)),
      features: memory.input(new Float32Array(80 * 16).fill(1)),
      dLogits: memory.input(dLogits),
      dFeatures: memory.output(80 * 16),
      gradients: { partials, splits: 2, parameters: 18 },
    }),
  );
  const got = await memory.floats(partials);
  const want = [...new Array(17).fill(32), Number.NaN, ...new Array(17).fill(48000), Number.NaN];
  assertWithin('partials', got, want, { units: 0, why: 'whole numbers' });
  await memory.close();
});
