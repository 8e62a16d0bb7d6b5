/**
 * `npm run bench:gpu`: measures the GPU of this machine: its limits, the matrix products of the LSTM, and training
 * updates, in turns with PyTorch where it finds CUDA. Prints tables; progress goes to standard error.
 *
 *   npm run bench:gpu -- [--json] [--write] [--small] [--rounds N] [--workloads quick,…] [--peers pytorch-cuda]
 *
 * `--write` writes the section in docs/performance.md. `--small` measures small models, for a GPU that computes on the
 * processor, to see that everything runs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openBackend } from '#src/backends/open-node.js';
import { deviceOf } from '#src/backends/webgpu/webgpu.js';
import { UserError } from '#src/user-error.js';
import { count, failForUsers, names } from '../bench-flags.js';
import { GPU_PEERS, Peers } from '../peers/peers.js';
import { LIMIT_SIZES, measureLimits, SMALL_LIMIT_SIZES } from './device-limits.js';
import { measureProducts, PRODUCTS, SMALL_PRODUCTS } from './gpu-products.js';
import type { GpuResults, UpdateFigures } from './gpu-results.js';
import { GPU_RESULTS, gpuSection, gpuTables, replaceGpuSection } from './gpu-section.js';
import { measureUpdates } from './gpu-updates.js';
import { GPU_WORKLOADS, small } from './gpu-workloads.js';

const PAGE = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url));
const progress = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const;
  const known = GPU_WORKLOADS.map(({ name }) => name);
  const { values: options } = parseArgs({
    options: {
      json: flag,
      write: flag,
      small: flag,
      rounds: { type: 'string', default: '5' },
      workloads: { type: 'string', default: known.join(',') },
      peers: { type: 'string', default: GPU_PEERS.join(',') },
    },
  });
  if (options.write && options.small)
    throw new UserError('bench:gpu --write does not write figures of --small');
  const rounds = count('bench:gpu --rounds', options.rounds);
  const wanted = names('bench:gpu --workloads', options.workloads, known);
  const partners = names('bench:gpu --peers', options.peers, GPU_PEERS);
  const backend = await openBackend('webgpu');
  const device = deviceOf(backend);
  const peers = new Peers(partners);
  try {
    progress('limits');
    const limits = await measureLimits(device, options.small ? SMALL_LIMIT_SIZES : LIMIT_SIZES);
    progress('products');
    const products = await measureProducts(device, options.small ? SMALL_PRODUCTS : PRODUCTS);
    const updates: UpdateFigures[] = [];
    for (const name of wanted) {
      const workload = GPU_WORKLOADS[known.indexOf(name)];
      const measured = options.small ? small(workload) : workload;
      updates.push(await measureUpdates(measured, backend, peers, rounds, progress));
    }
    const results: GpuResults = {
      machine: `${backend.description}, Node.js ${process.version.slice(1)}`,
      date: new Date().toISOString().slice(0, 10),
      command: ['npm run bench:gpu --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
      peer: [...peers.versions.values()][0] ?? null,
      limits,
      products,
      updates,
    };
    if (options.write) {
      writeFileSync(GPU_RESULTS, `${JSON.stringify(results, null, 2)}\n`);
      writeFileSync(PAGE, replaceGpuSection(readFileSync(PAGE, 'utf8'), gpuSection(results)));
    }
    console.log(
      options.json ? JSON.stringify(results, null, 2) : `${results.machine}\n\n${gpuTables(results)}`,
    );
    for (const { workload, failures } of updates)
      for (const line of failures) progress(`${workload}: not measured in ${line}`);
  } finally {
    backend.close();
    peers.close();
    for (const line of peers.missing.values()) progress(line);
  }
}

await failForUsers(main);
