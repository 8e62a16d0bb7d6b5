/** Measures speed over sizes: the training update of `quick` with other hidden sizes, layers, lengths and batches. */

import { openUpdates, openYardsticks, type Scope } from './contenders.js';
import type { Machine } from './machine.js';
import { alternate } from './measurement.js';
import { figures } from './results.js';
import { median } from './statistics.js';
import { imagesWorkload } from './workload.js';

/** The sizes, of which one is varied at a time. */
export type Size = 'hiddenSize' | 'numLayers' | 'steps' | 'batchSize';
type Sizes = Record<Size, number>;

export interface Point extends Sizes {
  seconds: number;
  gflops: number;
  /** Seconds of the matrix products alone, at OpenBLAS's rate, or at ours if OpenBLAS is not installed. */
  floorSeconds: number;
}

/** A point before the yardstick's rate is known, with the operations of an update. */
type Measured = Omit<Point, 'floorSeconds'> & { flops: number };

export interface SweepResults {
  machine: Machine;
  date: string;
  threads: number;
  /** The yardstick: whose matrix product, and its rate in GFLOP/s. */
  product: { name: string; gflops: number };
  roofline: Point[];
  growth: Record<Size, Point[]>;
}

const QUICK: Sizes = { hiddenSize: 128, numLayers: 1, steps: 28, batchSize: 128 };

const powers = (first: number, last: number, factor = 2) => {
  const values = [];
  for (let value = first; value <= last; value *= factor) values.push(value);
  return values;
};

const ROOFLINE = {
  hiddenSizes: powers(16, 1024, 4),
  batchSizes: [...powers(1, 1024), 8192],
};
const GROWTH: Record<Size, number[]> = {
  hiddenSize: powers(16, 1024),
  numLayers: powers(1, 8),
  steps: powers(7, 448),
  batchSize: powers(1, 8192),
};

/** Updates with more operations are measured in one round. */
const LONG_FLOPS = 1e12;
const ROUNDS = 3;

/** Measures the native training update with all threads, in turns with the matrix product. */
export async function sweep(
  scope: Scope,
  { machine, date }: { machine: Machine; date: string },
  progress: (line: string) => void,
): Promise<SweepResults> {
  const threads = Math.max(...scope.threads);
  const own: Scope = { backends: ['cpu'], threads: [threads], peers: scope.peers };
  const yardsticks = await openYardsticks(own, ['product']);
  const product = yardsticks.list.find(({ party }) => party === 'openblas') ?? yardsticks.list[0];
  const rates: number[] = [];

  const measure = async (change: Partial<Sizes>): Promise<Measured> => {
    const sizes = { ...QUICK, ...change };
    const opened = await openUpdates(imagesWorkload({ name: 'sweep', ...sizes }), own);
    const update = opened.list.find(({ activity }) => activity === 'update');
    if (!update) throw new Error('bench: no training update to measure');
    progress(
      Object.entries(change)
        .map((entry) => entry.join(' '))
        .join(', '),
    );
    update.once = update.flops > LONG_FLOPS;
    const [rate, measured] = await alternate([product, update], ROUNDS);
    await opened.close();
    rates.push(figures(rate).gflops);
    const { seconds, gflops } = figures(measured);
    return { ...sizes, seconds, gflops, flops: update.flops };
  };

  const roofline: Measured[] = [];
  for (const hiddenSize of ROOFLINE.hiddenSizes) {
    for (const batchSize of ROOFLINE.batchSizes) roofline.push(await measure({ hiddenSize, batchSize }));
  }
  const measureEach = async (size: Size): Promise<Measured[]> => {
    const points: Measured[] = [];
    for (const value of GROWTH[size]) points.push(await measure({ [size]: value }));
    return points;
  };
  const growth = {
    hiddenSize: await measureEach('hiddenSize'),
    numLayers: await measureEach('numLayers'),
    steps: await measureEach('steps'),
    batchSize: await measureEach('batchSize'),
  };
  await yardsticks.close();

  const gflops = median(rates);
  const withFloor = ({ flops, ...point }: Measured): Point => ({
    ...point,
    floorSeconds: flops / gflops / 1e9,
  });
  return {
    machine,
    date,
    threads,
    product: { name: product.party === 'openblas' ? 'OpenBLAS’s product' : 'our own product', gflops },
    roofline: roofline.map(withFloor),
    growth: {
      hiddenSize: growth.hiddenSize.map(withFloor),
      numLayers: growth.numLayers.map(withFloor),
      steps: growth.steps.map(withFloor),
      batchSize: growth.batchSize.map(withFloor),
    },
  };
}
