/**
 * Gradients of a layer's parameters, for each split s and direction d:
 *   [4 H', I' + H'] = gate gradients [rows of s, 4 H']ᵀ · (inputs [rows, I'] | hidden states of the step before [rows, H'])
 * and the sums of the gate gradients' columns for the biases. Written in PyTorch's layout, without padding.
 *
 * A panel of the depth has at most 16 rows. So with 16 lanes a panel is one step of one block; with fewer lanes there is
 * only one block.
 */
import { batchFunctions, MAX_LANES } from '../batch-layout.js';
import { type Dispatch, dispatch, read, write } from '../kernel.js';
import { QUAD, STORED_ACTIVATIONS } from '../stored-activations.js';
import type { LstmBackwardArguments } from '../verbs.js';
import { columnFunction, sizesOf, tensorFunctions } from './layer-sizes.js';
import { productKernel } from './product.js';
import type { TileChooser } from './tile.js';

export function weightGradient(args: LstmBackwardArguments, choose: TileChooser): Dispatch {
  const { layer, batch, storage, gates, inputs, outputs, gradients } = args;
  const { capacity } = batch;
  const { inputs: inputColumns, inputSize, hiddenSize, hidden, directions } = sizesOf(layer);
  const { splits, parameters } = gradients;
  const rows = hidden * 4;
  const columns = inputColumns + hidden;
  const tile = choose({
    name: 'weight gradients',
    rows,
    columns,
    depth: Math.ceil(capacity.rows / splits / 16) * 16,
    count: directions * splits,
    transposed: true,
    gathered: false,
    depthGroups: 1,
    whole: { rows, count: directions * (capacity.whole?.splits ?? splits) },
  });
  const depth = tile.depth * tile.depthGroups;
  const product = productKernel({
    label: 'lstm weight gradients',
    tile,
    columns,
    rows,
    transposed: true,
    columnSums: true,
    panelwise: capacity.lanes === MAX_LANES,
    bindings: {
      batch: read('u32'),
      gates: read(QUAD[storage]),
      inputs: read(QUAD[storage]),
      outputs: read(QUAD[storage]),
      partials: write('f32'),
    },
    code: `${batchFunctions(capacity)}${STORED_ACTIVATIONS[storage]}${tensorFunctions(layer)}${columnFunction(layer)}
struct Place {
  idle: bool, row0: u32, column0: u32, panels: u32, direction: u32, split: u32,
  first_row: u32, end_row: u32,   // rows of the split
  block: u32,
  block_start: u32, block_end: u32,   // rows of the block that is read
}
fn placeOf(group: vec3u) -> Place {
  let split = group.z / ${directions}u;
  let block = split * ${capacity.blocks}u / ${splits}u;
  let first_row = blockStart(block);
  let end_row = blockStart((split + 1u) * ${capacity.blocks}u / ${splits}u);
  let panels = (end_row - first_row + ${depth - 1}u) / ${depth}u;
  return Place(
    false, group.y * ${tile.rows}u, group.x * ${tile.columns}u, panels, group.z % ${directions}u, split,
    first_row, end_row, block, first_row, blockStart(block + 1u));
}
// Follows the rows from block to block.
fn atPanel(place: Place, panel: u32) -> Place {
  var next = place;
  while (place.first_row + panel * ${depth}u >= next.block_end && next.block_end < place.end_row) {
    next.block += 1u;
    next.block_start = next.block_end;
    next.block_end = blockStart(next.block + 1u);
  }
  return next;
}
// Rows past the last may hold anything: they count as zeros.
fn quadOfA(place: Place, k: u32, row_quad: u32) -> vec4f {
  let row = place.first_row + k;
  if (row >= place.end_row) { return vec4f(0.0f); }
  return unpackedQuad(gates[row * ${directions * hidden}u + place.direction * ${hidden}u + row_quad]);
}
fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f {
  let row = place.first_row + k;
  if (row >= place.end_row) { return vec4f(0.0f); }
  if (quad < ${inputColumns / 4}u) { return unpackedQuad(inputs[row * ${inputColumns / 4}u + quad]); }
  // The step before: the row a step earlier or, in the reverse direction, later.
  var before: u32;
  if (place.direction == 0u) {
    if (row < place.block_start + LANES) { return vec4f(0.0f); }
    before = row - LANES;
  } else {
    before = row + LANES;
    if (before >= place.block_end) { return vec4f(0.0f); }
  }
  return unpackedQuad(
    outputs[before * ${(directions * hidden) / 4}u + place.direction * ${hidden / 4}u + quad - ${inputColumns / 4}u]);
}
// Row of a gate in the tensors: gates i, f, g, o one after the other.
fn tensorRow(gate: u32) -> u32 { return gate % 4u * ${hiddenSize}u + gate / 4u; }
fn finish(place: Place, row: u32, quad: u32, sums: vec4f) {
  if (row / 4u >= ${hiddenSize}u) { return; }
  for (var n = 0u; n < 4u; n++) {
    let column = quad * 4u + n;
    var at = place.split * ${parameters}u;
    if (column < ${inputColumns}u) {
      let to = parameterColumn(column);
      if (to == PAD) { return; }
      at += weightIh(place.direction) + tensorRow(row) * ${inputSize}u + to;
    } else {
      let to = column - ${inputColumns}u;
      if (to >= ${hiddenSize}u) { return; }
      at += weightHh(place.direction) + tensorRow(row) * ${hiddenSize}u + to;
    }
    partials[at] = sums[n];
  }
}
fn finishColumnSums(place: Place, row_quad: u32, sums: vec4f) {
  if (row_quad >= ${hiddenSize}u) { return; }
  for (var n = 0u; n < 4u; n++) {
    let at = place.split * ${parameters}u + tensorRow(row_quad * 4u + n);
    partials[at + biasIh(place.direction)] = sums[n];
    partials[at + biasHh(place.direction)] = sums[n];
  }
}`,
  });
  const slices = { batch: batch.words, gates, inputs, outputs, partials: gradients.partials };
  return dispatch(product, slices, [
    Math.ceil(columns / tile.columns),
    Math.ceil(rows / tile.rows),
    directions * splits,
  ]);
}
