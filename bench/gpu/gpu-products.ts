/** Measures the matrix products of a layer with the tiles that a training takes. */
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { ProductShape } from '#src/backends/webgpu/lstm/tile.js';
import { flopsOf, secondsOfTiles, tilesOf } from '#src/backends/webgpu/tuning.js';
import type { ProductFigures } from './gpu-results.js';

const PLAIN = { count: 1, transposed: false, gathered: false, depthGroups: 1 } as const;

/** The products of a bidirectional layer that reads such a layer. @param hidden a multiple of 16 */
function productsOf(hidden: number, batch: number, steps: number): ProductShape[] {
  const rows = batch * steps;
  const splits = 16;
  return [
    { ...PLAIN, name: 'inputs', rows, columns: 8 * hidden, depth: 2 * hidden },
    { ...PLAIN, name: 'step', rows: batch, columns: 4 * hidden, depth: hidden, count: 2, gathered: true },
    {
      ...PLAIN,
      name: 'step backward',
      rows: batch,
      columns: hidden,
      depth: 4 * hidden,
      count: 2,
      depthGroups: 4,
    },
    { ...PLAIN, name: 'input gradients', rows, columns: 2 * hidden, depth: 8 * hidden, depthGroups: 4 },
    {
      ...PLAIN,
      name: 'weight gradients',
      rows: 4 * hidden,
      columns: 3 * hidden,
      depth: 16 * Math.ceil(rows / splits / 16),
      count: 2 * splits,
      transposed: true,
    },
  ];
}

/** Those of `mnist-lstm`; small ones for a GPU that computes on the processor. */
export const PRODUCTS = productsOf(256, 1024, 28);
export const SMALL_PRODUCTS = productsOf(32, 16, 10);

export async function measureProducts(
  device: GpuDevice,
  shapes: readonly ProductShape[],
): Promise<ProductFigures[]> {
  const tuner = tilesOf(device);
  const figures: ProductFigures[] = [];
  for (const shape of shapes) {
    const tile = await tuner.tuned(() => tuner.choose(shape));
    const [seconds] = await secondsOfTiles(device, shape, [tile]);
    const { name, rows, columns, depth, count } = shape;
    figures.push({ name, rows, columns, depth, count, flops: flopsOf(shape) / seconds });
  }
  return figures;
}
