/** A matrix product of any shape on buffers of its own, to measure how fast a tile is. Its values mean nothing. */
import { type Dispatch, dispatch, read, type Slice, write } from '../kernel.js';
import { productKernel } from './product.js';
import type { ProductShape, Tile } from './tile.js';

/** Buffers of a product; those of one dispatch share them. */
export interface ProductBuffers {
  /** [rows, depth]; transposed [depth, rows] */ a: Slice;
  /** [depth, columns] */ b: Slice;
  /** [rows, columns] out */ c: Slice;
  /** [rows] out: transposed, the sums of A's columns. */ columnSums: Slice;
}

/** Words of the buffers. */
export function productWords({ rows, columns, depth }: ProductShape): Record<keyof ProductBuffers, number> {
  return { a: rows * depth, b: depth * columns, c: rows * columns, columnSums: rows };
}

/** Computes C = A · B, or Aᵀ · B, `shape.count` times. */
export function measuredProduct(shape: ProductShape, tile: Tile, buffers: ProductBuffers): Dispatch {
  const { rows, columns, depth, count, transposed, gathered } = shape;
  const bindings = { a: read('vec4f'), b: read('vec4f'), c: write('vec4f'), columnSums: write('vec4f') };
  const product = productKernel({
    label: `measured ${shape.name}`,
    tile,
    rows,
    columns,
    transposed,
    gathered,
    columnSums: transposed,
    bindings,
    code: `
struct Place { idle: bool, row0: u32, column0: u32, panels: u32 }
fn placeOf(group: vec3u) -> Place {
  let panels = ${Math.ceil(depth / (tile.depth * tile.depthGroups))}u;
  return Place(false, group.y * ${tile.rows}u, group.x * ${tile.columns}u, panels);
}
fn rowOfA(place: Place, row: u32) -> u32 { return min(row, ${rows - 1}u) * ${depth / 4}u; }
fn quadOfA(place: Place, ${transposed ? 'k: u32, row_quad' : 'row_of_a: u32, k_quad'}: u32) -> vec4f {
  return a[${transposed ? `k * ${rows / 4}u + row_quad` : 'row_of_a + k_quad'}];
}
fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f { return b[k * ${columns / 4}u + quad]; }
fn finish(place: Place, row: u32, quad: u32, sums: vec4f) {
  if (row < ${rows}u) { c[row * ${columns / 4}u + quad] = sums; }
}
fn finishFour(place: Place, row: u32, quad: u32, sums: array<vec4f, 4>) {
  for (var n = 0u; n < 4u; n++) { finish(place, row, quad + n, sums[n]); }
}
fn finishColumnSums(place: Place, row_quad: u32, sums: vec4f) {
  if (row_quad < ${rows / 4}u) { columnSums[row_quad] = sums; }
}`,
  });
  const groups = [Math.ceil(columns / tile.columns), Math.ceil(rows / tile.rows), count] as const;
  return dispatch(product, buffers, groups);
}
