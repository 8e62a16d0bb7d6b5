/**
 * A chain's steps backward, from the last step to the first: the gradients of the gates before their activations, from
 * dOutputs + (those of the step after) · weights. docs/mathematics.md has the equations.
 */
import { ACTIVATIONS } from '../activation.js';
import { type Dispatch, dispatch, read, type Slice, uniform, write } from '../kernel.js';
import { QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import type { Recurrence } from '../verbs.js';
import { chainFunctions, stepSlice } from './chain-steps.js';
import { sizesOf } from './layer-sizes.js';
import { productKernel } from './product.js';
import type { TileChooser } from './tile.js';

type Arguments = Parameters<Recurrence['backward']>[0];

/** @param weights [D, H', 4, H'] */
export function chainBackward(
  args: Arguments,
  weights: Slice,
  steps: Slice,
  choose: TileChooser,
): Dispatch[] {
  const { layer, batch, storage, cells, gates, dOutputs, scratch } = args;
  const { capacity } = batch;
  const { hidden, directions } = sizesOf(layer);
  const sequences = capacity.blocks * capacity.lanes;
  const whole = capacity.whole ?? capacity;
  const tile = choose({
    name: 'step backward',
    rows: sequences,
    columns: hidden,
    depth: hidden * 4,
    count: directions,
    transposed: false,
    gathered: true,
    depthGroups: 4,
    whole: { rows: whole.blocks * capacity.lanes, count: directions },
  });
  const units = directions * hidden;
  const product = productKernel({
    label: 'lstm step backward',
    tile,
    columns: hidden,
    gathered: true,
    bindings: {
      step: uniform('vec4u'),
      batch: read('u32'),
      weights: read('vec4f'),
      cells: read(QUAD[storage]),
      gates: write(QUAD[storage]),
      dOutputs: read('vec4f'),
      dCells: write('vec4f'),
    },
    code: `${chainFunctions(capacity)}${STORED_ACTIVATIONS[storage]}${ACTIVATIONS}
struct Place { idle: bool, row0: u32, column0: u32, panels: u32, direction: u32 }
// Rows are sequences, longest first.
fn placeOf(group: vec3u) -> Place {
  let row0 = group.y * ${tile.rows}u;
  let panels = select(${(hidden * 4) / (tile.depth * tile.depthGroups)}u, 0u, step.x == 0u);
  return Place(!hasStep(row0, step.x), row0, group.x * ${tile.columns}u, panels, group.z);
}
// The row of sequence b at step s of the backward chain, which visits the steps of a direction in the opposite order.
// Sequences without this step get a row whose content does not matter.
fn rowAt(b: u32, s: u32, direction: u32) -> u32 {
  if (!hasStep(b, s)) { return 0u; }
  return rowOf(b, timeOf(b, s, 1u - direction));
}
fn rowOfA(place: Place, b: u32) -> u32 {
  return rowAt(b, max(step.x, 1u) - 1u, place.direction) * ${units}u + place.direction * ${hidden}u;
}
fn quadOfA(place: Place, row_of_a: u32, k_quad: u32) -> vec4f { return unpackedQuad(gates[row_of_a + k_quad]); }
fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f {
  return weights[(place.direction * ${hidden * 4}u + k) * ${hidden / 4}u + quad];
}
// \`sums\`: the gradient of four hidden states from the step after.
fn finish(place: Place, b: u32, quad: u32, sums: vec4f) {
  if (!hasStep(b, step.x)) { return; }
  let t = timeOf(b, step.x, 1u - place.direction);
  let column = place.direction * ${hidden}u + quad * 4u;
  let at = rowOf(b, t) * ${units}u + column;
  let carried = (b * ${units}u + column) / 4u;
  if (t >= lengthOf(b)) {
    for (var n = 0u; n < 4u; n++) { gates[at + n] = packedQuad(vec4f(0.0f)); }
    dCells[carried] = vec4f(0.0f);
    return;
  }
  let gate = transpose(mat4x4f(
    unpackedQuad(gates[at]), unpackedQuad(gates[at + 1u]), unpackedQuad(gates[at + 2u]), unpackedQuad(gates[at + 3u])));
  let i = gate[0];
  let f = gate[1];
  let g = gate[2];
  let o = gate[3];
  let tanh_c = tanh4Of(unpackedQuad(cells[at / 4u]));
  // The cell state that the forward pass had before this step.
  var c_before = vec4f(0.0f);
  if (hasStep(b, step.x + 1u)) {
    c_before = unpackedQuad(cells[(rowAt(b, step.x + 1u, place.direction) * ${units}u + column) / 4u]);
  }
  let dh = dOutputs[at / 4u] + sums;
  var dc = dh * o * (1.0f - tanh_c * tanh_c);
  if (step.x > 0u) { dc += dCells[carried]; }
  let dz = transpose(mat4x4f(
    dc * g * i * (1.0f - i),
    dc * c_before * f * (1.0f - f),
    dc * i * (1.0f - g * g),
    dh * tanh_c * o * (1.0f - o)));
  gates[at] = packedQuad(dz[0]);
  gates[at + 1u] = packedQuad(dz[1]);
  gates[at + 2u] = packedQuad(dz[2]);
  gates[at + 3u] = packedQuad(dz[3]);
  dCells[carried] = dc * f;
}`,
  });
  const groups = [Math.ceil(hidden / tile.columns), Math.ceil(sequences / tile.rows), directions] as const;
  return Array.from({ length: capacity.steps }, (_, s) =>
    dispatch(
      product,
      {
        step: stepSlice(steps, s),
        batch: batch.words,
        weights,
        cells,
        gates,
        dOutputs,
        dCells: scratch,
      },
      groups,
    ),
  );
}
