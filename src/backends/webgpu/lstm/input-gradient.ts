/** dInputs [N, I'] = gate gradients [N, D·H', 4] · weights [D·H', 4, I'], both directions in one product. */
import { batchFunctions } from '../batch-layout.js';
import { type Dispatch, dispatch, read, type Slice, write } from '../kernel.js';
import { QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import type { LstmBackwardArguments } from '../verbs.js';
import { sizesOf } from './layer-sizes.js';
import { productKernel } from './product.js';
import type { TileChooser } from './tile.js';

/** @param weights [D·H', 4, I'] */
export function inputGradient(
  args: LstmBackwardArguments,
  dInputs: Slice,
  weights: Slice,
  choose: TileChooser,
): Dispatch {
  const { layer, batch, storage, gates } = args;
  const sizes = sizesOf(layer);
  const units = sizes.directions * sizes.hidden;
  const tile = choose({
    name: 'input gradients',
    rows: batch.capacity.rows,
    columns: sizes.inputs,
    depth: units * 4,
    count: 1,
    transposed: false,
    gathered: false,
    depthGroups: 4,
    whole: { rows: (batch.capacity.whole ?? batch.capacity).rows, count: 1 },
  });
  const product = productKernel({
    label: 'lstm input gradients',
    tile,
    columns: sizes.inputs,
    bindings: {
      batch: read('u32'),
      gates: read(QUAD[storage]),
      weights: read('vec4f'),
      dInputs: write('vec4f'),
    },
    code: `${batchFunctions(batch.capacity)}${STORED_ACTIVATIONS[storage]}
struct Place { idle: bool, row0: u32, column0: u32, panels: u32 }
fn placeOf(group: vec3u) -> Place {
  let row0 = group.y * ${tile.rows}u;
  return Place(row0 >= rows(), row0, group.x * ${tile.columns}u, ${(units * 4) / (tile.depth * tile.depthGroups)}u);
}
fn rowOfA(place: Place, row: u32) -> u32 { return min(row, rows() - 1u) * ${units}u; }
fn quadOfA(place: Place, row_of_a: u32, k_quad: u32) -> vec4f { return unpackedQuad(gates[row_of_a + k_quad]); }
fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f { return weights[k * ${sizes.inputs / 4}u + quad]; }
fn finish(place: Place, row: u32, quad: u32, sums: vec4f) {
  if (row < rows()) { dInputs[row * ${sizes.inputs / 4}u + quad] = sums; }
}`,
  });
  return dispatch(product, { batch: batch.words, gates, weights, dInputs }, [
    Math.ceil(sizes.inputs / tile.columns),
    Math.ceil(batch.capacity.rows / tile.rows),
  ]);
}
