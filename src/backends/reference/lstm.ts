/**
 * The reference's LSTM verbs: forward and backward pass of one direction of one layer, written like
 * docs/mathematics.md. Rows are packed time-major (see backend.ts); gradients have the prefix d.
 */

import type * as B from '../backend.js';
import type { LstmShape, LstmWeights, Stored } from '../backend.js';
import { roundToBfloat } from '../bfloat.js';
import type { OnFloats } from './rounding.js';

/** Rounds the factors of products. */
export type Rounding = (value: number) => number;

/** In bfloat16 factors are rounded, in the other precisions they are not. */
export function roundingIn(panels: Stored): Rounding {
  return panels instanceof Int16Array ? roundToBfloat : (value) => value;
}

/** Panels of bfloats as the floats that the oracle writes into their memory: rounded weights, and biases that are not. */
export function floatPanels<A extends { panels: Stored }>(args: A): A {
  const { panels } = args;
  if (!(panels instanceof Int16Array)) return args;
  return { ...args, panels: new Float32Array(panels.buffer, panels.byteOffset, panels.length >> 1) };
}

type LstmForward = OnFloats<B.LstmForward>;
type LstmBackward = OnFloats<B.LstmBackward>;

/** The logistic function 1 / (1 + e⁻ˣ); exp overflows to ∞ for very negative x, which gives the right 0. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Floats of the oracle's panels: W (4H, I), U (4H, H), b (4H), b' (4H), one after the other in PyTorch's order. */
export function panelsLength(inputSize: number, hiddenSize: number): number {
  return 4 * hiddenSize * (inputSize + hiddenSize + 2);
}

/** Floats of scratch: dh and dc of the step after, (B, H) each. */
export function scratchLength(batchSize: number, hiddenSize: number): number {
  return 2 * batchSize * hiddenSize;
}

export function lstmPanels(
  weights: LstmWeights,
  inputSize: number,
  hiddenSize: number,
  panels: Float32Array,
  round: Rounding,
): void {
  const { weightIh, weightHh, biasIh, biasHh } = tensorsIn(panels, inputSize, hiddenSize);
  for (let n = 0; n < weightIh.length; n++) weightIh[n] = round(weights.weightIh[n]);
  for (let n = 0; n < weightHh.length; n++) weightHh[n] = round(weights.weightHh[n]);
  for (let n = 0; n < biasIh.length; n++) biasIh[n] = weights.biasIh[n];
  for (let n = 0; n < biasHh.length; n++) biasHh[n] = weights.biasHh[n];
}

/** The four tensors within the panels. */
function tensorsIn(panels: Float32Array, inputSize: number, hiddenSize: number): LstmWeights {
  const gates = 4 * hiddenSize;
  const hh = gates * inputSize;
  const ih = hh + gates * hiddenSize;
  return {
    weightIh: panels.subarray(0, hh),
    weightHh: panels.subarray(hh, ih),
    biasIh: panels.subarray(ih, ih + gates),
    biasHh: panels.subarray(ih + gates, ih + 2 * gates),
  };
}

/** A step of time in the order in which a direction computes them. */
interface Step {
  /** The row of the first sequence at this step; sequence b is at `row + b`. */
  row: number;
  /** How many sequences are running. */
  size: number;
  /** The row of the first sequence at the step that this direction computed before. */
  previousRow: number;
  /** How many of the sequences have such a step; for the others the state before is zero. */
  previousSize: number;
}

/** The steps of a direction, first to last as it computes them. */
function stepsOf({ batchSizes, reverse }: LstmShape): Step[] {
  const starts: number[] = [];
  let row = 0;
  for (const size of batchSizes) {
    starts.push(row);
    row += size;
  }
  const steps: Step[] = [];
  for (let n = 0; n < batchSizes.length; n++) {
    const t = reverse ? batchSizes.length - 1 - n : n;
    const before = reverse ? t + 1 : t - 1;
    const size = batchSizes[t];
    const exists = before >= 0 && before < batchSizes.length;
    steps.push({
      row: starts[t],
      size,
      previousRow: exists ? starts[before] : 0,
      // Forwards all that run now ran before too; in reverse the shorter sequences begin here.
      previousSize: exists ? Math.min(size, batchSizes[before]) : 0,
    });
  }
  return steps;
}

/** The hidden and cell states of sequence b before a step, (H) each; null for zeros. */
function stateBefore(args: LstmForward, step: Step, b: number) {
  const { hiddenSize: H, outputStride, outputColumn, outputs, cells, initial } = args;
  if (b >= step.previousSize) {
    const from = b * H;
    return {
      h: initial?.hidden.subarray(from, from + H) ?? null,
      c: initial?.cells.subarray(from, from + H) ?? null,
    };
  }
  const previous = step.previousRow + b;
  const from = previous * outputStride + outputColumn;
  return { h: outputs.subarray(from, from + H), c: cells.subarray(previous * H, (previous + 1) * H) };
}

export function lstmForward(args: LstmForward, round: Rounding): void {
  const { inputSize: I, hiddenSize: H, outputStride, outputColumn, inputs, outputs, cells, gates } = args;
  const { weightIh, weightHh, biasIh, biasHh } = tensorsIn(args.panels, I, H);
  for (const step of stepsOf(args)) {
    for (let b = 0; b < step.size; b++) {
      const row = step.row + b;
      const { h, c: cBefore } = stateBefore(args, step, b);
      /** W x + b + U h' + b' of row `r` of the 4H. */
      const before = (r: number): number => {
        let sum = biasIh[r] + biasHh[r];
        for (let k = 0; k < I; k++) sum += weightIh[r * I + k] * inputs[row * I + k];
        if (h) for (let k = 0; k < H; k++) sum += weightHh[r * H + k] * round(h[k]);
        return sum;
      };
      for (let j = 0; j < H; j++) {
        const i = sigmoid(before(j));
        const f = sigmoid(before(H + j));
        const g = Math.tanh(before(2 * H + j));
        const o = sigmoid(before(3 * H + j));
        const c = (cBefore ? f * cBefore[j] : 0) + i * g;
        cells[row * H + j] = c;
        outputs[row * outputStride + outputColumn + j] = o * Math.tanh(c);
        if (gates !== null) {
          const at = row * 4 * H + j;
          gates[at] = i;
          gates[at + H] = f;
          gates[at + 2 * H] = g;
          gates[at + 3 * H] = o;
        }
      }
    }
  }
}

export function lstmBackward(args: LstmBackward, round: Rounding): void {
  const { inputSize: I, hiddenSize: H, outputStride, outputColumn, inputs, outputs, cells, gates } = args;
  const { dOutputs, dInputs, dWeights, scratch } = args;
  const { weightIh, weightHh } = tensorsIn(args.panels, I, H);
  const B = args.batchSizes[0];
  // Gradients of the states of the step before, (B, H) each; zero for a sequence that was not reached yet.
  const dHidden = scratch.subarray(0, B * H).fill(0);
  const dCell = scratch.subarray(B * H, 2 * B * H).fill(0);
  const steps = stepsOf(args).reverse();
  for (const step of steps) {
    for (let b = 0; b < step.size; b++) {
      const row = step.row + b;
      const hasState = b < step.previousSize;
      const previous = step.previousRow + b;
      const dz = row * 4 * H;
      for (let j = 0; j < H; j++) {
        const i = gates[dz + j];
        const f = gates[dz + H + j];
        const g = gates[dz + 2 * H + j];
        const o = gates[dz + 3 * H + j];
        const tanhC = Math.tanh(cells[row * H + j]);
        const cBefore = hasState ? cells[previous * H + j] : 0;
        const dh = dOutputs[row * outputStride + outputColumn + j] + dHidden[b * H + j];
        const dc = dCell[b * H + j] + dh * o * (1 - tanhC * tanhC);
        gates[dz + j] = round(dc * g * i * (1 - i));
        gates[dz + H + j] = round(dc * cBefore * f * (1 - f));
        gates[dz + 2 * H + j] = round(dc * i * (1 - g * g));
        gates[dz + 3 * H + j] = round(dh * tanhC * o * (1 - o));
        dCell[b * H + j] = dc * f;
      }
      // dh' (H) = dz (4H) · U (4H, H)
      for (let k = 0; k < H; k++) {
        let sum = 0;
        for (let r = 0; r < 4 * H; r++) sum += gates[dz + r] * weightHh[r * H + k];
        dHidden[b * H + k] = sum;
      }
    }
  }

  const dz = gates;
  if (dInputs !== null) {
    // dInputs (N, I) += dz (N, 4H) · W (4H, I)
    for (let n = 0; n < args.rows; n++) {
      for (let k = 0; k < I; k++) {
        let sum = 0;
        for (let r = 0; r < 4 * H; r++) sum += dz[n * 4 * H + r] * weightIh[r * I + k];
        dInputs[n * I + k] += sum;
      }
    }
  }
  // dW (4H, I) += dzᵀ (4H, N) · inputs (N, I), and the same for U with the outputs of the step before, and the biases
  for (let r = 0; r < 4 * H; r++) {
    for (let k = 0; k < I; k++) {
      let sum = 0;
      for (let n = 0; n < args.rows; n++) sum += dz[n * 4 * H + r] * inputs[n * I + k];
      dWeights.weightIh[r * I + k] += sum;
    }
    for (let k = 0; k < H; k++) {
      let sum = 0;
      for (const { row, previousRow, previousSize } of steps) {
        for (let b = 0; b < previousSize; b++) {
          sum += dz[(row + b) * 4 * H + r] * outputs[(previousRow + b) * outputStride + outputColumn + k];
        }
      }
      dWeights.weightHh[r * H + k] += sum;
    }
    let sum = 0;
    for (let n = 0; n < args.rows; n++) sum += dz[n * 4 * H + r];
    dWeights.biasIh[r] += sum;
    dWeights.biasHh[r] += sum;
  }
}
