/** Tells which head a graph has: from the labels that its linear layer reads. Puts the weights into our order. */
import type { Head } from '../../../model/classifier-config.js';
import { lstmSuffix } from '../../../model/parameters.js';
import type { StateDict } from '../../../state-dict.js';
import { UserError } from '../../../user-error.js';
import type { AnalysedGraph } from './graph-analysis.js';
import { readsInOrder } from './input-order.js';
import type { LayerDirection, LstmStack } from './lstm-stack.js';

/** A classifier that was found in a graph. */
export interface FoundClassifier {
  /** All heads that read the same numbers: several with one layer or one step. */
  heads: Head[];
  /** T of the analysis. */
  steps: number;
  /** Whether the first layer reads the whole input, step by step (input-order.ts). */
  inOrder: boolean;
  /** Under PyTorch's names. */
  tensors: StateDict;
  /** The number that divides the logits; null for none. */
  temperature: number | null;
  notices: string[];
}

/** Where heads read the same, the first is chosen. */
const PREFERRED: readonly Head[] = ['final', 'last', 'mean', 'flatten'];

/** @throws UserError for layers that do not fit together, and for a linear layer that reads what no head reads */
export function findClassifier(analysis: AnalysedGraph): FoundClassifier {
  const { lstm, linear, notices, file } = analysis;
  const layers = checkLayers(lstm, file);
  const rows = linear.features.length / linear.featureCount;
  if (rows !== lstm.batch) {
    throw new UserError(
      `${file}: the model gives ${rows} answers for ${lstm.batch} sequences; scanstroke's classifiers give one each`,
    );
  }
  const found = PREFERRED.flatMap((head) => {
    if (featureCount(lstm, layers, head) !== linear.featureCount) return []; // before labels take memory
    const columns = columnsOf(analysis, (batch) => expectedLabels(lstm, layers, head, batch));
    return columns === null ? [] : [{ head, columns }];
  });
  if (found.length === 0) throw new UserError(`${file}: ${describeFeatures(analysis)}`);
  const tensors: StateDict = new Map();
  layers.forEach((directions, layer) => {
    const I = lstm.layers[layer].inputSize;
    for (const [d, direction] of directions.entries()) {
      addDirection(tensors, lstmSuffix(layer, d), direction, I, lstm.units);
    }
  });
  addLinear(tensors, analysis, found[0].columns);
  return {
    heads: found.map(({ head }) => head),
    steps: lstm.steps,
    inOrder: readsInOrder(lstm),
    tensors,
    temperature: linear.temperature,
    notices: [...notices],
  };
}

/** [layer][direction] */
function checkLayers({ layers }: LstmStack, file: string): LayerDirection[][] {
  const all = layers.map(({ directions: [forward, reverse] }, layer) => {
    if (forward === undefined) {
      throw new UserError(
        `${file}: LSTM layer ${layer} reads sequences backwards only; scanstroke's layers read forward, or in both directions`,
      );
    }
    return reverse === undefined ? [forward] : [forward, reverse];
  });
  if (all.some(({ length }) => length !== all[0].length)) {
    throw new UserError(
      `${file}: some LSTM layers are bidirectional, and some are not; scanstroke's are all the same`,
    );
  }
  return all;
}

/** F, the numbers that a head reads of a sequence. */
function featureCount({ steps, units }: LstmStack, layers: readonly LayerDirection[][], head: Head): number {
  const perStep = units * layers[0].length;
  if (head === 'flatten') return steps * perStep;
  return head === 'final' ? layers.length * perStep : perStep;
}

/** [F] the labels that a head reads of a sequence, in our order; 0 past its end. */
function expectedLabels(
  lstm: LstmStack,
  layers: readonly LayerDirection[][],
  head: Head,
  batch: number,
): Int32Array {
  const { steps, units } = lstm;
  const length = lstm.lengths[batch];
  const last = layers[layers.length - 1];
  const labels: number[] = [];
  const add = (direction: LayerDirection, step: number) => {
    const first = lstm.labelOf(direction, step, batch, 0);
    for (let unit = 0; unit < units; unit++) labels.push(step < length ? first + unit : 0);
  };
  switch (head) {
    case 'flatten':
      for (let step = 0; step < steps; step++) for (const direction of last) add(direction, step);
      break;
    case 'final':
    case 'last':
      for (const directions of head === 'final' ? layers : [last]) {
        for (const [d, direction] of directions.entries()) add(direction, d === 0 ? length - 1 : 0);
      }
      break;
    case 'mean':
      for (const direction of last) {
        for (let unit = 0; unit < units; unit++) labels.push(lstm.meanLabel(direction, batch, unit));
      }
      break;
    default:
      head satisfies never;
  }
  return Int32Array.from(labels);
}

/** [F] our column of each column of the file; null if the linear layer reads other labels. */
function columnsOf(
  { linear, lstm }: AnalysedGraph,
  expected: (batch: number) => Int32Array,
): Int32Array | null {
  const { features, featureCount: F } = linear;
  const ours = new Map<number, number>();
  expected(0).forEach((label, column) => {
    ours.set(label, column);
  });
  const columns = new Int32Array(F);
  for (let n = 0; n < F; n++) {
    const column = ours.get(features[n]);
    // A column that is read twice is missing elsewhere.
    if (column === undefined) return null;
    ours.delete(features[n]);
    columns[n] = column;
  }
  for (let batch = 1; batch < lstm.batch; batch++) {
    const labels = expected(batch);
    for (let n = 0; n < F; n++) if (features[batch * F + n] !== labels[columns[n]]) return null;
  }
  return columns;
}

/** Which outputs the linear layer reads instead. */
function describeFeatures({ linear, lstm }: AnalysedGraph): string {
  const parts = new Set<string>();
  let wrongEnd = false;
  for (const label of linear.features.subarray(0, linear.featureCount)) {
    const state = label === 0 ? null : lstm.stateOf(label);
    if (state === null) parts.add('other values');
    else {
      const { layer, direction, step } = state;
      wrongEnd ||= direction === 1 && step === lstm.steps - 1 && lstm.steps > 1;
      const when = step < lstm.steps ? `at step ${step + 1} of ${lstm.steps}` : 'over all steps';
      parts.add(`layer ${layer} ${direction === 0 ? 'forward' : 'backward'} ${when}`);
    }
    if (parts.size > 4) break;
  }
  const read = [...parts].slice(0, 4).join(', ') + (parts.size > 4 ? ' …' : '');
  const advice = wrongEnd
    ? ': the backward direction ends at step 1, and at the last step it has read one step only (out[:, -1]); ' +
      'train a model that reads the final states (h_n)'
    : '; scanstroke reads all steps, the final states of all layers or of the last one, or the mean over the steps';
  return `the linear layer reads ${read}${advice}`;
}

function addDirection(
  tensors: StateDict,
  suffix: string,
  { weightIh, weightHh, biasIh, biasHh }: LayerDirection,
  I: number,
  H: number,
): void {
  tensors.set(`lstm.weight_ih_${suffix}`, { shape: [4 * H, I], data: weightIh });
  tensors.set(`lstm.weight_hh_${suffix}`, { shape: [4 * H, H], data: weightHh });
  tensors.set(`lstm.bias_ih_${suffix}`, { shape: [4 * H], data: biasIh });
  tensors.set(`lstm.bias_hh_${suffix}`, { shape: [4 * H], data: biasHh });
}

function addLinear(tensors: StateDict, { linear }: AnalysedGraph, columns: Int32Array): void {
  const { featureCount: F, classes: K, weight, weightStrides } = linear;
  const data = new Float32Array(K * F);
  for (let k = 0; k < K; k++) {
    for (let n = 0; n < F; n++)
      data[k * F + columns[n]] = weight.data[n * weightStrides[0] + k * weightStrides[1]];
  }
  tensors.set('fc.weight', { shape: [K, F], data });
  tensors.set('fc.bias', { shape: [K], data: linear.bias ?? new Float32Array(K) });
}
