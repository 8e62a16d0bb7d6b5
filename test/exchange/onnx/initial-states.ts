/** The logits of a network that begins with other states than zero, in plain loops: our classifier takes no states. */
import type { ExportableModel } from '#src/exchange/exportable-model.js';
import { directionsOf } from '#src/model/classifier-config.js';
import { lstmSuffix } from '#src/model/parameters.js';
import type { Batch } from './examples.js';

/** States [L·D, B, H], as PyTorch's h0 and c0. */
export interface InitialStates {
  hidden: Float32Array;
  cell: Float32Array;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const flat = (rows: readonly number[][]) => rows.flat();

/** @param batch of sequences that are not empty @returns logits [B, K] */
export function logitsFrom(model: ExportableModel, batch: Batch, states: InitialStates): number[] {
  const { inputs, lengths, batchSize, steps } = batch;
  const { inputSize: I, hiddenSize: H, numLayers, numClasses, head } = model.config;
  const D = directionsOf(model.config);
  const values = (name: string) => model.parameters.get(name)!.data;
  const logits: number[] = [];
  for (let b = 0; b < batchSize; b++) {
    let sequence = Array.from({ length: lengths[b] }, (_, t) => {
      const start = (b * steps + t) * I;
      return Array.from(inputs.subarray(start, start + I));
    });
    const finals: number[][] = [];
    for (let layer = 0; layer < numLayers; layer++) {
      const directions = Array.from({ length: D }, (_, direction) => {
        const start = ((layer * D + direction) * batchSize + b) * H;
        const at = (all: Float32Array) => Array.from(all.subarray(start, start + H));
        const suffix = lstmSuffix(layer, direction);
        return lstm(sequence, direction === 1, at(states.hidden), at(states.cell), {
          weightIh: values(`lstm.weight_ih_${suffix}`),
          weightHh: values(`lstm.weight_hh_${suffix}`),
          biasIh: values(`lstm.bias_ih_${suffix}`),
          biasHh: values(`lstm.bias_hh_${suffix}`),
        });
      });
      finals.push(directions.flatMap(({ final }) => final));
      sequence = sequence.map((_, t) => directions.flatMap(({ outputs }) => outputs[t]));
    }
    const features = {
      flatten: () => flat(sequence),
      final: () => flat(finals),
      last: () => finals[numLayers - 1],
      mean: () => sequence[0].map((_, j) => sequence.reduce((sum, step) => sum + step[j], 0) / lengths[b]),
    }[head]();
    for (let k = 0; k < numClasses; k++) {
      const weight = values('fc.weight').subarray(k * features.length, (k + 1) * features.length);
      logits.push(features.reduce((sum, feature, j) => sum + feature * weight[j], values('fc.bias')[k]));
    }
  }
  return logits;
}

/** One direction of a layer over one sequence: outputs by step, and the final hidden state. */
function lstm(
  sequence: readonly number[][],
  reverse: boolean,
  hidden: number[],
  cell: number[],
  weights: Record<'weightIh' | 'weightHh' | 'biasIh' | 'biasHh', Float32Array>,
): { outputs: number[][]; final: number[] } {
  const H = hidden.length;
  const outputs: number[][] = [];
  for (let n = 0; n < sequence.length; n++) {
    const t = reverse ? sequence.length - 1 - n : n;
    const x = sequence[t];
    const gate = (row: number) =>
      weights.biasIh[row] +
      weights.biasHh[row] +
      x.reduce((sum, value, j) => sum + value * weights.weightIh[row * x.length + j], 0) +
      hidden.reduce((sum, value, j) => sum + value * weights.weightHh[row * H + j], 0);
    const next = hidden.map((_, j) => {
      const [i, f, g, o] = [0, 1, 2, 3].map((block) => gate(block * H + j));
      cell[j] = sigmoid(f) * cell[j] + sigmoid(i) * Math.tanh(g);
      return sigmoid(o) * Math.tanh(cell[j]);
    });
    hidden = next;
    outputs[t] = next;
  }
  return { outputs, final: hidden };
}
