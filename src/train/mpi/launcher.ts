/** How a process knows that a launcher of MPI (mpirun, srun) has started it: by variables of the environment. */
import { fstatSync } from 'node:fs';
import { UserError } from '../../user-error.js';

/** An implementation of MPI; `other`: one that is none of these. */
export type Flavour = 'openmpi' | 'mpich' | 'other';

export interface Launcher {
  /** Processes of the job; null if the launcher does not say. */
  ranks: number | null;
  /** Number of this process; null if the launcher does not say. */
  rank: number | null;
  /** The implementation whose launcher it is; null: any could be (srun). */
  flavour: Flavour | null;
  /** If any could be: the one that most often speaks the launcher's protocol; null: the launcher is not known. */
  likely: Flavour | null;
}

/** The variables of a launcher: those that have the number of processes and of this one. */
const LAUNCHERS: { ranks: string; rank: string; likely: Flavour; bySlurm?: true }[] = [
  { ranks: 'OMPI_COMM_WORLD_SIZE', rank: 'OMPI_COMM_WORLD_RANK', likely: 'openmpi' },
  { ranks: 'PMI_SIZE', rank: 'PMI_RANK', likely: 'mpich' },
  { ranks: 'SLURM_STEP_NUM_TASKS', rank: 'PMIX_RANK', likely: 'openmpi', bySlurm: true },
];

/**
 * The launcher that started this process; null if none did, or if it started one process only, as `srun --pty bash` does.
 * `srun` without `--mpi` starts programs that have nothing to do with MPI, so its variables alone do not count. SCANSTROKE_MPI=1 says that a launcher did, 0 that none did.
 * @throws UserError for another value
 */
export function findLauncher(env: NodeJS.ProcessEnv = process.env): Launcher | null {
  const { SCANSTROKE_MPI: said = '' } = env;
  if (!['', '0', '1'].includes(said)) {
    throw new UserError(`train: SCANSTROKE_MPI must be 1 or 0, got ${JSON.stringify(said)}`);
  }
  if (said === '0') return null;
  for (const { ranks, rank, likely, bySlurm } of LAUNCHERS) {
    const number = whole(env[rank]);
    if (number === null) continue;
    if (whole(env[ranks]) === 1 && said !== '1') return null;
    // srun with its plug-in pmi2 sets the variables of MPICH for every implementation.
    const isSrun = bySlurm || (env.SLURM_PROCID !== undefined && likely === 'mpich');
    return { ranks: whole(env[ranks]), rank: number, flavour: isSrun ? null : likely, likely };
  }
  return said === '1' ? { ranks: null, rank: null, flavour: null, likely: null } : null;
}

/**
 * The launcher of MPICH gives each process an open file, whose number is in PMI_FD. npx and npm close it for the process
 * that they start.
 * @throws UserError if it is closed
 */
export function checkOpenFile({ PMI_FD: number }: NodeJS.ProcessEnv = process.env): void {
  const descriptor = whole(number);
  if (descriptor === null || isSocket(descriptor)) return;
  throw new UserError(
    'train: the launcher of MPICH gives each process an open file, and npx or npm closes it; ' +
      'start the program itself: `mpirun … node_modules/.bin/scanstroke train`',
  );
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket();
  } catch {
    return false;
  }
}

function whole(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
