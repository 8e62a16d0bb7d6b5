/** Runs the built command as the ranks of an MPI job. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { COMMAND, type Outcome } from '../command.js';

export type Mpi = 'openmpi' | 'mpich';

const runs = (command: string, args: string[]) => spawnSync(command, args).status === 0;

/** Debian's names: both can be installed beside each other. */
export const mpirunOf = (mpi: Mpi) => `mpirun.${mpi}`;
export const mpiccOf = (mpi: Mpi) => `mpicc.${mpi}`;

/** Why tests with this MPI are skipped; false if it is there. @throws if nothing may be skipped */
export function missingMpi(mpi: Mpi): string | false {
  if (runs(mpiccOf(mpi), ['-show']) && runs(mpirunOf(mpi), ['--version'])) return false;
  const packages = mpi === 'openmpi' ? 'openmpi-bin libopenmpi-dev' : 'mpich libmpich-dev';
  const reason = `needs ${mpi} (Debian: apt-get install ${packages})`;
  if (process.env.SCANSTROKE_NO_SKIPS) throw new Error(reason);
  return reason;
}

/** For Open MPI: more ranks than cores, no binding to cores, and a user who is root, as in containers. */
const OPENMPI = {
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
  OMPI_MCA_rmaps_base_oversubscribe: '1',
  OMPI_MCA_hwloc_base_binding_policy: 'none',
};

export interface JobOptions {
  mpi: Mpi;
  ranks: number;
  cwd: string;
  env?: Record<string, string>;
  /** Called with standard error, in pieces. */
  onError?: (text: string, child: ChildProcess) => void;
}

/** The environment of a job. */
export function jobEnvironment(env: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, NO_COLOR: '1', ...OPENMPI, ...env };
}

/** Runs `scanstroke` with arguments on several ranks. */
export function runJob(args: string[], { mpi, ranks, cwd, env, onError }: JobOptions): Promise<Outcome> {
  return startMpirun(mpi, ['-n', String(ranks), process.execPath, COMMAND, ...args], { cwd, env, onError });
}

/** Runs mpirun with arguments. */
export function startMpirun(
  mpi: Mpi,
  args: string[],
  { cwd, env, onError }: Pick<JobOptions, 'cwd' | 'env' | 'onError'>,
): Promise<Outcome> {
  const child = spawn(mpirunOf(mpi), args, {
    cwd,
    env: jobEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
    onError?.(String(piece), child);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** The processes of the ranks that were started in a folder, by rank. Linux only. */
export function rankProcesses(cwd: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      if (readlinkSync(`/proc/${name}/cwd`) !== cwd || readlinkSync(`/proc/${name}/exe`) !== process.execPath)
        continue;
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
      const rank = /(?:^|\0)(?:OMPI_COMM_WORLD_RANK|PMI_RANK)=(\d+)/.exec(environment)?.[1];
      if (rank !== undefined) found.set(Number(rank), Number(name));
    } catch {
      // It has ended, or is another user's.
    }
  }
  return found;
}

/** SHA-256 of a run's best checkpoint. */
export function bestHash(run: string): string {
  return createHash('sha256')
    .update(readFileSync(join(run, 'best.safetensors')))
    .digest('hex');
}
