/**
 * The recurrent weights in the order in which the loop's threads read them, and the kernel that writes it.
 *
 * [panels, D, H'/4, threads] vec4s: vec4 m of a thread lies beside vec4 m of the next thread, so the threads of a
 * subgroup read one piece of memory. With u = unit, q = quarter, U = weight_hh [4, H, H]:
 *   forward   thread 4 u + q, m = 4 k + c:    U[0 … 3, u, 16 k + 4 q + c]
 *   backward  thread 16 n + p, m = 4 k + g:   U[g, 16 k + p, 4 n … 4 n + 3]
 */
import { type Dispatch, dispatch, kernel, read, type Slice, write } from '../kernel.js';
import { type LstmLayer, padded } from '../verbs.js';
import { threadsFor, weightsOfThread } from './loop-shape.js';

const GROUP = 64;

export function loopPanelsWords(layer: LstmLayer, backward: boolean): number {
  return 4 * vectorsOf(layer, backward);
}

/** The first vec4 of a panel, backward after forward. */
export function firstVector(directions: number, units: number, backward: boolean): number {
  return backward ? directions * weightsOfThread(units) * threadsFor(units) : 0;
}

function vectorsOf(layer: LstmLayer, backward: boolean): number {
  const units = padded(layer.hiddenSize);
  return (backward ? 2 : 1) * layer.tensors.length * weightsOfThread(units) * threadsFor(units);
}

export function loopPanels(args: {
  layer: LstmLayer;
  /** [P] */ parameters: Slice;
  panels: Slice;
  backward: boolean;
}): Dispatch[] {
  const { layer, parameters, panels, backward } = args;
  const vectors = vectorsOf(layer, backward);
  return [dispatch(panelsKernel(layer, vectors), { parameters, panels }, [vectors / GROUP])];
}

function panelsKernel(layer: LstmLayer, vectors: number) {
  const { hiddenSize, tensors } = layer;
  const units = padded(hiddenSize);
  const firsts = tensors.map(({ weightHh }) => `${weightHh}u`).join(', ');
  return kernel(
    'loop panels',
    { parameters: read('f32'), panels: write('vec4f') },
    `
const H = ${hiddenSize}u;
const THREADS = ${threadsFor(units)}u;
const VECTORS = ${weightsOfThread(units)}u;
const DIRECTIONS = ${tensors.length}u;
// [D] where weight_hh [4H, H] begins
const FIRSTS = array(${firsts});

// Gate g of unit u, from the hidden state of unit k; zero in the padding.
fn recurrent(direction: u32, g: u32, u: u32, k: u32) -> f32 {
  if (u >= H || k >= H) { return 0.0; }
  return parameters[FIRSTS[direction] + (g * H + u) * H + k];
}

@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x;
  if (at >= ${vectors}u) { return; }
  let thread = at % THREADS;
  let m = at / THREADS % VECTORS;
  let d = at / (THREADS * VECTORS) % DIRECTIONS;
  if (at < THREADS * VECTORS * DIRECTIONS) {
    let u = thread / 4u;
    let k = 16u * (m / 4u) + 4u * (thread % 4u) + m % 4u;
    panels[at] = vec4f(recurrent(d, 0u, u, k), recurrent(d, 1u, u, k), recurrent(d, 2u, u, k), recurrent(d, 3u, u, k));
  } else {
    let u = 16u * (m / 4u) + thread % 16u;
    let n = 4u * (thread / 16u);
    let g = m % 4u;
    panels[at] = vec4f(recurrent(d, g, u, n), recurrent(d, g, u, n + 1u), recurrent(d, g, u, n + 2u), recurrent(d, g, u, n + 3u));
  }
}`,
  );
}
