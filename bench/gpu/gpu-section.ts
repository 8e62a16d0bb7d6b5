/** The tables of `npm run bench:gpu`, and the section of docs/performance.md around them. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { duration, markdown, NOTHING, number, percent, type Table, whole } from '../report/table.js';
import type { GpuResults } from './gpu-results.js';

/**
 * PyTorch's updates in milliseconds, from a measurement before this backend existed: products in float32 and in TF32.
 */
const PYTORCH_ON_H200: readonly [model: string, batch: number, float32: number, tf32: number | null][] = [
  ['`mnist-lstm`, 3×256, both directions', 1024, 19.8, 8.8],
  ['`quick`, 1×128, both directions', 128, 1.94, 1.94],
  ['`strokes`, 6×32', 64, 20.4, 18.4],
  ['`strokes-1`, 6×32', 1, 3.3, null],
  ['`pixels`, 1×128, 784 steps', 128, 5.6, 5.3],
];

export function limitTable({ limits }: GpuResults): Table {
  return {
    header: ['float32', 'memory', 'a dispatch', 'submit and wait'],
    rows: [
      [
        `${number(limits.flops / 1e12)} TFLOP/s`,
        `${number(limits.bandwidth / 1e9)} GB/s`,
        duration(limits.dispatch),
        duration(limits.roundTrip),
      ],
    ],
  };
}

export function productTable({ limits, products }: GpuResults): Table {
  return {
    header: ['product', 'together', 'rows', 'columns', 'depth', 'TFLOP/s', 'of the limit'],
    rows: products.map(({ name, count, rows, columns, depth, flops }) => [
      name,
      whole(count),
      whole(rows),
      whole(columns),
      whole(depth),
      number(flops / 1e12),
      percent(flops / limits.flops),
    ]),
  };
}

export function gpuUpdateTable({ limits, updates }: GpuResults): Table {
  return {
    header: [
      'model',
      'batch',
      'float32',
      'TFLOP/s',
      'of the limit',
      'mixed',
      'dispatches',
      'memory',
      'PyTorch float32',
      'TF32',
      'float16',
    ],
    rows: updates.map((update) => {
      const flops = update.float32 === null ? null : update.flops / update.float32;
      return [
        `\`${update.workload}\`, ${update.model}`,
        whole(update.batchSize),
        duration(update.float32),
        number(flops === null ? null : flops / 1e12),
        percent(flops === null ? null : flops / limits.flops),
        duration(update.mixed),
        update.dispatches === null ? NOTHING : whole(update.dispatches),
        update.bytes === null ? NOTHING : `${number(update.bytes / 2 ** 20)} MB`,
        duration(update.peer.float32),
        duration(update.peer.tf32),
        duration(update.peer.float16),
      ];
    }),
  };
}

/** The tables for the terminal. */
export function gpuTables(results: GpuResults): string {
  return [
    ['Limits of the GPU', limitTable(results)] as const,
    ['Matrix products', productTable(results)] as const,
    ['Training update', gpuUpdateTable(results)] as const,
  ]
    .filter(([, { rows }]) => rows.length > 0)
    .map(([heading, table]) => `${heading}\n\n${markdown(table)}`)
    .join('\n\n');
}

const HEADING = '## On a GPU';

/** The section of docs/performance.md. @param results null: no GPU has been measured */
export function gpuSection(results: GpuResults | null): string {
  return `${HEADING}

${results ? measured(results) : reference()}

\`\`\`sh
npm run bench:gpu                   # prints these tables for the GPU of this machine
npm run bench:gpu -- --write        # writes this section
npm run bench:gpu -- --small        # small models, for a GPU that computes on the processor
\`\`\`
`;
}

function measured(results: GpuResults): string {
  const { machine, date, command, peer } = results;
  return `${machine}; ${date}, \`${command}\`. ${peer ? `In the same run: ${peer}.` : 'PyTorch with CUDA is not installed there.'} An update is everything from the order of the epoch to the new parameters: gathering the batch, forward pass, backward pass, sums and optimiser. Its time is the mean over updates in a row, as a training makes them; TFLOP/s counts only the products of the LSTM.

The limits are measured: float32 arithmetic by chains of multiply-adds in registers, memory by a copy that no cache holds, a dispatch by the shortest kernel many times in a row, each waiting for the one before.

${markdown(limitTable(results))}

The matrix products of \`mnist-lstm\`, with batches of 1,024:

${markdown(productTable(results))}

${markdown(gpuUpdateTable(results))}`;
}

/** Without a measurement of ours: what it will be compared with. */
function reference(): string {
  const table: Table = {
    header: ['model', 'batch', 'PyTorch, float32', 'PyTorch, TF32', 'webgpu'],
    rows: PYTORCH_ON_H200.map(([model, batch, float32, tf32]) => [
      model,
      whole(batch),
      duration(float32 / 1000),
      tf32 === null ? NOTHING : duration(tf32 / 1000),
      'not measured yet',
    ]),
  };
  return `The backend \`webgpu\` has not been measured on a GPU yet; \`npm run bench:gpu\` does it. The times of PyTorch are those of a training update on one H200 (driver 580, PyTorch 2.11, cuDNN 9.19, eager).

${markdown(table)}`;
}

/** Replaces the section in the text of docs/performance.md. @throws Error if there is none */
export function replaceGpuSection(page: string, section: string): string {
  const begin = page.indexOf(`${HEADING}\n`);
  if (begin < 0) throw new Error(`bench:gpu: docs/performance.md has no section '${HEADING}'`);
  const next = page.indexOf('\n## ', begin + 1);
  return page.slice(0, begin) + section + (next < 0 ? '' : page.slice(next));
}

/** The measurement that docs/performance.md shows. */
export const GPU_RESULTS = fileURLToPath(new URL('../../../bench/gpu-results.json', import.meta.url));

/** @returns null if there is no such file */
export function readGpuResults(path: string): GpuResults | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as GpuResults) : null;
}
