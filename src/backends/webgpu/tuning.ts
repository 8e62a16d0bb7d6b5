/**
 * Chooses the tiles of matrix products by a short measurement, once for a device and a shape. Until a shape has been
 * measured, the tile that promises most is taken.
 *
 * Only tiles that add in the same order are compared, an order that the whole batch decides. So the choice changes the
 * speed and never a bit: the same device, driver and options give the same bits with any tiles, measured or not.
 */
import type { GpuDevice, Prepared } from './device.js';
import { measuredProduct, type ProductBuffers, productWords } from './lstm/measured-product.js';
import {
  candidates,
  type ProductShape,
  type Tile,
  type TileChooser,
  type TileLimits,
  threadsOf,
} from './lstm/tile.js';

/** Keeps texts by device, for later processes. Neither call fails. */
export interface TileStore {
  read(device: string): Promise<string | null>;
  write(device: string, text: string): Promise<void>;
}

/** Shapes and tiles of other versions are not read: raised when the kernels of the products change. */
const VERSION = 2;
/** Tiles that are measured for a shape: the most promising ones. */
const MOST_TILES = 4;
/** Smaller products take as long as a dispatch with any tile. */
const MIN_FLOPS = 1e8;
/** Words of the operands and the result; larger products are measured with fewer rows. */
const MAX_WORDS = 2 ** 23;
const TURN_SECONDS = 0.008;
const TURNS = 3;
/** The tiles of a device. */
export class TileTuner {
  readonly #device: GpuDevice;
  readonly #store: TileStore | null;
  /** By shape. */
  readonly #measured = new Map<string, Tile>();
  /** By shape: what an earlier process measured, or anything else that a file may hold. */
  #stored: Readonly<Record<string, unknown>> | null = null;
  /** Shapes that were asked for, and not measured. */
  readonly #asked = new Map<string, ProductShape>();

  /** @param store default: the choice is kept in memory */
  constructor(device: GpuDevice, store: TileStore | null = null) {
    this.#device = device;
    this.#store = store;
  }

  /** The measured tile, or else the one that promises most. */
  readonly choose: TileChooser = (shape) => {
    const { limits, isSoftware } = this.#device;
    if (isSoftware) return leastCode(shape, limits);
    const tiles = comparableTiles(shape, limits);
    const key = keyOf(shape, tiles[0]);
    const known = this.#measured.get(key) ?? tiles.find((tile) => isSame(tile, this.#stored?.[key]));
    if (known) return known;
    this.#asked.set(key, shape);
    return tiles[0];
  };

  /**
   * Dispatches with measured tiles: calls `build`, measures the shapes that it asks for, and calls it again if a
   * choice changed.
   */
  async tuned<T>(build: () => T): Promise<T> {
    if (this.#device.isSoftware) return build();
    await this.#load();
    const first = build();
    return (await this.#measureAsked()) ? build() : first;
  }

  /** @returns whether a shape got another tile */
  async #measureAsked(): Promise<boolean> {
    const shapes = [...this.#asked].filter(([, shape]) => flopsOf(shape) >= MIN_FLOPS);
    this.#asked.clear();
    if (shapes.length === 0) return false;
    let changed = false;
    for (const [key, shape] of shapes) {
      const tiles = comparableTiles(shape, this.#device.limits);
      const seconds = tiles.length > 1 ? await secondsOfTiles(this.#device, shape, tiles) : [0];
      const fastest = seconds.indexOf(Math.min(...seconds));
      this.#measured.set(key, tiles[fastest]);
      changed ||= fastest > 0;
    }
    await this.#save();
    return changed;
  }

  async #load(): Promise<void> {
    this.#stored ??= tilesIn(
      (await this.#store?.read(deviceKey(this.#device))) ?? null,
      deviceKey(this.#device),
    );
  }

  async #save(): Promise<void> {
    const device = deviceKey(this.#device);
    const tiles = { ...this.#stored, ...Object.fromEntries(this.#measured) };
    await this.#store?.write(device, `${JSON.stringify({ version: VERSION, device, tiles }, null, 2)}\n`);
  }
}

const tuners = new WeakMap<GpuDevice, TileTuner>();

/** The tiles of a device. @param store where they are kept; of the first call for a device */
export function tilesOf(device: GpuDevice, store: TileStore | null = null): TileTuner {
  const known = tuners.get(device) ?? new TileTuner(device, store);
  tuners.set(device, known);
  return known;
}

/**
 * The tiles that give the same bits, those that promise most first. They add as the tile that promises most for the
 * whole batch does, so that a batch has the same bits in one pass and in several.
 */
export function comparableTiles(shape: ProductShape, limits: TileLimits): Tile[] {
  const [promising] = candidates({ ...shape, ...shape.whole }, limits);
  const order = orderOfSums(shape, promising);
  return candidates(shape, limits)
    .filter((tile) => orderOfSums(shape, tile) === order)
    .slice(0, MOST_TILES);
}

/** For a software GPU: it takes seconds to compile the kernels of the other tiles. */
function leastCode(shape: ProductShape, limits: TileLimits): Tile {
  const code = ({ threadRows, threadColumns, depthGroups }: Tile) => threadRows * threadColumns * depthGroups;
  const [least] = candidates(shape, limits).sort((a, b) => code(a) - code(b));
  return { ...least, unroll: 1 };
}

/** Names the order in which a product adds. */
export function orderOfSums({ transposed }: ProductShape, tile: Tile): string {
  const { rows, depth, depthGroups } = tile;
  // One group of threads adds over the depth from first to last. Several add parts of every panel.
  const products = depthGroups === 1 ? 'in order' : `${depthGroups} groups, depth ${depth}`;
  // The columns of a transposed A are added by several threads.
  return transposed ? `${products}; ${threadsOf(tile) / (rows / 4)} sums, depth ${depth}` : products;
}

/** Mean seconds of a product with each tile: the shortest of a few turns. */
export async function secondsOfTiles(
  device: GpuDevice,
  shape: ProductShape,
  tiles: readonly Tile[],
): Promise<number[]> {
  const measurable = withFewerRows(shape);
  const words = productWords(measurable);
  const buffers: ProductBuffers = {
    a: device.allocate(words.a),
    b: device.allocate(words.b),
    c: device.allocate(words.c),
    columnSums: device.allocate(words.columnSums),
  };
  try {
    const prepared = await Promise.all(
      tiles.map((tile) => device.prepare([measuredProduct(measurable, tile, buffers)])),
    );
    const times: number[] = [];
    for (const one of prepared) {
      await secondsOfTurn(device, one, 1); // fills caches
      times.push(Math.max(1, Math.ceil(TURN_SECONDS / (await secondsOfTurn(device, one, 1)))));
    }
    const seconds = tiles.map(() => Number.POSITIVE_INFINITY);
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [n, one] of prepared.entries())
        seconds[n] = Math.min(seconds[n], await secondsOfTurn(device, one, times[n]));
    }
    const part = flopsOf(measurable) / flopsOf(shape);
    return seconds.map((value) => value / part);
  } finally {
    for (const slice of Object.values(buffers)) device.release(slice);
  }
}

/** The shape, with fewer rows or less depth if its operands take much memory. */
function withFewerRows(shape: ProductShape): ProductShape {
  const fewer = { ...shape };
  const large = shape.transposed ? 'depth' : 'rows';
  const total = () => Object.values(productWords(fewer)).reduce((sum, words) => sum + words, 0);
  while (total() > MAX_WORDS && fewer[large] > 1024) fewer[large] = 16 * Math.ceil(fewer[large] / 32);
  return fewer;
}

/** Mean seconds, commands submitted together. */
async function secondsOfTurn(device: GpuDevice, prepared: Prepared, times: number): Promise<number> {
  const began = performance.now();
  device.submit(...Array.from({ length: times }, () => prepared));
  await device.idle();
  return (performance.now() - began) / 1000 / times;
}

/** Floating-point operations of a product, a multiply-add counted as two. */
export function flopsOf({ rows, columns, depth, count }: ProductShape): number {
  return 2 * rows * columns * depth * count;
}

/** @param tile one that adds as the shape's tiles do */
function keyOf(shape: ProductShape, tile: Tile): string {
  const { name, rows, columns, depth, count, transposed, gathered } = shape;
  const kind = `${transposed ? ', transposed' : ''}${gathered ? ', gathered' : ''}`;
  return `${name}: ${count} of ${rows}×${columns}×${depth}${kind}, ${orderOfSums(shape, tile)}`;
}

/** The GPU and its driver, for example `nvidia lovelace … driver 580`. */
function deviceKey({ device }: GpuDevice): string {
  const { vendor, architecture, device: name, description } = device.adapterInfo;
  return [vendor, architecture, name, description].filter(Boolean).join(' | ');
}

/** The tiles of a stored text; empty if it is damaged, foreign or of another device. */
function tilesIn(text: string | null, device: string): Readonly<Record<string, unknown>> {
  try {
    const stored: unknown = JSON.parse(text ?? '{}');
    if (isRecord(stored) && stored.version === VERSION && stored.device === device && isRecord(stored.tiles))
      return stored.tiles;
  } catch {
    // Damaged: as if there were none.
  }
  return {};
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSame(tile: Tile, stored: unknown): boolean {
  return isRecord(stored) && Object.entries(tile).every(([name, value]) => stored[name] === value);
}
