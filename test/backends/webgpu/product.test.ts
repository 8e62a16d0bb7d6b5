/** Protects matrix products: every tile computes the product, for rows and columns that tiles exceed. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import { dispatch, read, write } from '#src/backends/webgpu/kernel.js';
import { productKernel } from '#src/backends/webgpu/lstm/product.js';
import { bestTile, candidates, type ProductShape, type Tile } from '#src/backends/webgpu/lstm/tile.js';
import { Random } from '#src/random.js';
import { uniform } from '../../cases/draw.js';
import { DeviceMemory } from './device-memory.js';
import { gpuOrSkip, testGpu } from './software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

const PLAIN: ProductShape = {
  name: 'step backward',
  rows: 130,
  columns: 144,
  depth: 192,
  count: 1,
  transposed: false,
  gathered: false,
  depthGroups: 4,
};
const SHAPES: ProductShape[] = [
  PLAIN,
  { ...PLAIN, gathered: true, depth: 64 },
  { ...PLAIN, rows: 144, transposed: true, depthGroups: 1 },
];

/** C of a product and, if A is transposed, the sums of A's columns. */
async function compute(
  device: GpuDevice,
  { rows, columns, depth, transposed, gathered }: ProductShape,
  tile: Tile,
  values: { a: Float32Array; b: Float32Array },
) {
  const product = productKernel({
    label: 'product',
    tile,
    rows,
    columns,
    transposed,
    columnSums: transposed,
    gathered: gathered && 'fours',
    bindings: { a: read('vec4f'), b: read('vec4f'), c: write('vec4f'), columnSums: write('vec4f') },
    code: `
struct Place { idle: bool, row0: u32, column0: u32, panels: u32 }
fn placeOf(group: vec3u) -> Place {
  let row0 = group.y * ${tile.rows}u;
  return Place(row0 >= ${rows}u, row0, group.x * ${tile.columns}u, ${depth / (tile.depth * tile.depthGroups)}u);
}
fn rowOfA(place: Place, row: u32) -> u32 { return min(row, ${rows - 1}u) * ${depth / 4}u; }
fn quadOfA(place: Place, ${transposed ? 'k: u32, row_quad' : 'row_of_a: u32, k_quad'}: u32) -> vec4f {
  return a[${transposed ? `k * ${Math.floor(rows / 4)}u + row_quad` : 'row_of_a + k_quad'}];
}
fn quadOfB(place: Place, k: u32, quad: u32) -> vec4f { return b[k * ${columns / 4}u + quad]; }
fn finish(place: Place, row: u32, quad: u32, sums: vec4f) {
  if (row < ${rows}u) { c[row * ${columns / 4}u + quad] = sums; }
}
fn finishFour(place: Place, row: u32, quad: u32, sums: array<vec4f, 4>) {
  for (var n = 0u; n < 4u; n++) { finish(place, row, quad + n, sums[n]); }
}
fn finishColumnSums(place: Place, row_quad: u32, sums: vec4f) {
  if (row_quad < ${Math.floor(rows / 4)}u) { columnSums[row_quad] = sums; }
}`,
  });
  const memory = new DeviceMemory(device);
  const slices = {
    a: memory.input(values.a),
    b: memory.input(values.b),
    c: memory.output(rows * columns),
    columnSums: memory.output(4 * Math.ceil(rows / 4)),
  };
  const groups = [Math.ceil(columns / tile.columns), Math.ceil(rows / tile.rows)] as const;
  await device.run([dispatch(product, slices, groups)]);
  const results = { c: await memory.floats(slices.c), columnSums: await memory.floats(slices.columnSums) };
  await memory.close();
  return results;
}

for (const shape of SHAPES) {
  const { rows, columns, depth, transposed, gathered } = shape;
  const kind = `${transposed ? ', transposed' : ''}${gathered ? ', gathered' : ''}`;
  test(`every tile computes ${rows} × ${columns} × ${depth}${kind}`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    const random = new Random(3);
    const a = uniform(random, rows * depth);
    const b = uniform(random, depth * columns);
    const at = (row: number, k: number): number => a[transposed ? k * rows + row : row * depth + k];
    const tiles = candidates(shape, gpu.device.limits);
    assert.ok(tiles.length >= 3);
    for (const tile of tiles) {
      const name = `${JSON.stringify(tile)}`;
      // One step written out and a loop of several: both ways, without long compilations.
      const { c, columnSums } = await compute(
        gpu.device,
        shape,
        { ...tile, unroll: tile.rows > 32 ? 1 : 4 },
        { a, b },
      );
      for (let row = 0; row < rows; row += 3) {
        for (let column = row % 5; column < columns; column += 5) {
          let sum = 0;
          for (let k = 0; k < depth; k++) sum += at(row, k) * b[k * columns + column];
          // 192 float32 additions of numbers below 1.
          assert.ok(Math.abs(c[row * columns + column] - sum) < 2e-5, `${name} at ${row}, ${column}`);
        }
        if (transposed) {
          let sum = 0;
          for (let k = 0; k < depth; k++) sum += at(row, k);
          assert.ok(Math.abs(columnSums[row] - sum) < 2e-5, `${name}: sum of column ${row}`);
        }
      }
    }
  });
}

test('a tile fits every device and every shape', () => {
  // WebGPU's least limits.
  const limits = { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 16384 };
  for (const shape of SHAPES) {
    for (const rows of [1, 100, 10000, 4_000_000]) {
      for (const depth of [16, 48, 1024]) {
        for (const columns of [16, 80, 4096]) {
          const tile = bestTile(limits)({ ...shape, rows, depth, columns });
          assert.ok(Math.ceil(rows / tile.rows) <= 65535, `${tile.rows} rows`);
        }
      }
    }
  }
});

test('large products get large tiles, small ones many', () => {
  const limits = { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 49152 };
  const large = bestTile(limits)({ ...PLAIN, rows: 28672, columns: 2048, depth: 512, depthGroups: 1 });
  assert.deepEqual([large.rows, large.columns, large.unroll], [128, 128, 16]);
  const small = bestTile(limits)({ ...PLAIN, rows: 64, columns: 128, depth: 512, depthGroups: 1 });
  assert.ok(small.rows * small.columns <= 2048);
});
