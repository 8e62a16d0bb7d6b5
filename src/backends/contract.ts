/**
 * Checks of the arguments of every verb, before any arithmetic: sizes, buffer lengths, offsets and labels.
 * Every backend calls these on every verb, so that a caller's mistake gives the same message on all of them and a
 * native kernel never reads or writes past a buffer. A check costs a few comparisons a buffer, and one pass over the
 * small integer buffers (batch sizes, offsets, labels). A longer buffer than needed is accepted.
 */

import type {
  AdamUpdate,
  Backend,
  CopyRows,
  CrossEntropy,
  Dropout,
  GradientSums,
  LinearBackward,
  LinearForward,
  LstmBackward,
  LstmForward,
  LstmShape,
  LstmWeights,
  SgdUpdate,
} from './backend.js';
import type { MatrixProduct } from './kernel-probe.js';
import { type Precision, precisionOf, type Stored } from './stored.js';

/** The lengths that differ between backends. */
export type BufferLengths = Pick<Backend, 'lstmPanelsLength' | 'lstmScratchLength' | 'linearScratchLength'>;

const NUMBERS: Record<Precision, string> = { float32: 'floats', float16: 'halves', bfloat16: 'bfloats' };

interface Sized {
  readonly length: number;
}

/** A buffer of `rows` (× `columns`) elements; `letters` is its shape as backend.ts writes it. */
function need(
  verb: string,
  buffer: string,
  letters: string,
  array: Sized,
  rows: number,
  columns?: number,
): void {
  const length = columns === undefined ? rows : rows * columns;
  // Written so that NaN and undefined lengths fail too.
  if (array.length >= length) return;
  const numbers = columns === undefined ? `[${rows}]` : `[${rows}, ${columns}]`;
  const unit = array instanceof Int32Array ? 'integers' : NUMBERS[precisionOf(array as Stored)];
  throw new Error(`${verb}: ${buffer} ${letters} = ${numbers} needs ${length} ${unit}, got ${array.length}`);
}

function needSame(verb: string, buffer: string, array: Sized, other: string, length: number): void {
  if (array.length === length) return;
  throw new Error(`${verb}: ${buffer} must be as long as ${other}, ${length} floats, got ${array.length}`);
}

function needCount(verb: string, name: string, value: number, least = 1): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new Error(`${verb}: ${name} must be a whole number of at least ${least}, got ${value}`);
}

function needNumber(verb: string, name: string, value: number): void {
  if (typeof value === 'number') return;
  throw new Error(`${verb}: ${name} must be a number, got ${value}`);
}

/** The stored buffers of an LSTM verb are of one precision. */
function needOnePrecision(verb: string, args: LstmForward | LstmBackward): void {
  const wanted = precisionOf(args.panels);
  needAligned(verb, 'panels', args.panels);
  for (const name of STORED) {
    const array = args[name];
    if (array === null) continue;
    const got = precisionOf(array);
    if (got !== wanted)
      throw new Error(`${verb}: ${name} must be ${NUMBERS[wanted]}, as panels are, got ${NUMBERS[got]}`);
    needAligned(verb, name, array);
  }
}
const STORED = ['inputs', 'outputs', 'cells', 'gates'] as const;

/** Kernels keep the precision in the lowest bits of an address. */
function needAligned(verb: string, buffer: string, { byteOffset }: Stored): void {
  if (byteOffset % 4 === 0) return;
  throw new Error(
    `${verb}: ${buffer} must begin at a multiple of 4 bytes of its memory, got byte ${byteOffset}`,
  );
}

function checkLstmShape(verb: string, shape: LstmShape): void {
  const { hiddenSize, batchSizes, rows, outputStride, outputColumn } = shape;
  needCount(verb, 'inputSize', shape.inputSize);
  needCount(verb, 'hiddenSize', hiddenSize);
  needCount(verb, 'rows', rows);
  needCount(verb, 'outputColumn', outputColumn, 0);
  if (!(Number.isInteger(outputStride) && outputColumn + hiddenSize <= outputStride)) {
    throw new Error(
      `${verb}: outputColumn + hiddenSize = ${outputColumn} + ${hiddenSize} must fit into outputStride, got ${outputStride}`,
    );
  }
  let sum = 0;
  let previous = Number.POSITIVE_INFINITY;
  for (let t = 0; t < batchSizes.length; t++) {
    const size = batchSizes[t];
    if (size < 1 || size > previous) {
      const expected =
        t === 0 ? 'at least 1' : `at least 1 and at most batchSizes[${t - 1}] = ${batchSizes[t - 1]}`;
      throw new Error(`${verb}: batchSizes[${t}] must be ${expected}, got ${size}`);
    }
    sum += size;
    previous = size;
  }
  if (sum !== rows) throw new Error(`${verb}: the sum of batchSizes must be rows = ${rows}, got ${sum}`);
}

function needPanels(
  verb: string,
  { panels, inputSize, hiddenSize }: LstmForward | LstmBackward,
  lengths: BufferLengths,
  backward: boolean,
): void {
  const length = lengths.lstmPanelsLength(inputSize, hiddenSize, backward, precisionOf(panels));
  need(verb, 'panels', '[P]', panels, length);
}

function checkLstmWeights(
  verb: string,
  prefix: string,
  weights: LstmWeights,
  inputSize: number,
  hiddenSize: number,
): void {
  const gates = 4 * hiddenSize;
  need(verb, `${prefix}.weightIh`, '[4H, I]', weights.weightIh, gates, inputSize);
  need(verb, `${prefix}.weightHh`, '[4H, H]', weights.weightHh, gates, hiddenSize);
  need(verb, `${prefix}.biasIh`, '[4H]', weights.biasIh, gates);
  need(verb, `${prefix}.biasHh`, '[4H]', weights.biasHh, gates);
}

function checkSums(verb: string, sequences: number, { sumOf }: GradientSums): void {
  if (!sumOf) return;
  need(verb, 'sumOf', '[B]', sumOf, sequences);
  for (let b = 0; b < sequences; b++) {
    if (sumOf[b] >= 0 && sumOf[b] < sequences) continue;
    throw new Error(`${verb}: sumOf[${b}] must be in 0 … ${sequences - 1}, got ${sumOf[b]}`);
  }
}

/** @throws Error naming the verb, the buffer, its expected shape and the length found; so do all checks here. */
export function checkLstmPanels(args: Parameters<Backend['lstmPanels']>[0], lengths: BufferLengths): void {
  const { inputSize, hiddenSize } = args;
  needCount('lstmPanels', 'inputSize', inputSize);
  needCount('lstmPanels', 'hiddenSize', hiddenSize);
  checkLstmWeights('lstmPanels', 'weights', args.weights, inputSize, hiddenSize);
  const { panels, backward } = args;
  const length = lengths.lstmPanelsLength(inputSize, hiddenSize, backward, precisionOf(panels));
  need('lstmPanels', 'panels', '[P]', panels, length);
  needAligned('lstmPanels', 'panels', panels);
}

export function checkLstmForward(args: LstmForward, lengths: BufferLengths): void {
  const verb = 'lstmForward';
  checkLstmShape(verb, args);
  const { inputSize, hiddenSize, rows } = args;
  needPanels(verb, args, lengths, false);
  need(verb, 'inputs', '[N, I]', args.inputs, rows, inputSize);
  need(verb, 'outputs', '[N, D·H]', args.outputs, rows, args.outputStride);
  need(verb, 'cells', '[N, H]', args.cells, rows, hiddenSize);
  needOnePrecision(verb, args);
  const scratch = lengths.lstmScratchLength(args.batchSizes[0], inputSize, hiddenSize, false);
  need(verb, 'scratch', '[S]', args.scratch, scratch);
  if (args.gates !== null) need(verb, 'gates', '[N, 4H]', args.gates, rows, 4 * hiddenSize);
  if (args.initial) {
    need(verb, 'initial.hidden', '[B, H]', args.initial.hidden, args.batchSizes[0], hiddenSize);
    need(verb, 'initial.cells', '[B, H]', args.initial.cells, args.batchSizes[0], hiddenSize);
  }
}

export function checkLstmBackward(args: LstmBackward, lengths: BufferLengths): void {
  const verb = 'lstmBackward';
  checkLstmShape(verb, args);
  const { inputSize, hiddenSize, rows } = args;
  needPanels(verb, args, lengths, true);
  need(verb, 'inputs', '[N, I]', args.inputs, rows, inputSize);
  need(verb, 'outputs', '[N, D·H]', args.outputs, rows, args.outputStride);
  need(verb, 'cells', '[N, H]', args.cells, rows, hiddenSize);
  needOnePrecision(verb, args);
  need(verb, 'gates', '[N, 4H]', args.gates, rows, 4 * hiddenSize);
  checkSums(verb, args.batchSizes[0], args);
  need(verb, 'dOutputs', '[N, D·H]', args.dOutputs, rows, args.outputStride);
  if (args.dInputs !== null) need(verb, 'dInputs', '[N, I]', args.dInputs, rows, inputSize);
  checkLstmWeights(verb, 'dWeights', args.dWeights, inputSize, hiddenSize);
  const scratch = lengths.lstmScratchLength(args.batchSizes[0], inputSize, hiddenSize, true);
  need(verb, 'scratch', '[S]', args.scratch, scratch);
}

export function checkLinearForward(args: LinearForward): void {
  const verb = 'linearForward';
  const { rows, inputSize, outputSize } = args;
  needCount(verb, 'rows', rows);
  needCount(verb, 'inputSize', inputSize);
  needCount(verb, 'outputSize', outputSize);
  need(verb, 'inputs', '[B, F]', args.inputs, rows, inputSize);
  need(verb, 'weight', '[K, F]', args.weight, outputSize, inputSize);
  need(verb, 'bias', '[K]', args.bias, outputSize);
  need(verb, 'outputs', '[B, K]', args.outputs, rows, outputSize);
}

export function checkLinearBackward(args: LinearBackward, lengths: BufferLengths): void {
  const verb = 'linearBackward';
  const { rows, inputSize, outputSize } = args;
  needCount(verb, 'rows', rows);
  needCount(verb, 'inputSize', inputSize);
  needCount(verb, 'outputSize', outputSize);
  need(verb, 'inputs', '[B, F]', args.inputs, rows, inputSize);
  need(verb, 'weight', '[K, F]', args.weight, outputSize, inputSize);
  checkSums(verb, rows, args);
  need(verb, 'dOutputs', '[B, K]', args.dOutputs, rows, outputSize);
  if (args.dInputs !== null) need(verb, 'dInputs', '[B, F]', args.dInputs, rows, inputSize);
  need(verb, 'dWeight', '[K, F]', args.dWeight, outputSize, inputSize);
  need(verb, 'dBias', '[K]', args.dBias, outputSize);
  need(verb, 'scratch', '[S]', args.scratch, lengths.linearScratchLength(rows, inputSize, outputSize));
}

export function checkCopyRows(args: CopyRows): void {
  const { rows, width } = args;
  needCount('copyRows', 'rows', rows, 0);
  needCount('copyRows', 'width', width);
  need('copyRows', 'sourceOffsets', '[rows]', args.sourceOffsets, rows);
  need('copyRows', 'targetOffsets', '[rows]', args.targetOffsets, rows);
  if (args.scales !== null) need('copyRows', 'scales', '[rows]', args.scales, rows);
  needAligned('copyRows', 'source', args.source);
  needAligned('copyRows', 'target', args.target);
  checkOffsets('source', args.sourceOffsets, rows, args.source.length - width, width);
  checkOffsets('target', args.targetOffsets, rows, args.target.length - width, width);
}

function checkOffsets(buffer: string, offsets: Int32Array, rows: number, last: number, width: number): void {
  for (let n = 0; n < rows; n++) {
    if (offsets[n] >= 0 && offsets[n] <= last) continue;
    throw new Error(
      `copyRows: ${buffer}Offsets[${n}] = ${offsets[n]} + width ${width} must lie within ${buffer}, ${last + width} elements`,
    );
  }
}

export function checkDropout(args: Dropout): void {
  const { rows, width, rate } = args;
  needCount('dropout', 'rows', rows, 0);
  needCount('dropout', 'width', width);
  if (!(rate >= 0 && rate < 1)) throw new Error(`dropout: rate must be in [0, 1), got ${rate}`);
  need('dropout', 'values', '[rows, width]', args.values, rows, width);
  needAligned('dropout', 'values', args.values);
  need('dropout', 'keys', '[rows, 2]', args.keys, rows, 2);
  need('dropout', 'offsets', '[rows]', args.offsets, rows);
  needCount('dropout', 'stream', args.stream, 0);
}

export function checkCrossEntropy(args: CrossEntropy): void {
  const verb = 'crossEntropy';
  const { rows, classes, labels, labelSmoothing } = args;
  needCount(verb, 'rows', rows);
  needCount(verb, 'classes', classes);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new Error(`${verb}: labelSmoothing must be in [0, 1], got ${labelSmoothing}`);
  }
  needNumber(verb, 'gradientScale', args.gradientScale);
  need(verb, 'logits', '[B, K]', args.logits, rows, classes);
  need(verb, 'labels', '[B]', labels, rows);
  need(verb, 'losses', '[B]', args.losses, rows);
  if (args.dLogits !== null) need(verb, 'dLogits', '[B, K]', args.dLogits, rows, classes);
  if (args.classWeights) checkClassWeights(verb, args.classWeights, classes);
  for (let b = 0; b < rows; b++) {
    if (labels[b] >= 0 && labels[b] < classes) continue;
    throw new Error(`${verb}: labels[${b}] must be in 0 … ${classes - 1}, got ${labels[b]}`);
  }
}

function checkClassWeights(verb: string, weights: Float32Array, classes: number): void {
  need(verb, 'classWeights', '[K]', weights, classes);
  for (let k = 0; k < classes; k++) {
    if (weights[k] >= 0 && weights[k] < Number.POSITIVE_INFINITY) continue;
    throw new Error(`${verb}: classWeights[${k}] must be finite and at least 0, got ${weights[k]}`);
  }
}

export function checkClear(target: Float32Array, length: number): void {
  needCount('clear', 'length', length, 0);
  need('clear', 'target', '[n]', target, length);
}

export function checkAdd(target: Float32Array, source: Float32Array): void {
  needSame('add', 'source', source, 'target', target.length);
}

export function checkSgd(args: SgdUpdate): void {
  const length = args.parameters.length;
  needSame('sgd', 'gradients', args.gradients, 'parameters', length);
  if (args.velocity !== null) needSame('sgd', 'velocity', args.velocity, 'parameters', length);
  else if (args.momentum !== 0) throw new Error(`sgd: momentum ${args.momentum} needs a velocity, got null`);
}

export function checkAdam(args: AdamUpdate): void {
  const length = args.parameters.length;
  needSame('adam', 'gradients', args.gradients, 'parameters', length);
  needSame('adam', 'mean', args.mean, 'parameters', length);
  needSame('adam', 'variance', args.variance, 'parameters', length);
  needCount('adam', 'update', args.update);
}

export function checkActivate(inputs: Float32Array, outputs: Float32Array): void {
  needSame('activate', 'outputs', outputs, 'inputs', inputs.length);
}

/** The largest number up to which float32 counts in steps of two. */
const MOST_ROUNDS = 2 ** 23;

export function checkMultiplyAdds(rounds: number): void {
  needCount('multiplyAdds', 'rounds', rounds, 0);
  if (rounds > MOST_ROUNDS)
    throw new Error(`multiplyAdds: rounds must be at most ${MOST_ROUNDS}, got ${rounds}`);
}

export function checkMatmul(args: MatrixProduct, lengths: BufferLengths): void {
  const { m, n, k } = args;
  needCount('matmul', 'm', m);
  needCount('matmul', 'n', n);
  needCount('matmul', 'k', k);
  need('matmul', 'a', '[M, K]', args.a, m, k);
  need('matmul', 'b', '[K, N]', args.b, k, n);
  need('matmul', 'c', '[M, N]', args.c, m, n);
  need('matmul', 'scratch', '[S]', args.scratch, lengths.linearScratchLength(m, k, n));
}
