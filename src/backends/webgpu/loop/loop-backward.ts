/**
 * Backward pass of a layer through time: all steps of two sequences of a direction in one workgroup of 4H' threads.
 *
 * Sixteen threads share four columns of U: each multiplies the gradients before the activations of every sixteenth unit
 * with its weights, for both sequences. Then they exchange sums, until each has dh of one unit and sequence, and half
 * of them compute the gradients of a step from it.
 *
 * The gradients dz are in workgroup memory, twice, as the hidden states of the forward pass.
 */
import { ACTIVATIONS } from '../activation.js';
import { batchFunctions } from '../batch-layout.js';
import { type Kernel, kernel, read, write } from '../kernel.js';
import { PAIR, QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import { LaneExchange } from './lane-exchange.js';
import { panelPlaces } from './loop-panels.js';
import { addProduct, COMPONENTS, loadHeldWeights, recurrentWeight } from './loop-products.js';
import { inputWeightsOfThread, type LoopShape, loopConstants, SEQUENCES, threadsFor } from './loop-shape.js';

export type LoopBackwardKernel = Kernel<'weights' | 'batch' | 'cells' | 'dOutputs' | 'gates'>;

export function loopBackwardKernel(shape: LoopShape): LoopBackwardKernel {
  const { units, directions, inputs, capacity, storage } = shape;
  const places = panelPlaces(directions, units, inputWeightsOfThread(inputs));
  const exchange = new LaneExchange(threadsFor(units), shape.subgroupSize);
  const main = `
@compute @workgroup_size(${threadsFor(units)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let direction = group.y;
  let first = group.x * TOGETHER;
  let steps = lengthOf(first);

  // The products of this thread: units part, part + 16, …, columns from 4 · (thread / 16).
  let part = thread % 16u;
  let own_weights = ${places.backward}u + direction * ${(units / 4) * threadsFor(units)}u + thread;
${loadHeldWeights(units)}

  // What it computes from them: dh of one unit and sequence. Of the two threads with the same dh, one goes on.
  let is_second = (part & 1u) == 1u;
  let is_upper_pair = (part & 2u) == 2u;
  let is_odd = (part & 4u) == 4u;
  let goes_on = (part & 8u) == 0u;
  let sequence = select(0u, 1u, is_second);
  let unit = 4u * (thread / 16u) + select(0u, 2u, is_upper_pair) + select(0u, 1u, is_odd);
  let length = select(0u, lengthOf(first + sequence % TOGETHER), goes_on && sequence < TOGETHER);
  let row_0 = rowOf(first, 0u) + sequence;
  let column = direction * UNITS + unit;
  // The gradient of the cell state from the step after; the cell state.
  var d_cell = 0.0;
  var cell = 0.0;
  if (length > 0u) {
    let t = select(length - 1u, 0u, direction == 1u);
    cell = cellAt((row_0 + t * LANES) * COLUMNS + column);
  }

  for (var n = thread; n < ${2 * SEQUENCES * units}u; n += ${threadsFor(units)}u) { dz[n] = vec4f(0.0); }
  workgroupBarrier();

  // The steps of the forward pass from its last to its first.
  for (var n = 0u; n < steps; n++) {
    let t = select(length - 1u - n, n, direction == 1u);
    let at = (row_0 + t * LANES) * COLUMNS + column;
    // Read before the products, used after them.
    var gate = vec4f(0.0);
    var cell_before = 0.0;
    var dy = 0.0;
    if (n < length) {
      gate = unpackedQuad(gates[at]);
      dy = dOutputs[at];
      if (n + 1u < length) {
        cell_before = cellAt(select(at - LANES * COLUMNS, at + LANES * COLUMNS, direction == 1u));
      }
    }

    // Sums over a sixteenth of the units for four columns, of both sequences.
    var sum_0 = vec4f(0.0);
    var sum_1 = vec4f(0.0);
    let source = (n & 1u) * ${SEQUENCES * units}u + part;
${products(units)}

    // The sums of one sequence over an eighth of the units; then two columns, then one; then over all units.
    let eighth = select(sum_0, sum_1, is_second) + ${exchange.swap(4, 'select(sum_1, sum_0, is_second)', 1)};
    let quarter = select(eighth.xy, eighth.zw, is_upper_pair) + ${exchange.swap(2, 'select(eighth.zw, eighth.xy, is_upper_pair)', 2)};
    let half = select(quarter.x, quarter.y, is_odd) + ${exchange.swap(1, 'select(quarter.y, quarter.x, is_odd)', 4)};
    let dh = dy + (half + ${exchange.swap(1, 'half', 8)});

    if (goes_on) {
      let i = gate.x;
      let f = gate.y;
      let g = gate.z;
      let o = gate.w;
      let tanh_cell = tanhOf(cell);
      let dc = fma(dh, o * fma(-tanh_cell, tanh_cell, 1.0), d_cell);
      let gradient = vec4f(
        dc * (g * i * (1.0 - i)),
        dc * (cell_before * f * (1.0 - f)),
        dc * (i * fma(-g, g, 1.0)),
        dh * (tanh_cell * o * (1.0 - o)),
      );
      dz[((n + 1u) & 1u) * ${SEQUENCES * units}u + sequence * UNITS + unit] = gradient;
      if (n < length) { gates[at] = packedQuad(gradient); }
      d_cell = dc * f;
      cell = cell_before;
    }
    workgroupBarrier();
  }
}`;
  return kernel(
    'loop backward',
    {
      weights: read('vec4f'),
      batch: read('u32'),
      cells: read(PAIR[storage]),
      dOutputs: read('f32'),
      gates: write(QUAD[storage]),
    },
    `${batchFunctions(capacity)}${loopConstants(shape)}${STORED_ACTIVATIONS[storage]}${ACTIVATIONS}
// [2 copies, sequences, H'] gradients before the activations i, f, g, o
var<workgroup> dz: array<vec4f, ${2 * SEQUENCES * units}>;
${exchange.declarations()}
fn cellAt(at: u32) -> f32 {
  let pair = unpackedPair(cells[at / 2u]);
  return select(pair.x, pair.y, (at & 1u) == 1u);
}
${main}`,
    exchange.extensions(),
  );
}

/** sum_0 and sum_1 += weights · dz, over a sixteenth of the units. */
function products(units: number): string {
  const lines: string[] = [];
  for (let k = 0; k < units / 16; k++) {
    lines.push(`    let dz_0_${k} = dz[source + ${16 * k}u];`);
    lines.push(`    let dz_1_${k} = dz[source + ${16 * k + units}u];`);
    COMPONENTS.forEach((c, g) => {
      lines.push(addProduct(recurrentWeight(units, 4 * k + g), `dz_0_${k}.${c}`, `dz_1_${k}.${c}`));
    });
  }
  return lines.join('\n');
}
