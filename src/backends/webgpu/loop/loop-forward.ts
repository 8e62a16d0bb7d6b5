/**
 * Forward pass of a layer: all steps of two sequences of a direction in one workgroup of 4H' threads.
 *
 * Four threads share a unit: each multiplies a quarter of the columns of its four gates with the hidden states of both
 * sequences. Then they exchange sums, until two threads have the gates i and g, and f and o, of the first sequence, and
 * the two others those of the second.
 *
 * W x + b + b' is computed here for a few input columns, in the same way; else the gates hold it at the start.
 *
 * Hidden states are in workgroup memory, twice: a step reads one copy and writes the other, so a step needs one
 * barrier. A vec4 is always written by one thread: a write to a component may write the whole vector.
 */
import { ACTIVATIONS, SIGMOID_OR_TANH } from '../activation.js';
import { batchFunctions } from '../batch-layout.js';
import { type Kernel, kernel, read, write } from '../kernel.js';
import { PAIR, QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import { deviceColumns } from '../verbs.js';
import { LaneExchange } from './lane-exchange.js';
import { panelPlaces } from './loop-panels.js';
import { addProduct, COMPONENTS, loadHeldWeights, recurrentWeight, weightInMemory } from './loop-products.js';
import {
  hasFewInputs,
  inputWeightsOfThread,
  type LoopShape,
  loopConstants,
  SEQUENCES,
  threadsFor,
} from './loop-shape.js';

export type LoopForwardKernel = Kernel<'weights' | 'batch' | 'inputs' | 'gates' | 'cells' | 'outputs'>;

export function loopForwardKernel(shape: LoopShape): LoopForwardKernel {
  const { units, capacity, storage } = shape;
  const exchange = new LaneExchange(threadsFor(units), shape.subgroupSize);
  const { initial, loads, sums, addition } = inputParts(shape);
  const main = `
@compute @workgroup_size(${threadsFor(units)})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let direction = group.y;
  let first = group.x * TOGETHER;
  let row_0 = rowOf(first, 0u);
  // The steps of the two sequences; the first is the longer one.
  let length_0 = lengthOf(first);
  let length_1 = select(0u, lengthOf(first + 1u % TOGETHER), TOGETHER == 2u);

  // The products of this thread.
  let unit = thread / 4u;
  let quarter = thread % 4u;
  let own_weights = direction * ${(units / 4) * threadsFor(units)}u + thread;
${loadHeldWeights(units)}

  // What it computes from them: i and g (low) or f and o (high) of its unit, of one sequence.
  let is_second = (quarter & 1u) == 1u;
  let is_high = (quarter & 2u) == 2u;
  let is_odd = (unit & 1u) == 1u;
  let sequence = select(0u, 1u, is_second);
  let length = select(length_0, length_1, is_second);
  let column = direction * UNITS + unit;
  var cell = 0.0;
${initial}
  for (var n = thread; n < ${2 * SEQUENCES * (units / 4)}u; n += ${threadsFor(units)}u) { hidden[n] = vec4f(0.0); }
  workgroupBarrier();

  for (var n = 0u; n < length_0; n++) {
    let t = select(n, length - 1u - n, direction == 1u);
    let at = (row_0 + t * LANES + sequence) * COLUMNS + column;
    // Read before the products, used after them.
${loads}

    // Sums of the four gates over a quarter of the columns, of both sequences.
    var sum_0 = vec4f(0.0);
    var sum_1 = vec4f(0.0);
    let source = (n & 1u) * ${SEQUENCES * (units / 4)}u + quarter;
${recurrentSums(units)}
${sums}
    // The sums of one sequence over half of the columns; then two gates over all columns. The order of the additions is
    // the same for both sequences.
    let own = select(sum_0, sum_1, is_second);
    let half = (own + ${exchange.swap(4, 'select(sum_1, sum_0, is_second)', 1)}) + ${addition};
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
      let written = ((n + 1u) & 1u) * ${SEQUENCES * (units / 4)}u + sequence * ${units / 4}u + unit / 4u;
      hidden[written] = vec4f(h_pair, next_pair);
    }
    if (n < length) {
      let two_gates = select(vec2f(i_or_f, other.y), vec2f(other.y, g_or_o), is_high);
      gates[2u * at + select(0u, 1u, is_high)] = packedPair(two_gates);
      if (is_high && !is_odd) { outputs[at / 2u] = packedPair(h_pair); }
      if (is_high && is_odd) { cells[at / 2u] = packedPair(cell_pair); }
    }
    workgroupBarrier();
  }

  // The rows of the block past the end of the sequence.
  let zeros = packedPair(vec2f(0.0));
  let end = select(0u, blockSteps(first / LANES), sequence < TOGETHER);
  for (var t = length; t < end; t++) {
    let at = (row_0 + t * LANES + sequence) * COLUMNS + column;
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
      inputs: read(QUAD[storage]),
      gates: write(pair),
      cells: write(pair),
      outputs: write(pair),
    },
    `${batchFunctions(capacity)}${loopConstants(shape)}${STORED_ACTIVATIONS[storage]}${ACTIVATIONS}${SIGMOID_OR_TANH}
// [2 copies, sequences, H'/4]
var<workgroup> hidden: array<vec4f, ${2 * SEQUENCES * (units / 4)}>;
${exchange.declarations()}
${main}`,
    exchange.extensions(),
  );
}

/** sum_0 and sum_1 += U h' over a quarter of the columns: four of every sixteen. */
function recurrentSums(units: number): string {
  const lines: string[] = [];
  for (let k = 0; k < units / 16; k++) {
    lines.push(`    let h_0_${k} = hidden[source + ${4 * k}u];`);
    lines.push(`    let h_1_${k} = hidden[source + ${4 * k + units / 4}u];`);
    COMPONENTS.forEach((c, n) => {
      lines.push(addProduct(recurrentWeight(units, 4 * k + n), `h_0_${k}.${c}`, `h_1_${k}.${c}`));
    });
  }
  return lines.join('\n');
}

/** The parts of the kernel that depend on where W x + b + b' is computed. */
interface InputParts {
  /** Before the first step. */ initial: string;
  /** At the start of a step. */ loads: string;
  /** After the recurrent sums. */ sums: string;
  /** An expression, added to the sums: half of the gates in each of two threads, i and f, or g and o. */
  addition: string;
}

function inputParts({ units, directions, inputs }: LoopShape): InputParts {
  const halves = (low: string, high: string) =>
    `select(vec4f(${low}, 0.0, 0.0), vec4f(0.0, 0.0, ${high}), is_high)`;
  if (inputs === null) {
    return {
      initial: '',
      loads: `    var start = vec2f(0.0);
    if (n < length) { start = unpackedPair(gates[2u * at + select(0u, 1u, is_high)]); }`,
      sums: '',
      addition: halves('start', 'start'),
    };
  }
  const weights = inputWeightsOfThread(inputs);
  const places = panelPlaces(directions, units, weights);
  const few = hasFewInputs(inputs);
  const quads = few ? [0] : Array.from({ length: weights / 4 }, (_, k) => k);
  const quad = (row: string, k: number) => {
    const place = `(${row}) * ${deviceColumns(inputs) / 4}u${few ? '' : ` + ${4 * k}u + quarter`}`;
    return `unpackedQuad(inputs[${place}])`;
  };
  const inputWeight = (m: number) => weightInMemory('own_input_weights', units, m);
  return {
    initial: `
  let own_input_weights = ${places.inputs}u + direction * ${weights * threadsFor(units)}u + thread;
  let bias = weights[${places.biases}u + column];`,
    loads: `    let t_0 = select(n, length_0 - 1u - n, direction == 1u);
    let t_1 = select(n, length_1 - 1u - n, direction == 1u);
${quads.map((k) => `    let x_0_${k} = ${quad('row_0 + t_0 * LANES', k)};\n    var x_1_${k} = vec4f(0.0);`).join('\n')}
    if (n < length_1) {
${quads.map((k) => `      x_1_${k} = ${quad('row_0 + t_1 * LANES + 1u', k)};`).join('\n')}
    }`,
    sums: few
      ? addProduct(inputWeight(0), 'x_0_0[quarter]', 'x_1_0[quarter]')
      : quads
          .flatMap((k) =>
            COMPONENTS.map((c, n) => addProduct(inputWeight(4 * k + n), `x_0_${k}.${c}`, `x_1_${k}.${c}`)),
          )
          .join('\n'),
    addition: halves('bias.xy', 'bias.zw'),
  };
}
