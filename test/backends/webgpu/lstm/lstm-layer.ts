/** One LSTM layer, both directions, on a GPU's verbs and on the reference: the same numbers in the same places. */
import assert from 'node:assert/strict';
import type { LstmWeights, Stored } from '#src/backends/backend.js';
import { ReferenceBackend } from '#src/backends/reference/reference.js';
import { type BatchCapacity, capacityFor, layOut } from '#src/backends/webgpu/batch-layout.js';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Slice } from '#src/backends/webgpu/kernel.js';
import {
  type Columns,
  deviceColumns,
  type LstmKernels,
  type LstmLayer,
  padded,
  type Storage,
  storageWords,
} from '#src/backends/webgpu/verbs.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import type { Random } from '#src/random.js';
import { batchSizesOf, uniform } from '../../../cases/draw.js';
import { drawWeights } from '../../../cases/oracle/lstm.js';

export interface LayerProblem {
  inputs: Columns;
  hiddenSize: number;
  /** [D] */ weights: LstmWeights[];
  /** [B] longest first */ lengths: number[];
  /** [B] each [T_b, I] */ sequences: Float32Array[];
  /** [B] each [T_b, D·H] */ dOutputs: Float32Array[];
  storage: Storage;
}

export interface LayerSizes {
  inputs: Columns;
  hiddenSize: number;
  directions: number;
  lengths: number[];
  storage?: Storage;
}

/** Inputs and weights are halves, so that both kinds of storage hold them exactly. */
export function drawLayer(random: Random, sizes: LayerSizes): LayerProblem {
  const { inputs, hiddenSize, directions, storage = 'float32' } = sizes;
  const lengths = sizes.lengths.toSorted((a, b) => b - a);
  const inputSize = inputs.parts * inputs.size;
  const halves = (values: Float32Array) => values.map((value) => halfToNumber(numberToHalf(value)));
  return {
    inputs,
    hiddenSize,
    lengths,
    storage,
    weights: Array.from({ length: directions }, () => {
      const weights = drawWeights(random, inputSize, hiddenSize);
      return {
        weightIh: halves(weights.weightIh),
        weightHh: halves(weights.weightHh),
        biasIh: halves(weights.biasIh),
        biasHh: halves(weights.biasHh),
      };
    }),
    sequences: lengths.map((length) => halves(uniform(random, length * inputSize, 2))),
    dOutputs: lengths.map((length) => uniform(random, length * directions * hiddenSize)),
  };
}

export interface LayerResults {
  /** [B] each [T_b, D·H] */ outputs: Float32Array[];
  cells: Float32Array[];
  /** [B] each [T_b, I] */ dInputs: Float32Array[];
  /** [D] */ dWeights: LstmWeights[];
}

const TENSORS = ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const;

export function referenceLayer(problem: LayerProblem): LayerResults {
  const { inputs, hiddenSize, weights, lengths, storage } = problem;
  const backend = new ReferenceBackend();
  const I = inputs.parts * inputs.size;
  const D = weights.length;
  const B = lengths.length;
  const batchSizes = Int32Array.from(batchSizesOf(lengths));
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  const rowOf = (b: number, t: number): number => batchSizes.subarray(0, t).reduce((a, n) => a + n, 0) + b;
  const store = (length: number): Stored =>
    storage === 'float16'
      ? new Uint16Array(backend.allocate(length).buffer, 0, length)
      : backend.allocate(length);
  const packed = (values: Float32Array[], width: number): Float32Array => {
    const buffer = backend.allocate(rows * width);
    values.forEach((sequence, b) => {
      for (let t = 0; t < lengths[b]; t++) {
        buffer.set(sequence.subarray(t * width, (t + 1) * width), rowOf(b, t) * width);
      }
    });
    return buffer;
  };
  const unpacked = (values: Stored, width: number): Float32Array[] =>
    lengths.map((length, b) => {
      const sequence = new Float32Array(length * width);
      for (let t = 0; t < length; t++) {
        const row = rowOf(b, t);
        for (let n = 0; n < width; n++) {
          const value = values[row * width + n];
          sequence[t * width + n] = values instanceof Uint16Array ? halfToNumber(value) : value;
        }
      }
      return sequence;
    });
  const asStored = (values: Float32Array): Stored =>
    storage === 'float16' ? Uint16Array.from(values, numberToHalf) : values;
  const x = asStored(packed(problem.sequences, I));
  const outputs = store(rows * D * hiddenSize);
  const dOutputs = packed(problem.dOutputs, D * hiddenSize);
  const dInputs = backend.allocate(rows * I);
  const directionCells: Float32Array[][] = [];
  const dWeights: LstmWeights[] = [];
  for (let d = 0; d < D; d++) {
    const panels = store(backend.lstmPanelsLength(I, hiddenSize, true));
    backend.lstmPanels({ inputSize: I, hiddenSize, weights: weights[d], panels, backward: true });
    const shape = {
      inputSize: I,
      hiddenSize,
      batchSizes,
      rows,
      reverse: d === 1,
      outputStride: D * hiddenSize,
      outputColumn: d * hiddenSize,
    };
    const cells = store(rows * hiddenSize);
    const gates = store(rows * 4 * hiddenSize);
    const run = { ...shape, panels, inputs: x, outputs, cells, gates };
    backend.lstmForward({
      ...run,
      scratch: backend.allocate(backend.lstmScratchLength(B, I, hiddenSize, false)),
    });
    const gradients = Object.fromEntries(
      TENSORS.map((name) => [name, backend.allocate(weights[d][name].length)]),
    ) as unknown as LstmWeights;
    backend.lstmBackward({
      ...run,
      dOutputs,
      dInputs,
      dWeights: gradients,
      scratch: backend.allocate(backend.lstmScratchLength(B, I, hiddenSize, true)),
    });
    directionCells.push(unpacked(cells, hiddenSize));
    dWeights.push(gradients);
  }
  const cells = lengths.map((length, b) => {
    const both = new Float32Array(length * D * hiddenSize);
    for (let t = 0; t < length; t++) {
      for (let d = 0; d < D; d++) {
        const row = directionCells[d][b].subarray(t * hiddenSize, (t + 1) * hiddenSize);
        both.set(row, (t * D + d) * hiddenSize);
      }
    }
    return both;
  });
  return {
    outputs: unpacked(outputs, D * hiddenSize),
    cells,
    dInputs: unpacked(dInputs, I),
    dWeights,
  };
}

/** Words before and after a slice, which no kernel may change. */
const GUARD_WORDS = 64;
const GUARD = 0x7fa5a5a5; // a NaN

/** Slices full of NaN between guard words. */
class GuardedMemory {
  readonly #slices: { name: string; whole: Slice; words: number }[] = [];
  constructor(readonly device: GpuDevice) {}

  slice(name: string, words: number, values?: Float32Array | Uint32Array | Int32Array): Slice {
    const total = words + 2 * GUARD_WORDS;
    const whole = this.device.allocate(total);
    this.device.write(whole, new Uint32Array(total).fill(GUARD));
    if (values) this.device.write(whole, values, GUARD_WORDS);
    this.#slices.push({ name, whole, words });
    return { buffer: whole.buffer, offset: 4 * GUARD_WORDS, size: 4 * words };
  }

  async check(): Promise<void> {
    const contents = await this.device.read(...this.#slices.map(({ whole }) => whole));
    for (const [n, { name, words }] of this.#slices.entries()) {
      const all = new Uint32Array(contents[n]);
      for (let i = 0; i < GUARD_WORDS; i++) {
        assert.equal(all[i], GUARD, `${name}: written ${GUARD_WORDS - i} words before it`);
        assert.equal(all[GUARD_WORDS + words + i], GUARD, `${name}: written ${i + 1} words behind it`);
      }
    }
  }

  release(): void {
    for (const { whole } of this.#slices) this.device.release(whole);
  }
}

export interface DeviceOptions {
  /** S. Default 2. */ splits?: number;
  /** Default: room for exactly this batch. */ capacity?: BatchCapacity;
  /** Only the forward pass. */ forwardOnly?: boolean;
}

/** Runs a layer on a GPU and checks everything that the reference cannot know: padding, guards, unused splits. */
export async function deviceLayer(
  device: GpuDevice,
  kernels: LstmKernels,
  problem: LayerProblem,
  { splits = 2, forwardOnly = false, ...options }: DeviceOptions = {},
): Promise<LayerResults> {
  const { inputs, hiddenSize, weights, lengths, storage } = problem;
  const lanes = capacityFor(lengths.length, lengths[0]).lanes;
  let roundedRows = 0;
  for (let b = 0; b < lengths.length; b += lanes) roundedRows += lanes * lengths[b];
  const capacity = options.capacity ?? capacityFor(lengths.length, lengths[0], roundedRows);
  const laidOut = layOut(capacity, lengths);
  const D = weights.length;
  const width = D * padded(hiddenSize);
  const inputWidth = deviceColumns(inputs);
  const outputColumns = { parts: D, size: hiddenSize };

  // Tensors one after the other, behind some other parameters.
  let parameterCount = 3;
  const place = (length: number): number => {
    parameterCount += length;
    return parameterCount - length;
  };
  const layer: LstmLayer = {
    inputs,
    hiddenSize,
    tensors: weights.map((tensors) => ({
      weightIh: place(tensors.weightIh.length),
      weightHh: place(tensors.weightHh.length),
      biasIh: place(tensors.biasIh.length),
      biasHh: place(tensors.biasHh.length),
    })),
  };
  const parameters = new Float32Array(parameterCount).fill(Number.NaN);
  for (let d = 0; d < D; d++) {
    for (const name of TENSORS) parameters.set(weights[d][name], layer.tensors[d][name]);
  }

  const memory = new GuardedMemory(device);
  try {
    const stored = (name: string, columns: number, values?: Float32Array): Slice => {
      const words = storageWords(storage, capacity.rows * columns);
      if (!values || storage === 'float32') return memory.slice(name, words, values);
      const halves = Uint16Array.from(values, numberToHalf);
      return memory.slice(name, words, new Uint32Array(halves.buffer));
    };
    const rowsOf = (sequences: Float32Array[], columns: Columns, pastEnd = 0): Float32Array => {
      const all = new Float32Array(laidOut.rows * deviceColumns(columns)).fill(pastEnd);
      lengths.forEach((length, b) => {
        for (let t = 0; t < length; t++) {
          const row = laidOut.rowOf(b, t) * deviceColumns(columns);
          all.fill(0, row, row + deviceColumns(columns));
        }
      });
      eachElement(lengths, columns, (b, t, c, deviceColumn) => {
        const at = laidOut.rowOf(b, t) * deviceColumns(columns) + deviceColumn;
        all[at] = sequences[b][t * columns.parts * columns.size + c];
      });
      return all;
    };
    const slices = {
      batch: { capacity, words: memory.slice('batch', laidOut.words.length, laidOut.words) },
      panels: memory.slice('panels', kernels.panelsWords(layer, !forwardOnly)),
      inputs: stored('inputs', inputWidth, rowsOf(problem.sequences, inputs)),
      outputs: stored('outputs', width),
      cells: stored('cells', width),
      gates: stored('gates', 4 * width),
      scratch: memory.slice('scratch', kernels.scratchWords(layer, capacity)),
      dOutputs: memory.slice(
        'dOutputs',
        capacity.rows * width,
        rowsOf(problem.dOutputs, outputColumns, Number.NaN),
      ),
      dInputs: memory.slice('dInputs', capacity.rows * inputWidth),
      parameters: memory.slice('parameters', parameterCount, parameters),
      partials: memory.slice('partials', splits * parameterCount),
    };
    const { panels, dInputs, partials } = slices;
    const args = { ...slices, layer, storage, gradients: { partials, splits, parameters: parameterCount } };
    await device.run(
      kernels.panels({ layer, parameters: slices.parameters, panels, backward: !forwardOnly }),
    );
    await device.run(kernels.forward(args));

    const numbers = async (slice: Slice, kind: Storage): Promise<Float32Array> => {
      const [bytes] = await device.read(slice);
      return kind === 'float32'
        ? new Float32Array(bytes)
        : Float32Array.from(new Uint16Array(bytes), halfToNumber);
    };
    /** Sequences of [rows, columns']; everything else must be zero. */
    const sequencesOf = (name: string, values: Float32Array, columns: Columns): Float32Array[] => {
      const rest = values.slice(0, laidOut.rows * deviceColumns(columns));
      const sequences = lengths.map((length) => new Float32Array(length * columns.parts * columns.size));
      eachElement(lengths, columns, (b, t, c, deviceColumn) => {
        const at = laidOut.rowOf(b, t) * deviceColumns(columns) + deviceColumn;
        sequences[b][t * columns.parts * columns.size + c] = rest[at];
        rest[at] = 0;
      });
      assert.ok(
        rest.every((value) => value === 0),
        `${name}: padding is not zero`,
      );
      return sequences;
    };
    const results: LayerResults = {
      outputs: sequencesOf('outputs', await numbers(slices.outputs, storage), outputColumns),
      cells: sequencesOf('cells', await numbers(slices.cells, storage), outputColumns),
      dInputs: [],
      dWeights: [],
    };
    if (!forwardOnly) {
      await device.run(kernels.backward(args));
      results.dInputs = sequencesOf('dInputs', await numbers(dInputs, 'float32'), inputs);
      const parts = await numbers(partials, 'float32');
      results.dWeights = weights.map(
        (tensors, d) =>
          Object.fromEntries(
            TENSORS.map((name) => {
              const sums = new Float32Array(tensors[name].length);
              for (let s = 0; s < splits; s++) {
                const at = s * parameterCount + layer.tensors[d][name];
                parts.subarray(at, at + sums.length).forEach((value, n) => {
                  sums[n] += value;
                });
              }
              return [name, sums];
            }),
          ) as unknown as LstmWeights,
      );
      for (let s = 0; s < splits; s++) {
        const others = parts.subarray(s * parameterCount, s * parameterCount + 3);
        assert.ok(others.every(Number.isNaN), 'gradients of other parameters were written');
      }
    }
    await memory.check();
    return results;
  } finally {
    memory.release();
  }
}

/** Every element of the sequences: sequence, step, column of the parameters and column on the device. */
function eachElement(
  lengths: number[],
  { parts, size }: Columns,
  visit: (b: number, t: number, column: number, deviceColumn: number) => void,
): void {
  for (let b = 0; b < lengths.length; b++) {
    for (let t = 0; t < lengths[b]; t++) {
      for (let c = 0; c < parts * size; c++) {
        visit(b, t, c, Math.floor(c / size) * padded(size) + (c % size));
      }
    }
  }
}

/** The largest error, relative to the largest value of its tensor, and its place. */
export function worstError(got: LayerResults, wanted: LayerResults): { error: number; place: string } {
  let worst = { error: 0, place: 'none' };
  const compare = (place: string, a: Float32Array, b: Float32Array): void => {
    assert.equal(a.length, b.length, place);
    let largest = 1e-30;
    let difference = 0;
    for (let n = 0; n < b.length; n++) {
      largest = Math.max(largest, Math.abs(b[n]));
      const off = Math.abs(a[n] - b[n]);
      difference = off > difference || Number.isNaN(off) ? off : difference;
    }
    const error = difference / largest;
    if (!(error <= worst.error)) worst = { error, place };
  };
  const join = (parts: Float32Array[]): Float32Array => Float32Array.from(parts.flatMap((part) => [...part]));
  for (const name of ['outputs', 'cells', 'dInputs'] as const) {
    compare(name, join(got[name]), join(wanted[name]));
  }
  wanted.dWeights.forEach((tensors, d) => {
    for (const name of TENSORS) compare(`${name} ${d}`, got.dWeights[d][name], tensors[name]);
  });
  return worst;
}
