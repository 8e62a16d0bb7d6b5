/** Inputs and results of the loop over time, on a GPU and by the reference. */
import assert from 'node:assert/strict';
import type { LstmWeights } from '#src/backends/backend.js';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { type BatchCapacity, capacityFor, layOut, layoutWords } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Slice } from '#src/backends/webgpu/kernel.js';
import { type LoopDevice, loopRecurrence } from '#src/backends/webgpu/loop/loop-recurrence.js';
import {
  type Columns,
  deviceColumns,
  type LstmLayer,
  padded,
  type Storage,
  storageWords,
} from '#src/backends/webgpu/verbs.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import { Random } from '#src/random.js';
import { batchSizesOf, uniform } from '../../../cases/draw.js';
import { accumulated, assertWithin } from '../../../cases/oracle/comparison.js';
import { drawWeights } from '../../../cases/oracle/lstm.js';

/** Words before and after each buffer, which must not change. A slice begins at a multiple of 256 bytes. */
const GUARD = 64;
/** A NaN, also as a pair of halves, with a payload that no arithmetic produces. */
const PATTERN = 0x7fc07e5a;

export interface Problem {
  hiddenSize: number;
  directions: 1 | 2;
  /** Longest first. */
  lengths: number[];
  storage: Storage;
  /** Inputs that the loop reads. Null: the gates begin as W x + b + b'. */
  inputs: Columns | null;
  /** Default: as small as possible. */
  capacity?: BatchCapacity;
  /** [D] */ values: Values[];
}

/** Values of a direction, in packed order: see backends/backend.ts. */
interface Values {
  weights: LstmWeights;
  /** [N, I]. Without inputs that the loop reads, these are the sums: I is 4H, W the identity, b and b' are zero. */
  inputs: Float32Array;
  /** [N, H] */ dOutputs: Float32Array;
}

/** What a problem is drawn for. */
export type Shape = Omit<Problem, 'values' | 'inputs'> & { inputs?: Columns };

/** Results of a direction, in packed order. */
export interface Results {
  /** [N, 4H] */ gates: Float64Array;
  /** [N, H] */ cells: Float64Array;
  /** [N, H] */ outputs: Float64Array;
  /** [N, 4H] */ dz: Float64Array;
}

export function problem(seed: number, { inputs = undefined, ...shape }: Shape): Problem {
  const random = new Random(seed);
  const { hiddenSize: H, directions, lengths, storage } = shape;
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  const I = inputs ? inputs.parts * inputs.size : 4 * H;
  const drawn = uniform(random, rows * I, 2);
  const rounded = storage === 'float32' ? drawn : drawn.map((value) => halfToNumber(numberToHalf(value)));
  const values = Array.from({ length: directions }, () => {
    const weights = drawWeights(random, I, H);
    if (!inputs) {
      weights.weightIh.forEach((_, n) => {
        weights.weightIh[n] = n % (I + 1) === 0 ? 1 : 0;
      });
      weights.biasIh.fill(0);
      weights.biasHh.fill(0);
    }
    return { weights, inputs: rounded, dOutputs: uniform(random, rows * H) };
  });
  return { ...shape, inputs: inputs ?? null, values };
}

/** The offsets of the rows [T] of a packed batch. */
export function packedRows(lengths: number[]): number[] {
  const starts = [0];
  for (const size of batchSizesOf(lengths)) starts.push(starts[starts.length - 1] + size);
  return starts;
}

/** Calls `each` with every row of the batch: sequence, step, row in packed order. */
export function eachRow(lengths: number[], each: (b: number, t: number, row: number) => void): void {
  const starts = packedRows(lengths);
  lengths.forEach((length, b) => {
    for (let t = 0; t < length; t++) each(b, t, starts[t] + b);
  });
}

/** Runs the loop and checks all words that are not results: guards, zeros past the ends, rows after the last block. */
export async function compute(
  device: GpuDevice,
  problem: Problem,
  as: LoopDevice = device,
): Promise<Results[]> {
  const { hiddenSize: H, directions: D, lengths, storage, values } = problem;
  const capacity = problem.capacity ?? capacityFor(lengths.length, lengths[0]);
  const layout = layOut(capacity, lengths);
  const units = padded(H);
  const columns = D * units;
  const memory = new GuardedMemory(device);

  const words = memory.words(new Uint32Array(layout.words.buffer), layoutWords(capacity));
  const parameters: number[] = [Number.NaN]; // an odd offset
  const put = (tensor: Float32Array) => parameters.push(...tensor) - tensor.length;
  const layer: LstmLayer = {
    inputs: problem.inputs ?? { parts: 1, size: 33 },
    hiddenSize: H,
    tensors: values.map(({ weights }) => ({
      weightIh: put(weights.weightIh),
      weightHh: put(weights.weightHh),
      biasIh: put(weights.biasIh),
      biasHh: put(weights.biasHh),
    })),
  };
  // [N, I'], [N, D·H', 4] and [N, D·H'], NaN past the end of a sequence, zero in the padding.
  const { parts, size } = layer.inputs;
  const inputColumns = deviceColumns(layer.inputs);
  const inputs = new Float32Array(capacity.rows * inputColumns).fill(Number.NaN);
  const sums = new Float32Array(capacity.rows * columns * 4).fill(Number.NaN);
  const dOutputs = new Float32Array(capacity.rows * columns).fill(Number.NaN);
  eachRow(lengths, (b, t, row) => {
    const at = layout.rowOf(b, t) * columns;
    dOutputs.fill(0, at, at + columns);
    values.forEach((own, d) => {
      for (let j = 0; j < H; j++) dOutputs[at + d * units + j] = own.dOutputs[row * H + j];
    });
    if (problem.inputs) {
      const first = layout.rowOf(b, t) * inputColumns;
      inputs.fill(0, first, first + inputColumns);
      for (let n = 0; n < parts * size; n++) {
        const column = Math.floor(n / size) * padded(size) + (n % size);
        inputs[first + column] = values[0].inputs[row * parts * size + n];
      }
      return;
    }
    sums.fill(0, 4 * at, 4 * (at + columns));
    values.forEach((own, d) => {
      for (let j = 0; j < H; j++) {
        for (let g = 0; g < 4; g++) {
          sums[4 * (at + d * units + j) + g] = own.inputs[row * 4 * H + g * H + j];
        }
      }
    });
  });

  const recurrence = loopRecurrence(as);
  const slices = {
    parameters: memory.words(bits(Float32Array.from(parameters))),
    inputs: memory.words(stored(storage, inputs)),
    panels: memory.unwritten(recurrence.panelsWords(layer, true)),
    gates: memory.words(stored(storage, sums)),
    cells: memory.unwritten(storageWords(storage, capacity.rows * columns)),
    outputs: memory.unwritten(storageWords(storage, capacity.rows * columns)),
    dOutputs: memory.words(bits(dOutputs)),
    scratch: memory.unwritten(recurrence.scratchWords(layer, capacity)),
  };
  const args = { layer, batch: { capacity, words }, storage, ...slices };
  await device.run([...recurrence.panels({ ...args, backward: true }), ...recurrence.forward(args)]);
  const [gates, cells, outputs] = await memory.read(slices.gates, slices.cells, slices.outputs);
  await device.run(recurrence.backward(args));
  const [dz] = await memory.read(slices.gates);
  await memory.release();

  const result = {
    gates: { words: numbers(storage, gates), width: 4 },
    cells: { words: numbers(storage, cells), width: 1 },
    outputs: { words: numbers(storage, outputs), width: 1 },
    dz: { words: numbers(storage, dz), width: 4 },
  };
  // Rows of no sequence: zeros in blocks of the pass, unchanged after the last block.
  const used = new Set<number>();
  eachRow(lengths, (b, t) => used.add(layout.rowOf(b, t)));
  for (const [name, { words, width }] of Object.entries(result)) {
    const rowWords = columns * width;
    for (let row = 0; row < capacity.rows; row++) {
      if (used.has(row)) continue;
      const wanted = row < layout.rows ? 0 : Number.NaN;
      const content = words.subarray(row * rowWords, (row + 1) * rowWords);
      assert.ok(
        content.every((value) => Object.is(value, wanted)),
        `${name}: row ${row} is not ${wanted}`,
      );
    }
  }
  return values.map((_, d) => {
    const rows = packedRows(lengths)[lengths[0]];
    const own = (words: Float64Array, width: number) => {
      const packed = new Float64Array(rows * width * H);
      eachRow(lengths, (b, t, row) => {
        const at = (layout.rowOf(b, t) * columns + d * units) * width;
        for (let g = 0; g < width; g++) {
          for (let j = 0; j < H; j++) packed[(row * width + g) * H + j] = words[at + j * width + g];
          if (width === 4 && words !== result.dz.words) continue; // gates of padding are those of zero sums
          if (Number.isNaN(words[at])) continue; // the padding of a row of NaN is NaN
          for (let j = H; j < units; j++) assert.equal(words[at + j * width + g], 0, 'padding');
        }
      });
      return packed;
    };
    return {
      gates: own(result.gates.words, 4),
      cells: own(result.cells.words, 1),
      outputs: own(result.outputs.words, 1),
      dz: own(result.dz.words, 4),
    };
  });
}

/** Buffers between guard words. */
class GuardedMemory {
  readonly #device: GpuDevice;
  readonly #buffers: Slice[] = [];

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  /** @param length default: that of the values; more words are the pattern */
  words(values: Uint32Array, length = values.length): Slice {
    const whole = this.#device.allocate(length + 2 * GUARD);
    this.#buffers.push(whole);
    const content = new Uint32Array(length + 2 * GUARD).fill(PATTERN);
    content.set(values, GUARD);
    this.#device.write(whole, content);
    return { buffer: whole.buffer, offset: 4 * GUARD, size: Math.max(4, 4 * length) };
  }

  unwritten(length: number): Slice {
    return this.words(new Uint32Array(length).fill(PATTERN));
  }

  async read(...slices: Slice[]): Promise<Uint32Array[]> {
    return (await this.#device.read(...slices)).map((bytes) => new Uint32Array(bytes));
  }

  /** Frees all. Fails if a guard word has changed. */
  async release(): Promise<void> {
    for (const words of await this.read(...this.#buffers)) {
      const guards = [...words.subarray(0, GUARD), ...words.subarray(words.length - GUARD)];
      assert.ok(guards.every((word) => word === PATTERN));
    }
    for (const buffer of this.#buffers) this.#device.release(buffer);
  }
}

function bits(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

function stored(storage: Storage, values: Float32Array): Uint32Array {
  if (storage === 'float32') return bits(values);
  return new Uint32Array(Uint16Array.from(values, numberToHalf).buffer);
}

function numbers(storage: Storage, words: Uint32Array): Float64Array {
  if (storage === 'float32') return Float64Array.from(new Float32Array(words.buffer));
  return Float64Array.from(new Uint16Array(words.buffer), halfToNumber);
}

/**
 * The reference's results.
 * @param stored results of the forward pass that the backward pass reads
 */
function expected(problem: Problem, stored: Results[]): Results[] {
  const { hiddenSize: H, lengths } = problem;
  const oracle = new ReferenceBackend({ storage: 'float64' });
  const results = problem.values.map(({ weights: given, inputs: ownInputs, dOutputs }, d) => {
    const rows = dOutputs.length / H;
    const inputSize = ownInputs.length / rows;
    const floats = (values: ArrayLike<number> | number) => {
      const array = oracle.allocate(typeof values === 'number' ? values : values.length);
      if (typeof values !== 'number') array.set(values);
      return array;
    };
    const batchSizes = oracle.allocateInts(lengths[0]);
    batchSizes.set(batchSizesOf(lengths));
    const shape = {
      ...{ inputSize, hiddenSize: H, batchSizes, rows, reverse: d === 1 },
      ...{ outputStride: H, outputColumn: 0 },
    };
    const weights = {
      weightIh: floats(given.weightIh),
      weightHh: floats(given.weightHh),
      biasIh: floats(given.biasIh),
      biasHh: floats(given.biasHh),
    };
    const panels = floats(oracle.lstmPanelsLength(inputSize, H, true));
    oracle.lstmPanels({ inputSize, hiddenSize: H, weights, panels, backward: true });
    const [outputs, cells, gates] = [floats(rows * H), floats(rows * H), floats(rows * 4 * H)];
    const inputs = floats(ownInputs);
    oracle.lstmForward({ ...shape, panels, inputs, outputs, cells, gates, scratch: floats(0) });
    const dz = floats(stored[d].gates);
    oracle.lstmBackward({
      ...{ ...shape, panels, inputs, outputs, cells: floats(stored[d].cells), gates: dz },
      ...{ dOutputs: floats(dOutputs), dInputs: null },
      dWeights: {
        weightIh: floats(4 * H * inputSize),
        weightHh: floats(4 * H * H),
        biasIh: floats(4 * H),
        biasHh: floats(4 * H),
      },
      scratch: floats(oracle.lstmScratchLength(lengths.length, inputSize, H, true)),
    });
    const all = { gates, cells, outputs, dz };
    return Object.fromEntries(
      Object.entries(all).map(([name, values]) => [name, Float64Array.from(values)]),
    ) as unknown as Results;
  });
  oracle.close();
  return results;
}

/** Fails if the results are not within the rounding of sums of H products, and of halves. */
export function assertResults(problem: Problem, got: Results[], name: string): void {
  const want = expected(problem, got);
  const { hiddenSize: H, storage } = problem;
  // A half has 13 bits less than a float: its rounding is 2¹³ of the units, and 1 % for results at the edge.
  const half = storage === 'float16' ? 1.01 * 2 ** 13 : 0;
  const forward = { units: half + 2 * accumulated(H), why: 'sums of H products, 4 ulp of the activations' };
  const backward = { units: half + 2 * accumulated(4 * H), why: 'sums of 4H products' };
  got.forEach((results, d) => {
    assertWithin('loop gates', results.gates, want[d].gates, { ...forward, floor: 1 }, name);
    assertWithin('loop outputs', results.outputs, want[d].outputs, { ...forward, floor: 1 }, name);
    assertWithin('loop cells', results.cells, want[d].cells, { ...forward, floor: 1 }, name);
    assertWithin('loop dz', results.dz, want[d].dz, { ...backward, floor: 1 }, name);
  });
}
