/** Speed over sizes: the training step of `quick` with other hidden sizes, layers, lengths and batches. */
import { writeFileSync } from 'node:fs';
import type { Machine } from './machine.js';
import { openSteps, openYardsticks, type Scope } from './match.js';
import { alternate } from './measurement.js';
import { figures } from './results.js';
import { growthChart, rooflineChart } from './size-charts.js';
import { median } from './statistics.js';
import { rowsWorkload } from './workload.js';

/** What is varied, one at a time. */
export type Size = 'hiddenSize' | 'numLayers' | 'steps' | 'batchSize';
type Sizes = Record<Size, number>;

export interface Point extends Sizes {
  seconds: number;
  gflops: number;
  /** Seconds that the matrix products alone would take at OpenBLAS's rate, or at ours without it. */
  floorSeconds: number;
}

export interface SweepResults {
  machine: Machine;
  date: string;
  threads: number;
  /** GFLOP/s of the product, and whose it is. */
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

/** More operations than this are measured once. */
const LONG_FLOPS = 1e12;
const ROUNDS = 3;

/** Measures the native training step with all threads, in turns with the matrix product. */
export async function sweep(
  scope: Scope,
  { machine, date }: { machine: Machine; date: string },
  progress: (line: string) => void,
): Promise<SweepResults> {
  const threads = Math.max(...scope.threads);
  const own: Scope = { ...scope, backends: ['cpu'], threads: [threads] };
  const yardsticks = await openYardsticks(own);
  const product = yardsticks.contenders.find(({ party }) => party === 'openblas') ?? yardsticks.contenders[0];
  const rates: number[] = [];

  const measure = async (
    change: Partial<Sizes>,
  ): Promise<Omit<Point, 'floorSeconds'> & { flops: number }> => {
    const sizes = { ...QUICK, ...change };
    const match = await openSteps(rowsWorkload({ name: 'sweep', ...sizes }), own);
    const step = match.contenders.find(({ activity }) => activity === 'step');
    if (!step) throw new Error('bench: no training step to measure');
    progress(
      Object.entries(change)
        .map((entry) => entry.join(' '))
        .join(', '),
    );
    const once = step.flops > LONG_FLOPS;
    const [rate, steps] = await alternate([product, { ...step, once }], ROUNDS);
    await match.close();
    rates.push(figures(rate).gflops);
    const { seconds, gflops } = figures(steps);
    return { ...sizes, seconds, gflops, flops: step.flops };
  };

  const roofline = [];
  for (const hiddenSize of ROOFLINE.hiddenSizes) {
    for (const batchSize of ROOFLINE.batchSizes) roofline.push(await measure({ hiddenSize, batchSize }));
  }
  const growth = [];
  for (const [size, values] of Object.entries(GROWTH) as [Size, number[]][]) {
    const points = [];
    for (const value of values) points.push(await measure({ [size]: value }));
    growth.push([size, points] as const);
  }
  await yardsticks.close();

  const gflops = median(rates);
  const withFloor = ({ flops, ...point }: Omit<Point, 'floorSeconds'> & { flops: number }): Point => ({
    ...point,
    floorSeconds: flops / gflops / 1e9,
  });
  return {
    machine,
    date,
    threads,
    product: { name: product.party === 'openblas' ? 'OpenBLAS’s product' : 'our own product', gflops },
    roofline: roofline.map(withFloor),
    growth: Object.fromEntries(
      growth.map(([size, points]) => [size, points.map(withFloor)]),
    ) as SweepResults['growth'],
  };
}

/** Writes the charts into a folder. */
export function drawSweep(results: SweepResults, folder: string): void {
  writeFileSync(`${folder}roofline.svg`, rooflineChart(results));
  writeFileSync(`${folder}growth.svg`, growthChart(results));
}
