/**
 * The LSTM as ONNX operators. A layer is one operator LSTM, whose tensors are PyTorch's in another order:
 *
 *     lstm.lN.W [D, 4H, I]   weight_ih_lN                   directions stacked, forward then reverse;
 *     lstm.lN.R [D, 4H, H]   weight_hh_lN                   gates in ONNX's order i o f c
 *     lstm.lN.B [D, 8H]      bias_ih_lN, then bias_hh_lN    in place of PyTorch's i f g o
 *
 * No value is changed, so a reader restores the same bits.
 */
import {
  directionsOf,
  layerInputSize,
  type ResolvedClassifierConfig,
} from '../../../model/classifier-config.js';
import { lstmSuffix } from '../../../model/parameters.js';
import type { StateDict } from '../../../state-dict.js';
import type { GraphBuilder } from './graph-builder.js';

/** Where ONNX's gates i o f c are among PyTorch's i f g o. */
const GATES = [0, 3, 1, 2] as const;

/** Names of values that the layers take. */
export interface LstmInputs {
  /** [steps, batch, I] */
  sequence: string;
  /** [batch] int32; empty if every sequence has all steps. */
  lengths: string;
  /** [L·D, batch, H] each; null for zeros. */
  initial: { hidden: string; cell: string } | null;
}

/** Names of values that the layers give. A name is empty unless it was wanted. */
export interface LstmOutputs {
  /** [steps, D, batch, H] of the last layer; zero past the end of a sequence. */
  outputs: string;
  /** [layer] final hidden states [D, batch, H] */
  hidden: string[];
  /** [layer] final cell states [D, batch, H] */
  cells: string[];
}

/** What is used of the layers' values, besides the outputs between layers. */
export interface WantedOutputs {
  outputs: boolean;
  hidden: boolean;
  cells: boolean;
}

/** Adds the stacked layers. */
export function addLstmLayers(
  graph: GraphBuilder,
  { config, parameters }: { config: ResolvedClassifierConfig; parameters: StateDict },
  { sequence, lengths, initial }: LstmInputs,
  wanted: WantedOutputs,
): LstmOutputs {
  const { numLayers: L, hiddenSize, bidirectional } = config;
  const initialHidden = initial ? splitStates(graph, initial.hidden, config) : [];
  const initialCells = initial ? splitStates(graph, initial.cell, config) : [];
  const result: LstmOutputs = { outputs: '', hidden: [], cells: [] };
  let layerInput = sequence;
  for (let layer = 0; layer < L; layer++) {
    const name = `lstm.l${layer}`;
    const last = layer === L - 1;
    const outputs = wanted.outputs || !last ? `${name}.Y` : '';
    const hidden = wanted.hidden ? `${name}.Y_h` : '';
    const cells = wanted.cells ? `${name}.Y_c` : '';
    const tensors = addLayerTensors(graph, name, parameters, config, layer);
    graph.nodeWithOutputs(
      'LSTM',
      name,
      [layerInput, ...tensors, lengths, initialHidden[layer] ?? '', initialCells[layer] ?? ''],
      [outputs, hidden, cells],
      { hidden_size: hiddenSize, direction: bidirectional ? 'bidirectional' : 'forward' },
    );
    result.outputs = outputs;
    result.hidden.push(hidden);
    result.cells.push(cells);
    if (!last) layerInput = addNextInput(graph, name, outputs, config);
  }
  return result;
}

/** [steps, D, batch, H] → [steps, batch, D·H], the input of the next layer. */
function addNextInput(
  graph: GraphBuilder,
  layer: string,
  outputs: string,
  { bidirectional, hiddenSize }: ResolvedClassifierConfig,
): string {
  if (!bidirectional) {
    return graph.node('Squeeze', `${layer}.outputs`, [outputs, graph.integers('axis_1', [1])]);
  }
  const beside = graph.node('Transpose', `${layer}.beside`, [outputs], { perm: [0, 2, 1, 3] });
  // 2·H rather than -1, which ONNX Runtime refuses in a batch without steps.
  const shape = graph.integers('layer_input_shape', [0, 0, 2 * hiddenSize]);
  return graph.node('Reshape', `${layer}.outputs`, [beside, shape]);
}

/** The states [L·D, batch, H] as L values [D, batch, H]. */
function splitStates(graph: GraphBuilder, states: string, config: ResolvedClassifierConfig): string[] {
  const { numLayers: L } = config;
  if (L === 1) return [states];
  const sizes = graph.integers('directions_of_layers', new Array<number>(L).fill(directionsOf(config)));
  const outputs = Array.from({ length: L }, (_, layer) => `${states}.l${layer}`);
  graph.nodeWithOutputs('Split', `${states}.split`, [states, sizes], outputs, { axis: 0 });
  return outputs;
}

/** @returns names of W, R and B */
function addLayerTensors(
  graph: GraphBuilder,
  name: string,
  parameters: StateDict,
  config: ResolvedClassifierConfig,
  layer: number,
): string[] {
  const { hiddenSize: H } = config;
  const D = directionsOf(config);
  /** Both directions of the named parameters, one after the other within a direction. */
  const stacked = (...kinds: string[]) => {
    const gates = Array.from({ length: D }, (_, direction) => lstmSuffix(layer, direction))
      .flatMap((suffix) => kinds.map((kind) => `lstm.${kind}_${suffix}`))
      .flatMap((parameter) => gatesOf(parameterOf(parameters, parameter)));
    return joined(gates);
  };
  return [
    graph.constant(`${name}.W`, [D, 4 * H, layerInputSize(config, layer)], stacked('weight_ih')),
    graph.constant(`${name}.R`, [D, 4 * H, H], stacked('weight_hh')),
    graph.constant(`${name}.B`, [D, 8 * H], stacked('bias_ih', 'bias_hh')),
  ];
}

/** @throws Error if the model lacks the parameter, which a checked model does not */
export function parameterOf(parameters: StateDict, name: string): Float32Array {
  const tensor = parameters.get(name);
  if (!tensor) throw new Error(`export: no parameter ${name}`);
  return tensor.data;
}

/** The four gates of a parameter [4H, …] in ONNX's order; views. */
function gatesOf(values: Float32Array): Float32Array[] {
  const size = values.length / 4;
  return GATES.map((gate) => values.subarray(gate * size, (gate + 1) * size));
}

function joined(blocks: readonly Float32Array[]): Float32Array {
  const values = new Float32Array(blocks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const block of blocks) {
    values.set(block, at);
    at += block.length;
  }
  return values;
}
