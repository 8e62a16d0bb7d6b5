/**
 * Peak memory of a training update, measured in a process that runs one update and nothing else:
 *
 *   node build/bench/measure/memory-measurement.js WORKLOAD BACKEND PRECISION THREADS BATCH
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { peakMegabytes } from '#src/train/run/peak-memory.js';
import { UserError } from '#src/user-error.js';
import { count, failForUsers, oneOf } from '../bench-flags.js';
import { BACKENDS, type OurBackend } from './contenders.js';
import { EngineBench } from './own-contenders.js';
import { WORKLOADS } from './workload.js';

export interface Memory {
  workload: string;
  party: OurBackend | 'pytorch';
  precision: (typeof PRECISIONS)[number];
  threads: number;
  batchSize: number;
  /** Peak resident set size of the whole process, in MiB. */
  megabytes: number;
}

const file = fileURLToPath(import.meta.url);
const PRECISIONS = ['float32', 'mixed'] as const;

/** Starts the measuring process. */
export function measureMemory(subject: Omit<Memory, 'megabytes'>): Memory {
  const { workload, party, precision, threads, batchSize } = subject;
  const args = [file, workload, party, precision, String(threads), String(batchSize)];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`bench: the update of ${workload} failed; see its message above`);
  return { ...subject, megabytes: Number(run.stdout) };
}

async function main(): Promise<void> {
  const [name, backend, precision, threads, batchSize] = process.argv.slice(2);
  const workload = WORKLOADS.find((candidate) => candidate.name === name);
  if (!workload) throw new UserError(`bench: there is no workload ${name}`);
  const bench = await EngineBench.openTeam(
    { ...workload, batchSize: count('bench: BATCH', batchSize) },
    oneOf('bench: BACKEND', backend, BACKENDS),
    count('bench: THREADS', threads),
    oneOf('bench: PRECISION', precision, PRECISIONS),
  );
  await bench.update(1);
  await bench.close();
  console.log(peakMegabytes());
}

if (process.argv[1] === file) await failForUsers(main);
