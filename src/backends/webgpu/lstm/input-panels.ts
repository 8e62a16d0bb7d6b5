/**
 * Working copies of a layer's input weights and biases, padded with zeros:
 *   forward  [I', D·H', 4]   weightIh, for inputs · weights
 *   bias     [D·H', 4]       biasIh + biasHh
 *   backward [D·H', 4, I']   weightIh, for gate gradients · weights
 * The last axis of the first two and the middle axis of the third are the gates i, f, g, o.
 */
import { type Dispatch, dispatch, kernel, MAX_GROUPS, read, type Slice, write } from '../kernel.js';
import type { LstmLayer } from '../verbs.js';
import { columnFunction, sizesOf, tensorFunctions } from './layer-sizes.js';

const GROUP = 256;

/** Words of `forward` or `backward`, and of `bias`. */
export function inputPanelWords(layer: LstmLayer) {
  const { inputs, hidden, directions } = sizesOf(layer);
  return { weights: inputs * directions * hidden * 4, bias: directions * hidden * 4 };
}

/**
 * One dispatch writes all panels: forward and bias at word 0, backward at word `backwardWeights`.
 * @param args.backward whether `backward` is written
 */
export function writeInputPanels(args: {
  layer: LstmLayer;
  parameters: Slice;
  panels: Slice;
  backward: boolean;
  backwardWeights: number;
}): Dispatch {
  const { layer, parameters, panels, backward } = args;
  const { weights, bias } = inputPanelWords(layer);
  const words = weights + bias + (backward ? weights : 0);
  const groups = Math.min(MAX_GROUPS, Math.ceil(words / GROUP));
  return dispatch(panelsKernel(layer, words, args.backwardWeights), { parameters, panels }, [groups]);
}

function panelsKernel(layer: LstmLayer, words: number, backwardWeights: number) {
  const { inputs, inputSize, hiddenSize, hidden, directions } = sizesOf(layer);
  const { weights, bias } = inputPanelWords(layer);
  const gates = directions * hidden * 4;
  return kernel(
    'lstm input panels',
    { parameters: read('f32'), panels: write('f32') },
    `${tensorFunctions(layer)}${columnFunction(layer)}
// Gates of all directions: unit · 4 + i, f, g or o. This is a gate's row in the tensors of its direction.
fn tensorRow(gate: u32) -> u32 { return gate % 4u * ${hiddenSize}u + gate / 4u % ${hidden}u; }
fn isPadding(gate: u32) -> bool { return gate / 4u % ${hidden}u >= ${hiddenSize}u; }
// weightIh of a gate and a column of the inputs.
fn weight(gate: u32, column: u32) -> f32 {
  let source = parameterColumn(column);
  if (isPadding(gate) || source == PAD) { return 0.0f; }
  return parameters[weightIh(gate / ${hidden * 4}u) + tensorRow(gate) * ${inputSize}u + source];
}
fn bias(gate: u32) -> f32 {
  if (isPadding(gate)) { return 0.0f; }
  let direction = gate / ${hidden * 4}u;
  return parameters[biasIh(direction) + tensorRow(gate)] + parameters[biasHh(direction) + tensorRow(gate)];
}
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var word = id.x; word < ${words}u; word += groups.x * ${GROUP}u) {
    if (word < ${weights}u) {
      panels[word] = weight(word % ${gates}u, word / ${gates}u);
    } else if (word < ${weights + bias}u) {
      panels[word] = bias(word - ${weights}u);
    } else {
      let place = word - ${weights + bias}u;
      panels[${backwardWeights}u + place] = weight(place / ${inputs}u, place % ${inputs}u);
    }
  }
}`,
  );
}
