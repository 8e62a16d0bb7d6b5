/** Short trainings by the built command, with and without mpirun, and the seconds of their updates. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readMetrics } from '#src/runs/run-files.js';
import { UserError } from '#src/user-error.js';
import type { Network } from './cost-model.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const COMMAND = here('../../../dist/cli/main.js');
const EXCHANGE = here('./exchange.js');
const SIDE = 28;
const VALIDATION = 64;
const EPOCHS = 3;

/** For Open MPI: ranks may use any core, also those of root in a container. */
const OPENMPI = {
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  OMPI_MCA_hwloc_base_binding_policy: 'none',
};

/** @throws UserError with the message of the command */
function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...OPENMPI },
  });
  if (error || status !== 0) throw new UserError(`bench:mpi: ${command}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

function idx(path: string, dimensions: readonly number[], bytes: Uint8Array): void {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header[2] = 8;
  header[3] = dimensions.length;
  for (const [at, size] of dimensions.entries()) header.writeUInt32BE(size, 4 + 4 * at);
  writeFileSync(path, Buffer.concat([header, bytes]));
}

/** A data set of noise: the time of an update does not depend on the pixels. */
function writeNoise(folder: string, count: number): void {
  mkdirSync(folder);
  for (const [part, size] of [
    ['train', count],
    ['t10k', 16],
  ] as const) {
    const pixels = Uint8Array.from({ length: size * SIDE * SIDE }, (_, at) => (at * 2654435761) >>> 24);
    idx(join(folder, `${part}-images-idx3-ubyte`), [size, SIDE, SIDE], pixels);
    idx(
      join(folder, `${part}-labels-idx1-ubyte`),
      [size],
      Uint8Array.from({ length: size }, (_, at) => at % 10),
    );
  }
}

export interface Training {
  flags: readonly string[];
  batch: number;
  threads: number;
  /** 1: without MPI. */
  ranks: number;
  /** Of an epoch; three epochs are trained, and the first one is not counted. */
  updates: number;
}

export interface Update {
  /** Mean of an epoch, the smaller of two epochs. */
  seconds: number;
  /** Of the network. */
  parameters: number;
}

/** @throws UserError if the command fails */
export async function secondsOfUpdate({ flags, batch, threads, ranks, updates }: Training): Promise<Update> {
  const folder = mkdtempSync(join(tmpdir(), 'scanstroke-mpi-'));
  try {
    const count = batch * updates + VALIDATION;
    writeNoise(join(folder, 'data'), count);
    const args = [
      ...[COMMAND, 'train', ...flags, '--data', join(folder, 'data'), '--batch-size', `${batch}`],
      ...[
        '--threads',
        `${threads}`,
        '--num-epochs',
        `${EPOCHS}`,
        '--train-split',
        `${(batch * updates) / count}`,
      ],
      ...['--saving-path', join(folder, 'run'), '--chart-format', 'none', '--backend', 'cpu', '--json'],
    ];
    const answer =
      ranks === 1
        ? run(process.execPath, args)
        : run('mpirun', ['-n', `${ranks}`, process.execPath, ...args]);
    const { parameters } = JSON.parse(answer) as { parameters: number };
    const [, ...epochs] = await readMetrics(join(folder, 'run'));
    return {
      seconds: batch / Math.max(...epochs.map(({ samplesPerSecond }) => samplesPerSecond)),
      parameters,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The exchange of two ranks of this machine. */
export function thisMachine(): Network {
  const answer = run('mpirun', ['-n', '2', process.execPath, EXCHANGE]);
  return { name: 'this machine', ...(JSON.parse(answer) as Omit<Network, 'name'>) };
}
