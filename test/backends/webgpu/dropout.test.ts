/** Protects dropout on the GPU: which elements are kept, bit for bit as on the host, in features and in outputs. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import { dropout } from '#src/backends/webgpu/head/dropout.js';
import { type Columns, deviceColumns, padded, type Storage } from '#src/backends/webgpu/verbs.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import { Random } from '#src/random.js';
import { uniform } from '../../cases/draw.js';
import { assertSameBits } from '../../cases/oracle/comparison.js';
import { DeviceMemory } from './device-memory.js';
import { gpuOrSkip, testGpu } from './software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

interface Shape extends Columns {
  of: 'features' | 'outputs';
  /** [B] longest first. */ lengths: number[];
  storage: Storage;
  rate: number;
}

const RAGGED = [7, 7, 5, 5, 5, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 2, 1, 1];

const SHAPES: Shape[] = [
  { of: 'features', parts: 1, size: 16, lengths: [1], storage: 'float32', rate: 0.5 },
  { of: 'features', parts: 3, size: 5, lengths: [2, 1, 1], storage: 'float32', rate: 0.2 },
  { of: 'features', parts: 3, size: 16, lengths: RAGGED, storage: 'float32', rate: 0.2 },
  { of: 'features', parts: 28, size: 32, lengths: RAGGED, storage: 'float32', rate: 0.9 },
  { of: 'outputs', parts: 2, size: 32, lengths: RAGGED, storage: 'float32', rate: 0.3 },
  { of: 'outputs', parts: 2, size: 33, lengths: RAGGED, storage: 'float32', rate: 0.3 },
  { of: 'outputs', parts: 1, size: 1, lengths: [3, 2], storage: 'float32', rate: 0.5 },
  { of: 'outputs', parts: 1, size: 48, lengths: [9], storage: 'float16', rate: 0.1 },
  { of: 'outputs', parts: 2, size: 21, lengths: RAGGED, storage: 'float16', rate: 1 / 3 },
];

const reference = new ReferenceBackend();
const STREAM = 3;

/** A row without padding, after dropout on the host. */
function dropped(row: Float32Array, shape: Shape, key: Int32Array, t: number): Float32Array {
  const { of, rate, storage } = shape;
  const halves = storage === 'float16';
  const values = halves ? Uint16Array.from(row, numberToHalf) : row.slice();
  const offset = of === 'features' ? 0 : t * row.length;
  reference.dropout({
    rows: 1,
    width: row.length,
    values,
    rate,
    keys: key,
    offsets: Int32Array.of(offset),
    stream: STREAM,
  });
  return values instanceof Uint16Array ? Float32Array.from(values, halfToNumber) : values;
}

for (const shape of SHAPES) {
  const { of, parts, size, lengths, storage, rate } = shape;
  test(`${of}: ${lengths.length} sequences, ${parts} × ${size}, ${storage}, rate ${rate.toFixed(2)}`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    const random = new Random(parts, size);
    const capacity = capacityFor(lengths.length + 3, lengths[0]);
    const laidOut = layOut(capacity, lengths);
    const width = deviceColumns({ parts, size });
    const blocks = Math.ceil(lengths.length / capacity.lanes);
    const rows = of === 'features' ? blocks * capacity.lanes : laidOut.rows;
    // What lies past the end of a sequence may be anything.
    const source = new Float32Array(rows * width).fill(Number.NaN);
    const want = new Float32Array(rows * width);
    const keys = Int32Array.from({ length: 2 * lengths.length }, () => random.word() | 0);
    lengths.forEach((length, b) => {
      for (let step = 0; step < (of === 'features' ? 1 : length); step++) {
        const at = (of === 'features' ? b : laidOut.rowOf(b, step)) * width;
        const drawn = uniform(random, parts * size);
        const row = storage === 'float32' ? drawn : drawn.map((value) => halfToNumber(numberToHalf(value)));
        const expected = dropped(row, shape, keys.subarray(2 * b, 2 * b + 2), step);
        source.fill(0, at, at + width);
        for (let c = 0; c < row.length; c++) {
          const column = Math.floor(c / size) * padded(size) + (c % size);
          source[at + column] = row[c];
          want[at + column] = expected[c];
        }
      }
    });
    const stored = (values: Float32Array) =>
      storage === 'float32'
        ? values
        : new Float32Array(Uint16Array.from(values, numberToHalf).buffer, 0, values.length / 2);
    const memory = new DeviceMemory(gpu.device);
    const args = {
      of,
      batch: { capacity, words: memory.input(laidOut.words) },
      columns: { parts, size },
      storage,
      rate,
      keys: memory.input(keys),
      stream: STREAM,
    };
    const target = memory.output(stored(want).length);
    const inPlace = memory.changed(stored(source));
    await gpu.device.run([
      ...dropout({ ...args, source: memory.input(stored(source)), target }),
      ...dropout({ ...args, source: inPlace, target: inPlace }),
    ]);
    assertSameBits(await memory.floats(target), stored(want), 'values');
    assertSameBits(await memory.floats(inPlace), stored(want), 'values in place');
    const zeros = want.filter((value) => value === 0).length;
    assert.ok(want.length < 100 || (zeros > 0 && zeros < want.length));
    await memory.close();
  });
}
