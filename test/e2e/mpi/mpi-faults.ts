/** Faults of ranks: each must end the whole job within seconds, and leave a run that goes on with any number of ranks. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Outcome, scanstroke } from '../command.js';
import { bestHash, type Mpi, rankProcesses, runJob } from './mpi-job.js';

const EPOCHS = 6;
const TRAIN = [
  'train',
  '--data',
  'data',
  '--hidden-size',
  '16',
  '--batch-size',
  '8',
  '--train-split',
  '0.75',
];
TRAIN.push(
  '--num-epochs',
  String(EPOCHS),
  '--chart-format',
  'none',
  '--checkpoint-updates',
  '5',
  '--threads',
  '1',
);
// Other schedules depend on the number of epochs, which differs between the resumed runs.
TRAIN.push('--schedule', 'constant');
/** A rank that is stopped counts as hanging after this long. */
const HANGING_SECONDS = 3;
/** mpirun may end before the last rank does, but no longer than this. */
const LEAVE_MS = 5000;
/** After a fault the job ends within this time. */
const END_MS = 15_000;

interface Place {
  cwd: string;
  env: Record<string, string>;
}

/** Ends two ranks in every way. @returns how many failures were found */
export async function runFaults(mpi: Mpi, place: Place): Promise<number> {
  const { cwd, env } = place;
  const whole = await scanstroke([...TRAIN, '--saving-path', 'undisturbed'], { cwd, env });
  if (whole.code !== 0) throw new Error(whole.stderr);
  const expected = bestHash(join(cwd, 'undisturbed'));
  rmSync(join(cwd, 'undisturbed'), { recursive: true });
  let failures = 0;
  const check = (what: string, problems: string[]) => {
    failures += problems.length;
    console.log(
      `${mpi}: ${what}: ${problems.length === 0 ? 'ended, resumed, the same' : problems.join('; ')}`,
    );
  };
  for (const rank of [0, 1, 2]) {
    // At several moments, so that phases of an update differ.
    for (const delay of [0, 3, 11, 40]) {
      const what = `kill -9 of rank ${rank}, ${delay} ms after epoch 2`;
      check(what, await disturbed(mpi, place, expected, delay, () => signal(cwd, rank, 'SIGKILL')));
    }
    check(
      `SIGSTOP of rank ${rank}`,
      await disturbed(mpi, place, expected, 5, () => signal(cwd, rank, 'SIGSTOP'), HANGING_SECONDS),
    );
  }
  check('SIGINT to all ranks', await disturbed(mpi, place, expected, 5, () => signalAll(cwd, 'SIGINT')));
  check('Ctrl-C of mpirun', await disturbed(mpi, place, expected, 5, (pid) => process.kill(pid, 'SIGINT')));
  check('no space at rank 0', await disturbed(mpi, place, expected, 5, () => forbidFiles(cwd)));
  return failures;
}

function signalAll(cwd: string, name: NodeJS.Signals): void {
  for (const rank of [0, 1, 2]) signal(cwd, rank, name);
}

function signal(cwd: string, rank: number, name: NodeJS.Signals): void {
  const pid = rankProcesses(cwd).get(rank);
  if (pid === undefined) throw new Error(`rank ${rank} does not run`);
  process.kill(pid, name);
}

/** From now on no file of rank 0 may have more than a byte, as on a full disk. */
function forbidFiles(cwd: string): void {
  const pid = String(rankProcesses(cwd).get(0));
  const { status, stderr } = spawnSync('prlimit', ['--pid', pid, '--fsize=1'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}

/** Trains on three ranks, disturbs them in the middle, resumes on two and on one. @returns what went wrong */
async function disturbed(
  mpi: Mpi,
  { cwd, env }: Place,
  expected: string,
  delay: number,
  disturb: (mpirun: number) => void,
  hangingSeconds = 60,
): Promise<string[]> {
  const problems: string[] = [];
  let at = 0;
  const job = await runJob([...TRAIN, '--saving-path', 'disturbed'], {
    mpi,
    ranks: 3,
    cwd,
    env: { ...env, SCANSTROKE_MPI_TIMEOUT: String(hangingSeconds) },
    onError: (text, child) => {
      if (at > 0 || !/epoch +2\//.test(text)) return;
      at = performance.now();
      setTimeout(() => disturb(child.pid as number), delay);
    },
  });
  const took = performance.now() - at;
  if (at === 0) problems.push(`did not reach epoch 2: ${job.stderr}`);
  if (job.code === 0) problems.push('exit code 0');
  if (took > END_MS) problems.push(`ended after ${Math.round(took / 1000)} s`);
  for (const [rank, pid] of await remaining(cwd)) {
    problems.push(`rank ${rank} still runs`);
    process.kill(pid, 'SIGKILL');
  }
  const first = await runJob(['train', '--load-cp', 'disturbed', '--num-epochs', '4'], {
    mpi,
    ranks: 2,
    cwd,
    env,
  });
  if (first.code !== 0) problems.push(`resumed on two ranks: ${said(first)}`);
  const last = await scanstroke(['train', '--load-cp', 'disturbed', '--num-epochs', String(EPOCHS)], {
    cwd,
    env,
  });
  if (last.code !== 0) problems.push(`resumed without MPI: ${said(last)}`);
  else if (bestHash(join(cwd, 'disturbed')) !== expected) problems.push('other bits');
  rmSync(join(cwd, 'disturbed'), { recursive: true, force: true });
  return problems;
}

/** The ranks that still run a while after mpirun has ended. */
async function remaining(cwd: string): Promise<Map<number, number>> {
  const began = performance.now();
  while (rankProcesses(cwd).size > 0 && performance.now() - began < LEAVE_MS) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return rankProcesses(cwd);
}

/** The line of scanstroke among those of the launcher. */
function said({ stderr }: Outcome): string {
  return /^scanstroke: .*$/m.exec(stderr)?.[0] ?? stderr;
}
