/** gates [N, D·H', 4] = inputs [N, I'] · weights [I', D·H', 4] + bias [D·H', 4], both directions in one product. */
import { batchFunctions } from '../batch-layout.js';
import { type Dispatch, dispatch, read, type Slice, write } from '../kernel.js';
import { QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import type { LstmForwardArguments } from '../verbs.js';
import { sizesOf } from './layer-sizes.js';
import { productKernel } from './product.js';
import type { TileChooser } from './tile.js';

/** @param weights [I', D·H', 4] @param bias [D·H', 4] */
export function inputProduct(
  args: LstmForwardArguments,
  weights: Slice,
  bias: Slice,
  choose: TileChooser,
): Dispatch {
  const { layer, batch, storage, inputs, gates } = args;
  const sizes = sizesOf(layer);
  const units = sizes.directions * sizes.hidden;
  const tile = choose({
    name: 'inputs',
    rows: batch.capacity.rows,
    columns: units * 4,
    depth: sizes.inputs,
    count: 1,
    transposed: false,
    gathered: false,
    depthGroups: 1,
  });
  const product = productKernel({
    label: 'lstm inputs',
    tile,
    columns: units * 4,
    bindings: {
      batch: read('u32'),
      inputs: read(QUAD[storage]),
      weights: read('vec4f'),
      bias: read('vec4f'),
      gates: write(QUAD[storage]),
    },
    firstSums: true,
    code: `${batchFunctions(batch.capacity)}${STORED_ACTIVATIONS[storage]}
struct Place { idle: bool, row0: u32, column0: u32, panels: u32 }
fn placeOf(group: vec3u) -> Place {
  let row0 = group.y * ${tile.rows}u;
  return Place(row0 >= rows(), row0, group.x * ${tile.columns}u, ${sizes.inputs / tile.depth}u);
}
fn rowOfA(place: Place, row: u32) -> u32 { return min(row, rows() - 1u) * ${sizes.inputs / 4}u; }
fn quadOfA(place: Place, row_of_a: u32, k_quad: u32) -> vec4f { return unpackedQuad(inputs[row_of_a + k_quad]); }
fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f { return weights[k * ${units}u + quad]; }
fn firstSums(place: Place, quad: u32) -> vec4f { return bias[quad]; }
fn finish(place: Place, row: u32, quad: u32, sums: vec4f) {
  if (row < rows()) { gates[row * ${units}u + quad] = packedQuad(sums); }
}`,
  });
  const slices = { batch: batch.words, inputs, weights, bias, gates };
  return dispatch(product, slices, [
    Math.ceil((units * 4) / tile.columns),
    Math.ceil(batch.capacity.rows / tile.rows),
  ]);
}
