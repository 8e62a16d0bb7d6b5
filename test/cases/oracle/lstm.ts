/**
 * The LSTM verbs against the oracle, with shapes at every edge of the kernels' tiles: hidden sizes, inputs and batches
 * just below, at and above powers of two and multiples of a tile's rows.
 */

import type { LstmForward, LstmShape, LstmWeights, Precision, Stored } from '#src/backends/backend.js';
import { bfloatToNumber, roundToBfloat } from '#src/backends/bfloat.js';
import { halfToNumber, numberToHalf } from '#src/half.js';
import { Random } from '#src/random.js';
import { batchSizesOf, pick, uniform } from '../draw.js';
import { assertUntouched, type Memory } from '../memory.js';
import type { Verbs } from '../verbs.js';
import { accumulated, assertSameBits, type Case, type Results } from './comparison.js';

const HIDDEN = [1, 2, 3, 5, 7, 8, 15, 16, 17, 24, 32, 33, 64, 100, 128, 256];
const INPUTS = [1, 2, 3, 4, 9, 28, 33, 64, 130];
const BATCHES = [1, 2, 3, 5, 6, 7, 12, 13, 31, 64, 65];

/** Inputs of the verbs of one layer and direction. */
export interface LstmProblem extends Omit<LstmShape, 'batchSizes'> {
  /** Of the stored values; default float32. */
  precision?: Precision;
  lengths: number[];
  /** Values of weights and inputs. */
  weights: LstmWeights;
  inputs: Float32Array;
  /** [N, H] gradient of this direction's outputs. */
  dOutputs: Float32Array;
}

/** A problem with weights like those of PyTorch's initialisation. Lengths are sorted longest first. */
export function lstmProblem(
  random: Random,
  inputSize: number,
  hiddenSize: number,
  lengths: number[],
  direction: { reverse: boolean; outputStride: number; outputColumn: number },
): LstmProblem {
  const rows = lengths.reduce((sum, length) => sum + length, 0);
  return {
    inputSize,
    hiddenSize,
    lengths,
    rows,
    ...direction,

    weights: drawWeights(random, inputSize, hiddenSize),
    inputs: uniform(random, rows * inputSize, 2),
    dOutputs: uniform(random, rows * hiddenSize),
  };
}

/** U(-1/√H, 1/√H), like torch.nn.LSTM. */
export function drawWeights(random: Random, inputSize: number, hiddenSize: number): LstmWeights {
  const limit = 1 / Math.sqrt(hiddenSize);
  return {
    weightIh: uniform(random, 4 * hiddenSize * inputSize, limit),
    weightHh: uniform(random, 4 * hiddenSize * hiddenSize, limit),
    biasIh: uniform(random, 4 * hiddenSize, limit),
    biasHh: uniform(random, 4 * hiddenSize, limit),
  };
}

/** Panels of the weights; `backward` as in lstmPanels. */
export async function panels(
  backend: Verbs,
  memory: Memory,
  problem: LstmProblem,
  backward: boolean,
): Promise<Stored> {
  const { inputSize, hiddenSize, weights } = problem;
  const buffer = stored(
    memory,
    problem,
    backend.lstmPanelsLength(inputSize, hiddenSize, backward, problem.precision),
  );
  await backend.lstmPanels({
    inputSize,
    hiddenSize,
    weights: {
      weightIh: memory.input(weights.weightIh),
      weightHh: memory.input(weights.weightHh),
      biasIh: memory.input(weights.biasIh),
      biasHh: memory.input(weights.biasHh),
    },
    panels: buffer,
    backward,
  });
  memory.check('lstmPanels');
  memory.freeze(buffer);
  return buffer;
}

/** The forward verb's arguments and results. */
export interface LstmRun {
  shape: LstmShape;
  panels: Stored;
  inputs: Stored;
  outputs: Stored;
  cells: Stored;
  gates: Stored | null;
}

/** A buffer for a verb to overwrite, in the problem's precision. */
function stored(memory: Memory, { precision = 'float32' }: LstmProblem, length: number): Stored {
  if (precision === 'float32') return memory.output(length);
  return memory.stored(precision, new Float32Array(length).fill(Number.NaN));
}

/** The numbers in a buffer. */
export function numbers(values: Stored): Float32Array {
  if (!(values instanceof Uint16Array || values instanceof Int16Array)) return values.slice();
  const toNumber = values instanceof Uint16Array ? halfToNumber : bfloatToNumber;
  const floats = new Float32Array(values.length);
  for (let n = 0; n < values.length; n++) floats[n] = toNumber(values[n]);
  return floats;
}

export async function forward(
  backend: Verbs,
  memory: Memory,
  problem: LstmProblem,
  options: { panels: Stored; gates: boolean; initial?: LstmForward['initial'] },
): Promise<LstmRun> {
  const { inputSize, hiddenSize, rows, reverse, outputStride, outputColumn } = problem;
  const batchSizes = memory.ints(batchSizesOf(problem.lengths));
  const shape = { inputSize, hiddenSize, batchSizes, rows, reverse, outputStride, outputColumn };
  const inputs = memory.stored(problem.precision ?? 'float32', problem.inputs);
  const outputs = stored(memory, problem, rows * outputStride);
  const cells = stored(memory, problem, rows * hiddenSize);
  const gates = options.gates ? stored(memory, problem, rows * 4 * hiddenSize) : null;
  const run = { panels: options.panels, inputs, outputs, cells, gates };
  memory.freeze(inputs);
  const scratchLength = backend.lstmScratchLength(problem.lengths.length, inputSize, hiddenSize, false);
  await backend.lstmForward({
    ...shape,
    ...run,
    initial: options.initial,
    scratch: memory.output(scratchLength),
  });
  memory.check('lstmForward');
  assertUntouched(outputs, otherColumn(problem), "lstmForward: outputs of the other direction's columns");
  memory.freeze(outputs);
  memory.freeze(cells);
  return { shape, ...run };
}

/** Whether an index into [N, outputStride] lies outside this direction's columns. */
function otherColumn({ outputStride, outputColumn, hiddenSize }: LstmProblem): (index: number) => boolean {
  return (index) => {
    const column = index % outputStride;
    return column < outputColumn || column >= outputColumn + hiddenSize;
  };
}

/** This direction's columns of [N, outputStride] as [N, H]. */
export function ownColumns(
  { rows, outputStride, outputColumn, hiddenSize }: LstmProblem,
  outputs: Stored,
): Float32Array {
  const all = numbers(outputs);
  const own = all.slice(0, rows * hiddenSize);
  for (let n = 0; n < rows * hiddenSize; n++) {
    own[n] = all[Math.floor(n / hiddenSize) * outputStride + outputColumn + (n % hiddenSize)];
  }
  return own;
}

/** Runs the backward verb, which adds to the gradients; they begin as `initial`. */
export async function backward(
  backend: Verbs,
  memory: Memory,
  problem: LstmProblem,
  run: LstmRun,
  initial: { inputs: Float32Array | null; weights: LstmWeights },
): Promise<{ dInputs: Float32Array | null; dGates: Stored; dWeights: LstmWeights }> {
  const { inputSize, hiddenSize, rows, outputStride, outputColumn } = problem;
  // The other columns must not be read: they are NaN.
  const dOutputs = memory.output(rows * outputStride);
  for (let n = 0; n < rows * hiddenSize; n++) {
    dOutputs[Math.floor(n / hiddenSize) * outputStride + outputColumn + (n % hiddenSize)] =
      problem.dOutputs[n];
  }
  memory.freeze(dOutputs);
  const dInputs = initial.inputs === null ? null : memory.changed(initial.inputs);
  const dWeights = {
    weightIh: memory.changed(initial.weights.weightIh),
    weightHh: memory.changed(initial.weights.weightHh),
    biasIh: memory.changed(initial.weights.biasIh),
    biasHh: memory.changed(initial.weights.biasHh),
  };
  const scratchLength = backend.lstmScratchLength(problem.lengths.length, inputSize, hiddenSize, true);
  const scratch = memory.output(scratchLength);
  const { shape, gates, ...rest } = run;
  await backend.lstmBackward({ ...shape, ...rest, gates: gates!, dOutputs, dInputs, dWeights, scratch });
  memory.check('lstmBackward');
  return { dInputs, dGates: gates!, dWeights };
}

/**
 * One layer and direction: panels, forward, backward. Leaving out optional buffers must not change other results.
 * @param initial also continue from initial states
 */
function lstmCase(name: string, problem: LstmProblem, random: Random, withInitial: boolean): Case {
  const { inputSize: I, hiddenSize: H, rows } = problem;
  const initial = { inputs: uniform(random, rows * I), weights: drawWeights(random, I, H) };
  const states = () => uniform(random, problem.lengths.length * H);
  const before = { hidden: states(), cells: states() };
  const { precision = 'float32' } = problem;
  const rounded = ROUNDINGS[precision];
  const gateSums = accumulated(I + H) + rounded.stored;
  const gradients = gateSums - rounded.stored + rounded.gradients;
  // Standard deviation of W x for these random inputs and weights: rounding errors of the sums are proportional to it.
  const size = Math.max(1, (2 / 3) * Math.sqrt(I / H));
  return {
    name,
    async run(backend, memory): Promise<Results> {
      const weights = await panels(backend, memory, problem, true);
      const run = await forward(backend, memory, problem, { panels: weights, gates: true });
      const outputs = ownColumns(problem, run.outputs);
      const cells = numbers(run.cells);
      const gates = numbers(run.gates!);
      const gatesBefore = run.gates!.slice();

      const inference = await forward(backend, memory, problem, {
        panels: await panels(backend, memory, problem, false),
        gates: false,
      });
      assertSameBits(
        ownColumns(problem, inference.outputs),
        outputs,
        'outputs without gates and backward panels',
      );
      assertSameBits(numbers(inference.cells), cells, 'cells without gates and backward panels');

      const results: Results = {};
      if (withInitial) {
        const initial = { hidden: memory.input(before.hidden), cells: memory.input(before.cells) };
        const continued = await forward(backend, memory, problem, { panels: weights, gates: false, initial });
        results.continuedOutputs = ownColumns(problem, continued.outputs);
        results.continuedCells = numbers(continued.cells);
      }

      const { dInputs, dGates, dWeights } = await backward(backend, memory, problem, run, initial);
      const gradients = numbers(dGates);
      run.gates!.set(gatesBefore);
      const without = await backward(backend, memory, problem, run, { ...initial, inputs: null });
      for (const tensor of ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const) {
        assertSameBits(without.dWeights[tensor], dWeights[tensor], `d${tensor} without dInputs`);
      }
      return { ...results, outputs, cells, gates, dGates: gradients, dInputs: dInputs!, ...dWeights };
    },
    tolerances: {
      outputs: { units: gateSums, floor: size, why: 'sums of I + H products, through bounded gates' },
      cells: { units: gateSums, floor: size, why: 'sums of I + H products, then f c + i g over the steps' },
      gates: { units: gateSums, floor: size, why: 'sums of I + H products; a sigmoid or tanh of 4 ulp' },
      continuedOutputs: { units: gateSums, floor: size, why: 'as outputs' },
      continuedCells: { units: gateSums, floor: size, why: 'as cells' },
      dGates: {
        units: accumulated(4 * H) + gateSums,
        floor: 0.25,
        why: 'sums of 4H products per step of the backward pass',
      },
      dInputs: { units: accumulated(4 * H) + gradients, floor: 1, why: 'sums of 4H gradients of the gates' },
      weightIh: { units: accumulated(rows) + gradients, floor: 1, why: 'sums of N products' },
      weightHh: { units: accumulated(rows) + gradients, floor: 1, why: 'sums of N products' },
      biasIh: { units: accumulated(rows) + gradients, floor: 1, why: 'sums of N gradients' },
      biasHh: { units: accumulated(rows) + gradients, floor: 1, why: 'sums of N gradients' },
    },
  };
}

/**
 * In units of 2^-24. Halves: half of their relative spacing is 2^-11; the oracle does not round within the verb, so the
 * roundings of weights, inputs and stored values propagate through the sums. Bfloats: the oracle rounds where kernels do,
 * so only a few numbers, whose sums differ in the last bits of a float, become the other of two neighbours, 2^-7 apart.
 * As one of many factors such a number changes a gradient by less than 2^-9.
 */
const ROUNDINGS = {
  float32: { stored: 0, gradients: 0 },
  float16: { stored: 6 * 2 ** 13, gradients: 6 * 2 ** 13 },
  bfloat16: { stored: 2 ** 17, gradients: 2 ** 15 },
} as const;

const PATTERNS = ['equal', 'varied', 'steep', 'single'] as const;

/** Lengths of at most `longest` steps, longest first. */
function drawLengths(random: Random, batch: number, longest: number, pattern: string): number[] {
  const lengths = Array.from({ length: batch }, (_, b) => {
    if (pattern === 'equal') return longest;
    if (pattern === 'single') return 1;
    if (pattern === 'steep') return b === 0 ? longest : 1 + random.below(2);
    return 1 + random.below(longest);
  });
  return lengths.sort((a, b) => b - a);
}

/** A case and its precision. */
export type LstmCase = Case & { precision: Precision };

/** The numbers of sizes, 16, 9 and 11, have no common divisor, so 176 cases that cycle through them cover all pairs. */
const CASES = 176;
/** Seven of them, so that every precision meets every size. */
const PRECISIONS: Precision[] = [
  ...(['float32', 'bfloat16', 'float16', 'float32', 'bfloat16', 'float32', 'bfloat16'] as const),
];
/** Most multiplications of a case in the oracle, unless two steps need more. */
const AFFORDABLE = 3e6;

/** Numbers of rows around 256, the block length of the kernels' sums over rows; and many steps. */
const MANY_ROWS = [
  { batch: 64, steps: 4, hiddenSize: 7, inputSize: 3 },
  { batch: 65, steps: 9, hiddenSize: 16, inputSize: 5 },
  { batch: 3, steps: 171, hiddenSize: 5, inputSize: 9 },
  { batch: 1, steps: 300, hiddenSize: 17, inputSize: 1 },
];

/**
 * @param options.initial the backend continues from initial states
 * @param options.bfloats the backend has bfloat16
 */
export function lstmCases({ initial = true, bfloats = true } = {}): LstmCase[] {
  const cases = Array.from({ length: CASES }, (_, n) => {
    const random = new Random(n, 1);
    const hiddenSize = HIDDEN[n % HIDDEN.length];
    const inputSize = INPUTS[n % INPUTS.length];
    const batch = BATCHES[n % BATCHES.length];
    const steps = Math.floor(AFFORDABLE / (batch * 4 * hiddenSize * (inputSize + hiddenSize)));
    const pattern = pick(random, PATTERNS);
    const longest = Math.max(2, Math.min(9, steps));
    const sizes = { hiddenSize, inputSize, batch, steps: longest };
    const precision = PRECISIONS[n % PRECISIONS.length];
    return drawnCase(random, sizes, pattern, initial, precision);
  });
  MANY_ROWS.forEach((sizes, n) => {
    cases.push(drawnCase(new Random(n, 6), sizes, 'equal', initial));
    cases.push(drawnCase(new Random(n, 7), sizes, 'varied', initial));
    cases.push(drawnCase(new Random(n, 8), sizes, 'varied', initial, 'float16'));
    cases.push(drawnCase(new Random(n, 9), sizes, 'varied', initial, 'bfloat16'));
  });
  return bfloats ? cases : cases.filter(({ precision }) => precision !== 'bfloat16');
}

/** A case of these sizes, with random lengths, direction and columns. */
function drawnCase(
  random: Random,
  sizes: { hiddenSize: number; inputSize: number; batch: number; steps: number },
  pattern: (typeof PATTERNS)[number],
  initial: boolean,
  precision: Precision = 'float32',
): LstmCase {
  const { hiddenSize, inputSize, batch, steps } = sizes;
  const lengths = drawLengths(random, batch, steps, pattern);
  const reverse = random.below(2) === 1;
  const direction = pick(random, [
    { outputStride: hiddenSize, outputColumn: 0 },
    { outputStride: 2 * hiddenSize, outputColumn: 0 },
    { outputStride: 2 * hiddenSize, outputColumn: hiddenSize },
  ]);
  const { outputStride, outputColumn } = direction;
  const name = [
    `lstm: H ${hiddenSize}, I ${inputSize}, B ${batch}, ${pattern} lengths up to ${lengths[0]}`,
    `${reverse ? 'reverse' : 'forwards'}, column ${outputColumn} of ${outputStride}`,
  ].join(', ');
  const problem = {
    ...lstmProblem(random, inputSize, hiddenSize, lengths, { reverse, ...direction }),
    precision,
  };
  // Inputs that are of the precision already, so that the oracle's are the same.
  if (precision === 'float16')
    problem.inputs = problem.inputs.map((value) => halfToNumber(numberToHalf(value)));
  if (precision === 'bfloat16') problem.inputs = problem.inputs.map(roundToBfloat);
  const named = precision === 'float32' ? name : `${name}, ${precision}`;
  return { ...lstmCase(named, problem, random, initial), precision };
}
