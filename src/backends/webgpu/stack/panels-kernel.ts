/**
 * The kernel that writes the parameters in the order in which the other kernels read them, zeros in the padding.
 *
 * Forward: of layer l, weight i = 4m + component, thread 4 · unit + p: the weights of the unit's four gates for column
 * 4 (p + 4m) + component. Columns 0 … H' - 1 are those of weight_ih, the next H' those of weight_hh.
 * Biases: of layer l and each unit, b + b' of its gates. Classifier: rows of fc.weight and, in a quad, fc.bias.
 * Backward: of layer l, weight i = 4m + gate, thread 16 · quad + p: the weights of the quad's four units in row `gate`
 * of unit p + 16m. Units 0 … H' - 1 are those of the layer (weight_hh), the next H' those of the layer above (its
 * weight_ih).
 */
import { kernel, read, write } from '../kernel.js';
import type { StackNetwork } from './stack-network.js';
import { type StackSizes, sizeConstants } from './stack-sizes.js';

const GROUP = 64;

export function panelsKernel(network: StackNetwork, sizes: StackSizes, backward: boolean) {
  const quads = backward ? sizes.panels.quads : sizes.panels.backward;
  const body = `
${sizeConstants(sizes)}
${networkConstants(network)}
// Weight of layer l: row gate · H + unit, column c.
fn weightIh(l: u32, gate: u32, unit: u32, c: u32) -> f32 {
  let columns = INPUT_SIZES[l];
  if (unit >= HIDDEN || c >= columns) { return 0.0; }
  return parameters[WEIGHT_IH[l] + (gate * HIDDEN + unit) * columns + c];
}
fn weightHh(l: u32, gate: u32, unit: u32, c: u32) -> f32 {
  if (unit >= HIDDEN || c >= HIDDEN) { return 0.0; }
  return parameters[WEIGHT_HH[l] + (gate * HIDDEN + unit) * HIDDEN + c];
}
fn forwardQuad(n: u32) -> vec4f {
  let thread = n % LAYER_THREADS;
  let i = n / LAYER_THREADS % WEIGHTS;
  let l = n / (LAYER_THREADS * WEIGHTS);
  let unit = thread / 4u;
  let column = 4u * (thread % 4u + 4u * (i / 4u)) + i % 4u;
  var quad: vec4f;
  for (var gate = 0u; gate < 4u; gate++) {
    if (column < UNITS) { quad[gate] = weightIh(l, gate, unit, column); }
    else { quad[gate] = weightHh(l, gate, unit, column - UNITS); }
  }
  return quad;
}
fn biasQuad(n: u32) -> vec4f {
  let l = n / UNITS;
  let unit = n % UNITS;
  var quad: vec4f;
  if (unit < HIDDEN) {
    for (var gate = 0u; gate < 4u; gate++) {
      let row = gate * HIDDEN + unit;
      quad[gate] = parameters[BIAS_IH[l] + row] + parameters[BIAS_HH[l] + row];
    }
  }
  return quad;
}
fn classifierQuad(n: u32) -> vec4f {
  let k = n / (FEATURE_QUADS + 1u);
  let q = n % (FEATURE_QUADS + 1u);
  if (q == FEATURE_QUADS) { return vec4f(parameters[FC_BIAS + k], 0.0, 0.0, 0.0); }
  var quad: vec4f;
  for (var component = 0u; component < 4u; component++) {
    let feature = 4u * q + component;
    let unit = feature % UNITS;
    if (unit < HIDDEN) {
      quad[component] = parameters[FC_WEIGHT + k * TRUE_FEATURES + feature / UNITS * HIDDEN + unit];
    }
  }
  return quad;
}
fn backwardQuad(n: u32) -> vec4f {
  let thread = n % LAYER_THREADS;
  let i = n / LAYER_THREADS % WEIGHTS;
  let l = n / (LAYER_THREADS * WEIGHTS);
  let gate = i % 4u;
  let unit = thread % 16u + 16u * (i / 4u);
  var quad: vec4f;
  for (var component = 0u; component < 4u; component++) {
    let column = 4u * (thread / 16u) + component;
    if (unit < UNITS) { quad[component] = weightHh(l, gate, unit, column); }
    else if (l + 1u < LAYERS) { quad[component] = weightIh(l + 1u, gate, unit - UNITS, column); }
  }
  return quad;
}
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= ${quads}u) { return; }
  var quad: vec4f;
  if (n < BIASES) { quad = forwardQuad(n); }
  else if (n < CLASSIFIER) { quad = biasQuad(n - BIASES); }
  else if (n < BACKWARD) { quad = classifierQuad(n - CLASSIFIER); }
  else { quad = backwardQuad(n - BACKWARD); }
  panels[n] = quad;
}`;
  return {
    kernel: kernel('stack panels', { parameters: read('f32'), panels: write('vec4f') }, body),
    groups: Math.ceil(quads / GROUP),
  };
}

/** WGSL constants with the true sizes, and where the tensors begin in the parameters. */
export function networkConstants({ layers, head, tensors }: StackNetwork): string {
  const list = (name: string, values: number[]) =>
    `const ${name} = array<u32, ${values.length}>(${values.map((value) => `${value}u`).join(', ')});`;
  const parts = head.name === 'final' ? layers.length : 1;
  return `
const HIDDEN = ${layers[0].hiddenSize}u;
const TRUE_FEATURES = ${parts * layers[0].hiddenSize}u;
${list(
  'INPUT_SIZES',
  layers.map(({ inputs }) => inputs.parts * inputs.size),
)}
${list(
  'WEIGHT_IH',
  layers.map((layer) => layer.tensors[0].weightIh),
)}
${list(
  'WEIGHT_HH',
  layers.map((layer) => layer.tensors[0].weightHh),
)}
${list(
  'BIAS_IH',
  layers.map((layer) => layer.tensors[0].biasIh),
)}
${list(
  'BIAS_HH',
  layers.map((layer) => layer.tensors[0].biasHh),
)}
const FC_WEIGHT = ${tensors.weight}u;
const FC_BIAS = ${tensors.bias}u;
`;
}
