/** Protects the choice of tiles: it changes no bit, is kept, and nothing in a file can harm it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { GpuDevice } from '#src/backends/webgpu/device.js';
import type { Slice } from '#src/backends/webgpu/kernel.js';
import { chain } from '#src/backends/webgpu/lstm/chain.js';
import { lstmKernels } from '#src/backends/webgpu/lstm/lstm.js';
import { measuredProduct, productWords } from '#src/backends/webgpu/lstm/measured-product.js';
import {
  candidates,
  type ProductShape,
  type Tile,
  type TileChooser,
  type TileLimits,
} from '#src/backends/webgpu/lstm/tile.js';
import { TILE_FILES } from '#src/backends/webgpu/tile-files.js';
import { comparableTiles, orderOfSums, type TileStore, TileTuner } from '#src/backends/webgpu/tuning.js';
import { Random } from '#src/random.js';
import { type Passes, waysToCut } from '#src/train/gpu/passes.js';
import { temporaryFolder } from '../../train/small-mnist.js';
import { gpuOrSkip, testGpu } from './software-gpu.js';

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

/** A kernel takes a software GPU seconds to compile: limits that leave two tiles to compare, and short loops. */
const LIMITS: TileLimits = { maxComputeInvocationsPerWorkgroup: 128, maxComputeWorkgroupStorageSize: 12288 };
const LIMITS_OF_TRANSPOSED: TileLimits = { ...LIMITS, maxComputeWorkgroupStorageSize: 24576 };
const short = (tile: Tile): Tile => ({ ...tile, unroll: 1 });

/** Just enough work to be measured. */
const LARGE: ProductShape = {
  name: 'inputs',
  rows: 512,
  columns: 512,
  depth: 192,
  count: 1,
  transposed: false,
  gathered: false,
  depthGroups: 1,
};
/** Sizes that no tile divides. */
const UNEVEN = { rows: 144, columns: 144, depth: 64 };

/** C and the sums of A's columns with each tile. */
async function results(device: GpuDevice, shape: ProductShape, limits: TileLimits) {
  const words = productWords(shape);
  const buffers = {
    a: device.allocate(words.a),
    b: device.allocate(words.b),
    c: device.allocate(words.c),
    columnSums: device.allocate(words.columnSums),
  };
  const random = new Random(0, 1);
  const values = (size: number) => Float32Array.from({ length: size }, () => random.uniform() - 0.5);
  device.write(buffers.a, values(words.a));
  device.write(buffers.b, values(words.b));
  const found: { c: Float32Array; columnSums: Float32Array }[] = [];
  for (const tile of comparableTiles(shape, limits).map(short)) {
    await device.run([measuredProduct(shape, tile, buffers)]);
    const [c, columnSums] = await device.read(buffers.c, buffers.columnSums);
    found.push({ c: new Float32Array(c), columnSums: new Float32Array(columnSums) });
  }
  for (const slice of Object.values(buffers)) device.release(slice);
  return found;
}

for (const [shape, limits] of [
  [{ ...LARGE, ...UNEVEN }, LIMITS],
  [{ ...LARGE, ...UNEVEN, name: 'weight gradients', transposed: true }, LIMITS_OF_TRANSPOSED],
] as const) {
  test(`${shape.name}: the tiles that are compared give the same bits`, async (t) => {
    const gpu = await gpuOrSkip(t);
    if (!gpu) return;
    const [first, ...others] = await results(gpu.device, shape, limits);
    assert.ok(others.length > 0, 'there is a choice');
    assert.ok(first.c.every((value) => value !== 0));
    assert.equal(
      first.columnSums.every((value) => value !== 0),
      shape.transposed,
    );
    for (const other of others) assert.deepEqual(other, first);
  });
}

test('there is a tile for any number of rows', () => {
  for (const rows of [1, 2 ** 20, 1e7]) {
    const tiles = candidates({ ...LARGE, rows }, LIMITS);
    assert.ok(tiles.length > 0, `${rows}`);
    if (rows < 1e7) assert.ok(tiles.every((tile) => rows / tile.rows < 65536));
  }
});

test('tiles that add in another order are not compared', () => {
  const device: TileLimits = {
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupStorageSize: 32768,
  };
  const shape = { ...LARGE, rows: 64, depthGroups: 4 };
  const groups = (tiles: { depthGroups: number }[]) =>
    new Set(tiles.map(({ depthGroups }) => depthGroups)).size;
  assert.ok(groups(candidates(shape, device)) > 1);
  assert.equal(groups(comparableTiles(shape, device)), 1);
});

/** The orders in which the backward pass of a layer adds, in a pass. */
function ordersOf({ capacity, splits }: Passes, H: number, D: number, limits: TileLimits): string[] {
  const orders: string[] = [];
  const choose: TileChooser = (shape) => {
    const [tile] = comparableTiles(shape, limits);
    orders.push(`${shape.name}: ${orderOfSums(shape, tile)}`);
    return tile;
  };
  const slice: Slice = { buffer: Object.create(null), offset: 0, size: 0 };
  lstmKernels(chain(slice, choose), choose).backward({
    layer: {
      inputs: { parts: D, size: H },
      hiddenSize: H,
      tensors: Array.from({ length: D }, () => ({ weightIh: 0, weightHh: 0, biasIh: 0, biasHh: 0 })),
    },
    batch: { capacity, words: slice },
    storage: 'float32',
    panels: slice,
    inputs: slice,
    outputs: slice,
    cells: slice,
    gates: slice,
    dOutputs: slice,
    dInputs: slice,
    gradients: { partials: slice, splits, parameters: 0 },
    scratch: slice,
  });
  return orders;
}

test('a batch is added in the same order in one pass and in several', () => {
  const large: TileLimits = {
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupStorageSize: 49152,
  };
  const found = new Set<string>();
  for (const limits of [LIMITS_OF_TRANSPOSED, large])
    for (const hidden of [16, 48, 160, 256])
      for (const directions of [1, 2])
        for (const batchSize of [64, 200, 1024]) {
          const lengths = Int32Array.from(
            { length: batchSize },
            (_, n) => 28 - Math.floor((27 * n) / batchSize),
          );
          const orders = [...waysToCut(batchSize, 2 ** 20, lengths)].map((way) =>
            ordersOf(way, hidden, directions, limits).join('\n'),
          );
          assert.equal(
            new Set(orders).size,
            1,
            `${directions}·${hidden}, ${batchSize}: ${orders.join('\n\n')}`,
          );
          found.add(orders[0]);
        }
  assert.ok(found.size > 3, 'there is a choice');
});

/** A store in memory. */
class MemoryStore implements TileStore {
  text: string | null;
  constructor(text: string | null = null) {
    this.text = text;
  }
  async read() {
    return this.text;
  }
  async write(_device: string, text: string) {
    this.text = text;
  }
}

/** The GPU as one that is measured, with limits that leave two tiles: tests run on a software GPU, which is not. */
function hardware(device: GpuDevice, own: Partial<GpuDevice> = {}): GpuDevice {
  const replaced: Record<PropertyKey, unknown> = { isSoftware: false, limits: LIMITS, ...own };
  return new Proxy(device, {
    get(target, name) {
      if (name in replaced) return replaced[name];
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** What a tuner of a new process chooses. */
function choice(device: GpuDevice, store: TileStore, shape = LARGE) {
  const tuner = new TileTuner(device, store);
  return tuner.tuned(() => tuner.choose(shape));
}

test('a shape is measured once and kept; foreign and damaged files are ignored', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const before = gpu.device.bytes;
  const device = hardware(gpu.device);
  const store = new MemoryStore();
  if (gpu.device.isSoftware) {
    await choice(gpu.device, store);
    assert.deepEqual(store, new MemoryStore(), 'a software GPU is not measured');
  }
  const chosen = await choice(device, store);
  const tiles = comparableTiles(LARGE, LIMITS);
  assert.ok(tiles.includes(chosen));
  assert.equal(gpu.device.bytes, before, 'the buffers are freed');
  const text = String(store.text);
  assert.deepEqual(await choice(device, store), chosen);
  assert.equal(store.text, text, 'nothing was measured again');

  const { tiles: kept, ...rest } = JSON.parse(text);
  assert.deepEqual(kept, { 'inputs: 1 of 512×512×192, in order': chosen });
  const [key] = Object.keys(kept);
  const stored = (tile: unknown, more = {}) => JSON.stringify({ ...rest, tiles: { [key]: tile }, ...more });
  class Measured extends Error {}
  const stopping = hardware(gpu.device, {
    prepare: async () => {
      throw new Measured();
    },
  });
  /** Whether a tuner measures a shape in spite of a file. */
  const isMeasured = (file: string, shape = LARGE): Promise<boolean> =>
    choice(stopping, new MemoryStore(file), shape).then(
      () => false,
      (error) => {
        if (error instanceof Measured) return true;
        throw error;
      },
    );
  for (const tile of tiles) {
    assert.equal(await choice(stopping, new MemoryStore(stored(tile))), tile);
  }
  for (const damaged of [
    '',
    '{',
    'null',
    '[]',
    '{"version":1}',
    stored(null),
    stored({ ...tiles[1], rows: 1e9 }),
    stored({ ...tiles[1], unroll: '16; break' }),
    stored(tiles[1], { version: 0 }),
    stored(tiles[1], { device: 'another GPU' }),
    stored(tiles[1], { tiles: [tiles[1]] }),
  ])
    assert.equal(await isMeasured(damaged), true, damaged);

  // A tile that adds in another order would change bits.
  const shape: ProductShape = { ...LARGE, depthGroups: 4 };
  const [promising] = comparableTiles(shape, LIMITS);
  const foreign = candidates(shape, LIMITS).find(({ depthGroups }) => depthGroups !== promising.depthGroups);
  assert.ok(foreign);
  const own = `inputs: 1 of 512×512×192, ${orderOfSums(shape, promising)}`;
  const named = { ...rest, tiles: { [own]: foreign } };
  assert.equal(await isMeasured(JSON.stringify(named), shape), true);
});

test('tiles are kept in the cache folder; a folder that cannot be written is no error', async () => {
  const before = process.env.SCANSTROKE_CACHE;
  const folder = join(temporaryFolder(), 'cache');
  try {
    process.env.SCANSTROKE_CACHE = folder;
    assert.equal(await TILE_FILES.read('a GPU'), null);
    await TILE_FILES.write('a GPU', 'text');
    await TILE_FILES.write('another GPU', 'other');
    assert.equal(await TILE_FILES.read('a GPU'), 'text');
    const files = readdirSync(folder);
    assert.equal(files.length, 2, `${files}`);
    process.env.SCANSTROKE_CACHE = join(folder, files[0], 'below a file');
    await TILE_FILES.write('a GPU', 'text');
    assert.equal(await TILE_FILES.read('a GPU'), null);
    assert.ok(readFileSync(join(folder, files[0]), 'utf8').length > 0);
  } finally {
    if (before === undefined) delete process.env.SCANSTROKE_CACHE;
    else process.env.SCANSTROKE_CACHE = before;
  }
});
