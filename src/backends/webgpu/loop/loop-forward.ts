/**
 * Forward pass of a layer: all steps of two sequences of a direction in one workgroup of 4H' threads.
 *
 * Four threads share a unit: each multiplies a quarter of the columns of its four gates with the hidden states of both
 * sequences. Then they exchange sums, until two threads have the gates i and g, and f and o, of the first sequence, and
 * the two others those of the second.
 *
 * Hidden states are in workgroup memory, twice: a step reads one copy and writes the other, so a step needs one
 * barrier. Other threads never write a part of the same vec4, because a write to a component of a vector may write
 * the whole vector.
 */
import { ACTIVATIONS, SIGMOID_OR_TANH } from '../activation.js';
import { batchFunctions } from '../batch-layout.js';
import { type Kernel, kernel, read, write } from '../kernel.js';
import { LaneExchange } from './lane-exchange.js';
import { firstVector } from './loop-panels.js';
import {
  type LoopShape,
  loadHeldWeights,
  loopConstants,
  SEQUENCES,
  threadsFor,
  weight,
} from './loop-shape.js';
import { PAIR, PAIR_FUNCTIONS } from './stored-pairs.js';

export type LoopForwardKernel = Kernel<'weights' | 'batch' | 'gates' | 'cells' | 'outputs'>;

export function loopForwardKernel(shape: LoopShape): LoopForwardKernel {
  const { units, directions, capacity, storage } = shape;
  const exchange = new LaneExchange(threadsFor(units), shape.subgroupSize);
  const main = `
@compute @workgroup_size(${threadsFor(units)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let direction = group.y;
  let first = group.x * TOGETHER;
  let steps = lengthOf(first);

  // The products of this thread.
  let unit = thread / 4u;
  let quarter = thread % 4u;
  let own_weights = ${firstVector(directions, units, false)}u + direction * ${(units / 4) * threadsFor(units)}u + thread;
${loadHeldWeights(units)}

  // What it computes from them: i and g (low) or f and o (high) of its unit, of one sequence.
  let is_second = (quarter & 1u) == 1u;
  let is_high = (quarter & 2u) == 2u;
  let is_odd = (unit & 1u) == 1u;
  let sequence = select(0u, 1u, is_second);
  let exists = sequence < TOGETHER;
  let length = select(0u, lengthOf(first + sequence % TOGETHER), exists);
  let row_0 = rowOf(first, 0u) + sequence;
  let column = direction * UNITS + unit;
  var cell = 0.0;

  for (var n = thread; n < ${2 * SEQUENCES * (units / 4)}u; n += ${threadsFor(units)}u) { hidden[n] = vec4f(0.0); }
  workgroupBarrier();

  for (var n = 0u; n < steps; n++) {
    let t = select(n, length - 1u - n, direction == 1u);
    let at = (row_0 + t * LANES) * COLUMNS + column;

    // W x + b + b', half of the gates in each of two threads: i and f, or g and o.
    var start = vec2f(0.0);
    if (n < length) { start = unpacked(gates[2u * at + select(0u, 1u, is_high)]); }

    // Sums of the four gates over a quarter of the columns, of both sequences.
    var sum_0 = vec4f(0.0);
    var sum_1 = vec4f(0.0);
    let source = (n & 1u) * ${SEQUENCES * (units / 4)}u + quarter;
${products(units)}

    // The sums of one sequence over half of the columns; then two gates over all columns.
    // The order of the additions is the same for both sequences.
    let own = select(sum_0, sum_1, is_second);
    let half = (own + ${exchange.swap(4, 'select(sum_1, sum_0, is_second)', 1)}) + select(vec4f(start, 0.0, 0.0), vec4f(0.0, 0.0, start), is_high);
    let z = select(half.xz, half.yw, is_high) + ${exchange.swap(2, 'select(half.yw, half.xz, is_high)', 2)};
    let i_or_f = sigmoid(z.x);
    let g_or_o = sigmoidOrTanh(z.y, !is_high);

    // The high thread gets i · g, and g to store; the low one gets f to store.
    let other = ${exchange.swap(2, 'vec2f(i_or_f * g_or_o, select(g_or_o, i_or_f, is_high))', 2)};
    cell = fma(i_or_f, cell, other.x);
    let h = g_or_o * tanhOf(cell);

    // From here on h and cell are those of the high threads. Two units are stored together, and four put into vec4s.
    let beside = ${exchange.swap(2, 'vec2f(h, cell)', 4)};
    let h_pair = select(vec2f(h, beside.x), vec2f(beside.x, h), is_odd);
    let cell_pair = select(vec2f(cell, beside.y), vec2f(beside.y, cell), is_odd);
    let next_pair = ${exchange.swap(2, 'h_pair', 8)};
    if (is_high && unit % 4u == 0u) {
      hidden[((n + 1u) & 1u) * ${SEQUENCES * (units / 4)}u + sequence * ${units / 4}u + unit / 4u] = vec4f(h_pair, next_pair);
    }
    if (n < length) {
      gates[2u * at + select(0u, 1u, is_high)] = packed(select(vec2f(i_or_f, other.y), vec2f(other.y, g_or_o), is_high));
      if (is_high && !is_odd) { outputs[at / 2u] = packed(h_pair); }
      if (is_high && is_odd) { cells[at / 2u] = packed(cell_pair); }
    }
    workgroupBarrier();
  }

  // The rows of the block past the end of the sequence.
  let zeros = packed(vec2f(0.0));
  let end = select(0u, blockSteps(first / LANES), exists);
  for (var t = length; t < end; t++) {
    let at = (row_0 + t * LANES) * COLUMNS + column;
    gates[2u * at + select(0u, 1u, is_high)] = zeros;
    if (is_high && !is_odd) { outputs[at / 2u] = zeros; }
    if (is_high && is_odd) { cells[at / 2u] = zeros; }
  }
}`;
  const pair = PAIR[storage];
  return kernel(
    'loop forward',
    {
      weights: read('vec4f'),
      batch: read('u32'),
      gates: write(pair),
      cells: write(pair),
      outputs: write(pair),
    },
    `${batchFunctions(capacity)}${loopConstants(shape)}${PAIR_FUNCTIONS[storage]}${ACTIVATIONS}${SIGMOID_OR_TANH}
// [2 copies, sequences, H'/4]
var<workgroup> hidden: array<vec4f, ${2 * SEQUENCES * (units / 4)}>;
${exchange.declarations()}
${main}`,
    exchange.extensions(),
  );
}

/** sum_0 and sum_1 += weights · hidden states, over a quarter of the columns: four of every sixteen. */
function products(units: number): string {
  const lines: string[] = [];
  for (let k = 0; k < units / 16; k++) {
    lines.push(`    let h_0_${k} = hidden[source + ${4 * k}u];`);
    lines.push(`    let h_1_${k} = hidden[source + ${4 * k + units / 4}u];`);
    ['x', 'y', 'z', 'w'].forEach((c, n) => {
      const w = `w_${k}_${c}`;
      lines.push(`    let ${w} = ${weight(units, 4 * k + n)};`);
      lines.push(`    sum_0 = fma(vec4f(h_0_${k}.${c}), ${w}, sum_0);`);
      lines.push(`    sum_1 = fma(vec4f(h_1_${k}.${c}), ${w}, sum_1);`);
    });
  }
  return lines.join('\n');
}
