/** A chain's steps forward: gates, cell and hidden states from gates (W x + b + b') + hidden states before · weights. */
import { ACTIVATIONS } from '../activation.js';
import { type Dispatch, dispatch, read, type Slice, uniform, write } from '../kernel.js';
import { QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import type { Recurrence } from '../verbs.js';
import { chainFunctions, stepSlice } from './chain-steps.js';
import { sizesOf } from './layer-sizes.js';
import { productKernel } from './product.js';
import type { TileChooser } from './tile.js';

type Arguments = Parameters<Recurrence['forward']>[0];

/** @param weights [D, H', H', 4] */
export function chainForward(args: Arguments, weights: Slice, steps: Slice, choose: TileChooser): Dispatch[] {
  const { layer, batch, storage, outputs, cells, gates, scratch } = args;
  const { capacity } = batch;
  const { hidden, directions } = sizesOf(layer);
  const sequences = capacity.blocks * capacity.lanes;
  const tile = choose({
    name: 'step',
    rows: sequences,
    columns: hidden * 4,
    depth: hidden,
    count: directions,
    transposed: false,
    gathered: true,
    depthGroups: 1,
  });
  const units = directions * hidden;
  const product = productKernel({
    label: 'lstm step',
    tile,
    columns: hidden * 4,
    gathered: 'fours',
    bindings: {
      step: uniform('vec4u'),
      batch: read('u32'),
      weights: read('vec4f'),
      outputs: write(QUAD[storage]),
      cells: write(QUAD[storage]),
      gates: write(QUAD[storage]),
      carriedCells: write('vec4f'),
    },
    code: `${chainFunctions(capacity)}${STORED_ACTIVATIONS[storage]}${ACTIVATIONS}
struct Place { idle: bool, row0: u32, column0: u32, panels: u32, direction: u32 }
// Rows are sequences, longest first.
fn placeOf(group: vec3u) -> Place {
  let row0 = group.y * ${tile.rows}u;
  let panels = select(${hidden / (tile.depth * tile.depthGroups)}u, 0u, step.x == 0u);
  return Place(!hasStep(row0, step.x), row0, group.x * ${tile.columns}u, panels, group.z);
}
// The row of sequence b at step s. Sequences without this step get a row whose content does not matter.
fn rowAt(b: u32, s: u32, direction: u32) -> u32 {
  if (!hasStep(b, s)) { return 0u; }
  return rowOf(b, timeOf(b, s, direction));
}
fn rowOfA(place: Place, b: u32) -> u32 {
  return (rowAt(b, max(step.x, 1u) - 1u, place.direction) * ${units}u + place.direction * ${hidden}u) / 4u;
}
fn quadOfA(place: Place, row_of_a: u32, k_quad: u32) -> vec4f { return unpackedQuad(outputs[row_of_a + k_quad]); }
fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f {
  return weights[(place.direction * ${hidden}u + k) * ${hidden}u + quad];
}
// Units unit … unit + 3 of sequence b: one row of four units, with the gates i, f, g, o of each.
fn finishFour(place: Place, b: u32, unit: u32, sums: array<vec4f, 4>) {
  if (!hasStep(b, step.x)) { return; }
  let t = timeOf(b, step.x, place.direction);
  let column = place.direction * ${hidden}u + unit;
  let at = rowOf(b, t) * ${units}u + column;
  // Cell states go from step to step as floats, also where halves are stored.
  let carried = (b * ${units}u + column) / 4u;
  if (t >= lengthOf(b)) {
    for (var n = 0u; n < 4u; n++) { gates[at + n] = packedQuad(vec4f(0.0f)); }
    cells[at / 4u] = packedQuad(vec4f(0.0f));
    outputs[at / 4u] = packedQuad(vec4f(0.0f));
    carriedCells[carried] = vec4f(0.0f);
    return;
  }
  let z = transpose(mat4x4f(
    unpackedQuad(gates[at]) + sums[0],
    unpackedQuad(gates[at + 1u]) + sums[1],
    unpackedQuad(gates[at + 2u]) + sums[2],
    unpackedQuad(gates[at + 3u]) + sums[3]));
  let i = sigmoid4(z[0]);
  let f = sigmoid4(z[1]);
  let g = tanh4Of(z[2]);
  let o = sigmoid4(z[3]);
  var c = i * g;
  if (step.x > 0u) { c = fma(f, carriedCells[carried], c); }
  let gate_rows = transpose(mat4x4f(i, f, g, o));
  gates[at] = packedQuad(gate_rows[0]);
  gates[at + 1u] = packedQuad(gate_rows[1]);
  gates[at + 2u] = packedQuad(gate_rows[2]);
  gates[at + 3u] = packedQuad(gate_rows[3]);
  cells[at / 4u] = packedQuad(c);
  carriedCells[carried] = c;
  outputs[at / 4u] = packedQuad(o * tanh4Of(c));
}`,
  });
  const groups = [
    Math.ceil((hidden * 4) / tile.columns),
    Math.ceil(sequences / tile.rows),
    directions,
  ] as const;
  return Array.from({ length: capacity.steps }, (_, s) =>
    dispatch(
      product,
      {
        step: stepSlice(steps, s),
        batch: batch.words,
        weights,
        outputs,
        cells,
        gates,
        carriedCells: scratch,
      },
      groups,
    ),
  );
}
