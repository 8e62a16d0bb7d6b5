/**
 * Peak memory of a training step, in a process that does nothing else:
 *
 *   node build/bench/memory.js WORKLOAD BACKEND PRECISION THREADS BATCH
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Precision } from '#src/model/workspace.js';
import { peakMegabytes } from '#src/train/peak-memory.js';
import type { OurBackend } from './match.js';
import { TeamBench } from './ours.js';
import { WORKLOADS } from './workload.js';

export interface Memory {
  workload: string;
  party: OurBackend | 'pytorch';
  precision: Precision;
  threads: number;
  batchSize: number;
  /** Peak of the resident set, MiB; of the whole process. */
  megabytes: number;
}

const file = fileURLToPath(import.meta.url);

/** Measures it in a process of its own. */
export function measureMemory(subject: Omit<Memory, 'megabytes'>): Memory {
  const { workload, party, precision, threads, batchSize } = subject;
  const args = [file, workload, party, precision, String(threads), String(batchSize)];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`bench: the step of ${workload} failed; its message stands above`);
  return { ...subject, megabytes: Number(run.stdout) };
}

if (process.argv[1] === file) {
  const [name, backend, precision, threads, batchSize] = process.argv.slice(2);
  const workload = WORKLOADS.find((candidate) => candidate.name === name);
  if (!workload) throw new Error(`bench: no workload is named ${name}`);
  const bench = await TeamBench.open(
    { ...workload, batchSize: Number(batchSize) },
    backend as OurBackend,
    Number(threads),
    precision as Precision,
  );
  await bench.step(1);
  await bench.close();
  console.log(peakMegabytes());
}
