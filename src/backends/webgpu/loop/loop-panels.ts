/**
 * The weights in the order in which the loop's threads read them, and the kernel that writes it.
 *
 * vec4 m of a thread lies beside vec4 m of the next thread, so the threads of a subgroup read one piece of memory. The
 * panels are, in vec4s, with U = weight_hh [4, H, H], W = weight_ih [4, H, I], u = unit, q = quarter, m = 4 k + c:
 *   recurrent  [D, H'/4, threads]   thread 4 u + q:   U[0 … 3, u, 16 k + 4 q + c]
 *   inputs     [D, I'/4, threads]   thread 4 u + q:   W[0 … 3, u, 16 k + 4 q + c]; of up to four inputs
 *              [D, 1, threads]                        W[0 … 3, u, q]
 *   biases     [D, H']                                b[0 … 3, u] + b'[0 … 3, u]
 *   backward   [D, H'/4, threads]   thread 16 n + p:  U[c, 16 k + p, 4 n … 4 n + 3]
 * Inputs and biases are missing if the loop does not read inputs.
 */
import { type Dispatch, dispatch, kernel, read, type Slice, write } from '../kernel.js';
import { type LstmLayer, padded } from '../verbs.js';
import {
  hasFewInputs,
  inputWeightsOfThread,
  loopReadsInputs,
  threadsFor,
  weightsOfThread,
} from './loop-shape.js';

const GROUP = 64;

/** Where the panels begin, in vec4s, and how many vec4s all take. */
export function panelPlaces(directions: number, units: number, inputWeights: number) {
  const recurrent = directions * weightsOfThread(units) * threadsFor(units);
  const inputs = recurrent;
  const biases = inputs + directions * inputWeights * threadsFor(units);
  const backward = biases + (inputWeights > 0 ? directions * units : 0);
  return { inputs, biases, backward, end: backward + recurrent };
}

export function loopPanelsWords(layer: LstmLayer, backward: boolean): number {
  const places = placesOf(layer);
  return 4 * (backward ? places.end : places.backward);
}

function placesOf(layer: LstmLayer) {
  const inputWeights = loopReadsInputs(layer) ? inputWeightsOfThread(layer.inputs) : 0;
  return panelPlaces(layer.tensors.length, padded(layer.hiddenSize), inputWeights);
}

export function loopPanels(args: {
  layer: LstmLayer;
  /** [P] */ parameters: Slice;
  panels: Slice;
  backward: boolean;
}): Dispatch[] {
  const { layer, parameters, panels, backward } = args;
  const vectors = loopPanelsWords(layer, backward) / 4;
  return [dispatch(panelsKernel(layer, vectors), { parameters, panels }, [Math.ceil(vectors / GROUP)])];
}

function panelsKernel(layer: LstmLayer, vectors: number) {
  const { hiddenSize, inputs, tensors } = layer;
  const units = padded(hiddenSize);
  const places = placesOf(layer);
  const firsts = (name: 'weightIh' | 'weightHh' | 'biasIh' | 'biasHh') =>
    `array(${tensors.map((tensor) => `${tensor[name]}u`).join(', ')})`;
  return kernel(
    'loop panels',
    { parameters: read('f32'), panels: write('vec4f') },
    `
const H = ${hiddenSize}u;
const UNITS = ${units}u;
const THREADS = ${threadsFor(units)}u;
// [D] where the tensors begin
const WEIGHT_IH = ${firsts('weightIh')};
const WEIGHT_HH = ${firsts('weightHh')};
const BIAS_IH = ${firsts('biasIh')};
const BIAS_HH = ${firsts('biasHh')};

// U: gate g of unit u, from the hidden state of unit k; zero in the padding.
fn recurrentWeight(direction: u32, g: u32, u: u32, k: u32) -> f32 {
  if (u >= H || k >= H) { return 0.0; }
  return parameters[WEIGHT_HH[direction] + (g * H + u) * H + k];
}

// W: gate g of unit u, from a column of the inputs with padding; zero in the padding.
fn inputWeight(direction: u32, g: u32, u: u32, column: u32) -> f32 {
  let k = column % ${padded(inputs.size)}u;
  let part = column / ${padded(inputs.size)}u;
  if (u >= H || k >= ${inputs.size}u) { return 0.0; }
  return parameters[WEIGHT_IH[direction] + (g * H + u) * ${inputs.parts * inputs.size}u + part * ${inputs.size}u + k];
}

fn bias(direction: u32, g: u32, u: u32) -> f32 {
  if (u >= H) { return 0.0; }
  return parameters[BIAS_IH[direction] + g * H + u] + parameters[BIAS_HH[direction] + g * H + u];
}

// Vector n of a panel [D, vectors, threads]: direction, number and thread.
struct Place { d: u32, m: u32, thread: u32 }
fn placeOf(n: u32, vectors: u32) -> Place {
  return Place(n / (vectors * THREADS), n / THREADS % vectors, n % THREADS);
}

fn recurrent(n: u32) -> vec4f {
  let place = placeOf(n, ${weightsOfThread(units)}u);
  let d = place.d;
  let u = place.thread / 4u;
  let k = 16u * (place.m / 4u) + 4u * (place.thread % 4u) + place.m % 4u;
  return vec4f(
    recurrentWeight(d, 0u, u, k), recurrentWeight(d, 1u, u, k),
    recurrentWeight(d, 2u, u, k), recurrentWeight(d, 3u, u, k));
}

fn input(n: u32) -> vec4f {
  let place = placeOf(n, ${Math.max(1, inputWeightsOfThread(inputs))}u);
  let d = place.d;
  let u = place.thread / 4u;
  let quarter = place.thread % 4u;
  let k = ${hasFewInputs(inputs) ? 'quarter' : '16u * (place.m / 4u) + 4u * quarter + place.m % 4u'};
  return vec4f(inputWeight(d, 0u, u, k), inputWeight(d, 1u, u, k), inputWeight(d, 2u, u, k), inputWeight(d, 3u, u, k));
}

fn biases(n: u32) -> vec4f {
  let d = n / UNITS;
  let u = n % UNITS;
  return vec4f(bias(d, 0u, u), bias(d, 1u, u), bias(d, 2u, u), bias(d, 3u, u));
}

fn backward(n: u32) -> vec4f {
  let place = placeOf(n, ${weightsOfThread(units)}u);
  let d = place.d;
  let g = place.m % 4u;
  let u = 16u * (place.m / 4u) + place.thread % 16u;
  let k = 4u * (place.thread / 16u);
  return vec4f(
    recurrentWeight(d, g, u, k), recurrentWeight(d, g, u, k + 1u),
    recurrentWeight(d, g, u, k + 2u), recurrentWeight(d, g, u, k + 3u));
}

@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= ${vectors}u) { return; }
  if (n < ${places.inputs}u) { panels[n] = recurrent(n); return; }
  if (n < ${places.biases}u) { panels[n] = input(n - ${places.inputs}u); return; }
  if (n < ${places.backward}u) { panels[n] = biases(n - ${places.biases}u); return; }
  panels[n] = backward(n - ${places.backward}u);
}`,
  );
}
