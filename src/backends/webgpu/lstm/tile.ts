/**
 * How a matrix product C [rows, columns] = A [rows, depth] · B [depth, columns] is cut into pieces.
 *
 * A workgroup computes a tile of C and a thread a part of the tile, whose sums stay in registers. The depth is cut into
 * panels: the workgroup copies a panel of A and of B into its memory, and every thread reads its rows and columns from
 * there. With two buffers, the next panel is on its way while the threads compute.
 */
import { MAX_GROUPS } from '../kernel.js';

/** The size of the pieces. */
export interface Tile {
  /** Rows of C of a workgroup. */ rows: number;
  /** Columns of C of a workgroup. */ columns: number;
  /** Depth of a panel, of each group of threads. */ depth: number;
  /** Rows of C of a thread: a multiple of 4. */ threadRows: number;
  /** Columns of C of a thread: a multiple of 4. */ threadColumns: number;
  /** Groups of threads in a workgroup; each adds a part of every panel's depth, the parts are added last. */
  depthGroups: number;
  /** Panels in the memory of the workgroup: 2 overlaps copying with computing. */ buffers: 1 | 2;
  /** Steps of the innermost loop that are written out: divides `depth`. */ unroll: number;
}

/** A product whose tile is chosen. */
export interface ProductShape {
  /** Which product of a layer this is; an idea of its shape for a tuner's notes. */
  name: 'inputs' | 'step' | 'step backward' | 'input gradients' | 'weight gradients';
  /** Rows of C: an upper bound. */ rows: number;
  /** Columns of C: a multiple of 16. */ columns: number;
  /** A multiple of 16. */ depth: number;
  /** Products of this shape in one dispatch: directions, splits. */ count: number;
  /** A is read along its rows: C = Aᵀ B, with the sums of A's columns. */ transposed: boolean;
  /** The sums of a tile go through the workgroup's memory at the end. */ gathered: boolean;
  /** The largest `depthGroups`. 1: all tiles add in the same order and give the same bits. */ depthGroups: number;
  /** `rows` and `count` of the whole batch, if this is of one of its passes. Default: the same. */
  whole?: { rows: number; count: number };
}

/** Chooses the tile of a product. */
export type TileChooser = (shape: ProductShape) => Tile;

/** Limits of a device; `GpuDevice.limits` has them. */
export interface TileLimits {
  maxComputeInvocationsPerWorkgroup: number;
  maxComputeWorkgroupStorageSize: number;
}

const tile = (
  rows: number,
  columns: number,
  depth: number,
  threadRows: number,
  threadColumns: number,
  depthGroups = 1,
  buffers: 1 | 2 = 2,
): Tile => ({ rows, columns, depth, threadRows, threadColumns, depthGroups, buffers, unroll: depth });

/** Large tiles reuse what they read, small ones keep more of a GPU busy. */
const TILES: readonly Tile[] = [
  tile(128, 128, 16, 8, 8),
  tile(64, 128, 16, 8, 8),
  tile(128, 64, 16, 8, 8),
  tile(64, 64, 16, 8, 8, 2),
  tile(64, 64, 8, 8, 8, 4),
  tile(64, 64, 16, 8, 4),
  tile(32, 64, 16, 4, 4),
  tile(16, 64, 16, 4, 4),
  tile(16, 32, 16, 4, 4),
  tile(16, 64, 16, 4, 4, 4, 1),
  tile(16, 16, 16, 4, 4, 4, 1),
];

/** Threads of a workgroup. */
export function threadsOf({ rows, columns, threadRows, threadColumns, depthGroups }: Tile): number {
  return (rows / threadRows) * (columns / threadColumns) * depthGroups;
}

/** Quads (four floats) of the workgroup's memory. @param sums the tile's sums go through it at the end */
export function memoryQuads({ rows, columns, depth, depthGroups, buffers }: Tile, sums: boolean): number {
  const panels = (buffers * depth * depthGroups * (rows + columns)) / 4;
  return sums || depthGroups > 1 ? Math.max(panels, (rows * columns) / 4) : panels;
}

/** Compute units of a large GPU: fewer workgroups leave some of them idle. */
const UNITS = 128;
/** Threads that keep a unit busy. */
const BUSY_THREADS = 128;

/** Time of a multiply-add, in a unit of its own: 1, and what a thread and a workgroup read for it. */
function cost({ transposed, depth }: ProductShape, tile: Tile): number {
  const { rows, columns, threadRows, threadColumns, depthGroups } = tile;
  const ofThread = (threadRows + threadColumns) / (threadRows * threadColumns);
  const ofGroup = (rows + columns) / (rows * columns);
  // Measured on an H200: with a transposed A, 128 × 64 is faster than 128 × 128.
  const slow = transposed && columns > 64 ? 1.25 : 1;
  return slow * (1 + 1.5 * ofThread + 4 * ofGroup) + (8 * (depthGroups - 1)) / depth;
}

/** An estimate of the time, in no unit: that of the slowest thread or that of the busiest unit. */
function estimate(shape: ProductShape, tile: Tile): number {
  const { rows, columns, threadRows, threadColumns, depthGroups } = tile;
  const groups = Math.ceil(shape.rows / rows) * Math.ceil(shape.columns / columns) * shape.count;
  const ofThread = (threadRows * threadColumns) / depthGroups;
  const ofUnit = (Math.ceil(groups / UNITS) * rows * columns) / BUSY_THREADS;
  return cost(shape, tile) * Math.max(ofThread, ofUnit);
}

/**
 * The tiles that compute a product on a device, those that promise most first. At least one; `GpuDevice.prepare` refuses
 * rows that are too many for the largest tile.
 */
export function candidates(shape: ProductShape, limits: TileLimits): Tile[] {
  const tiles = TILES.filter(
    (t) =>
      threadsOf(t) <= limits.maxComputeInvocationsPerWorkgroup &&
      16 * memoryQuads(t, shape.gathered) <= limits.maxComputeWorkgroupStorageSize &&
      t.depthGroups <= shape.depthGroups &&
      (shape.transposed
        ? t.depth * t.depthGroups <= 16 && t.rows >= 64
        : shape.depth % (t.depth * t.depthGroups) === 0),
  );
  const groups = (t: Tile) => Math.ceil(shape.rows / t.rows);
  const most = Math.max(MAX_GROUPS, Math.min(...tiles.map(groups)));
  return tiles.filter((t) => groups(t) <= most).sort((a, b) => estimate(shape, a) - estimate(shape, b));
}

/** @param unroll the most steps of the innermost loop that are written out; default all */
export function bestTile(limits: TileLimits, unroll = 16): TileChooser {
  return (shape) => {
    const [first] = candidates(shape, limits);
    return { ...first, unroll: Math.min(first.depth, unroll) };
  };
}
