/**
 * `npm run test:mpi`: trains recipes on 1 to 4 ranks with 1 and 2 threads, over Open MPI and MPICH, and compares the best
 * checkpoints with that of one process without MPI. Then it ends ranks in every way and resumes. It takes some minutes, so
 * it is no part of the suite. `--only matrix|hosts|faults`, `--mpi openmpi|mpich` and `--recipe WORD` choose; exit code 1 means
 * a difference.
 */
import { mkdirSync, readdirSync, realpathSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeQuickdraw } from '#bench/quickdraw/make-quickdraw.js';
import { temporaryFolder, writeSmallMnist } from '../../train/small-mnist.js';
import { scanstroke } from '../command.js';
import { runFaults } from './mpi-faults.js';
import { compareHosts } from './mpi-hosts.js';
import { bestHash, type Mpi, missingMpi, mpiccOf, runJob } from './mpi-job.js';

type Flags = Record<string, string | number | true>;

const COMMON: Flags = {
  data: 'data',
  'hidden-size': 16,
  'batch-size': 72,
  'train-split': 0.75,
  'num-epochs': 2,
  'chart-format': 'none',
};

/** Batches of 72 are sums of 5 in passes of 30, the last one of an epoch is incomplete; flags beside the common ones. */
const RECIPES: Record<string, Flags> = {
  'augmented images, dropout, clipping, two layers': {
    'augment-rotation': 10,
    'augment-shift': 2,
    'augment-elastic': 1,
    'dropout-rate': 0.2,
    'layer-dropout': 0.2,
    'num-layers': 2,
    'max-norm': 0.5,
  },
  'ragged strokes, augmented': {
    data: 'strokes:data',
    preset: 'strokes',
    'hidden-size': 8,
    'batch-size': 48,
    'augment-drop': 0.1,
    'augment-resample': 0.2,
  },
  'bfloat16, accumulation, without clipping': {
    precision: 'bfloat16',
    'batch-size': 36,
    'accumulation-steps': 2,
    'max-norm': 'none',
  },
  'mixed precision, AdamW': { 'use-amp': true, optimizer: 'adamw', 'weight-decay': 0.01 },
  'float16, SGD, batches of 256': {
    precision: 'float16',
    optimizer: 'sgd',
    'batch-size': 256,
    'class-weights': 'balanced',
  },
  'WebAssembly, batches of 8': { backend: 'wasm', 'batch-size': 8, 'num-epochs': 1 },
  // Rank 0 of each job converts the files anew, while the others wait.
  'drawings on the disk': {
    data: 'drawings',
    preset: 'quickdraw',
    'per-class': '60,10,10',
    'hidden-size': 8,
    'warmup-steps': 0,
  },
  // 11 million parameters: few passes fit into memory at once.
  'several waves': {
    'sequence-length': 1,
    'input-size': 784,
    'hidden-size': 800,
    'batch-size': 240,
    'num-epochs': 1,
  },
};

const { values } = parseArgs({
  options: { only: { type: 'string' }, mpi: { type: 'string' }, recipe: { type: 'string', default: '' } },
});
const cwd = realpathSync(temporaryFolder());
const env = { SCANSTROKE_CACHE: temporaryFolder() };
mkdirSync(join(cwd, 'data'));
writeSmallMnist(join(cwd, 'data'), 300, 60);
const drawings = join(cwd, 'drawings');
await makeQuickdraw({ out: drawings, drawings: 400, classes: 4, seed: 2, format: 'bin' });
const argumentsOf = (flags: Flags) => [
  'train',
  ...Object.entries({ ...COMMON, ...flags }).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  ),
];

const implementations = (['openmpi', 'mpich'] as const).filter((mpi) => (values.mpi ?? mpi) === mpi);
const usable: Mpi[] = [];
for (const mpi of implementations) {
  const missing = missingMpi(mpi);
  if (missing) console.log(`left out: ${missing}`);
  else {
    const built = await scanstroke(['build', '--mpi'], { env: { ...env, MPICC: mpiccOf(mpi) } });
    console.log(built.stdout.trim() || built.stderr);
    usable.push(mpi);
  }
}
let failures = 0;
const wanted = (part: string) => (values.only ?? part) === part;
if (wanted('matrix')) failures += await compareAll();
if (wanted('hosts')) failures += await compareTwoHosts();
if (wanted('faults')) for (const mpi of usable) failures += await runFaults(mpi, { cwd, env });
console.log(failures === 0 ? 'all alike' : `${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;

/** @returns how many runs differ */
async function compareAll(): Promise<number> {
  let differing = 0;
  for (const [name, flags] of Object.entries(RECIPES)) {
    if (!name.includes(values.recipe)) continue;
    const alone = await scanstroke([...argumentsOf(flags), '--threads', '2', '--saving-path', 'alone'], {
      cwd,
      env,
    });
    if (alone.code !== 0) throw new Error(alone.stderr);
    const expected = bestHash(join(cwd, 'alone'));
    console.log(`${name}: without MPI, 2 threads: ${expected}`);
    for (const mpi of usable) differing += await compareRanks(flags, mpi, expected);
    rmSync(join(cwd, 'alone'), { recursive: true });
  }
  return differing;
}

/** @returns how many runs differ */
async function compareTwoHosts(): Promise<number> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.log('left out: two hosts (needs Linux and root)');
    return 0;
  }
  const [name, flags] = Object.entries(RECIPES)[0];
  const alone = await scanstroke([...argumentsOf(flags), '--threads', '2', '--saving-path', 'alone'], {
    cwd,
    env,
  });
  if (alone.code !== 0) throw new Error(alone.stderr);
  const expected = bestHash(join(cwd, 'alone'));
  rmSync(join(cwd, 'alone'), { recursive: true });
  console.log(`${name}, two hosts: ${expected}`);
  return compareHosts([...argumentsOf(flags), '--threads', '1'], { cwd, env, usable, expected });
}

async function compareRanks(flags: Flags, mpi: Mpi, expected: string): Promise<number> {
  let differing = 0;
  for (const ranks of [1, 2, 3, 4]) {
    for (const threads of [1, 2]) {
      const run = `${mpi}-${ranks}-${threads}`;
      const args = [...argumentsOf(flags), '--threads', String(threads), '--saving-path', run];
      renewDrawings();
      const job = await runJob(args, { mpi, ranks, cwd, env });
      const found = job.code === 0 ? bestHash(join(cwd, run)) : `failed: ${job.stderr}`;
      if (found !== expected) differing++;
      const verdict = found === expected ? 'the same' : found;
      console.log(`  ${mpi}, ${ranks} ranks of ${threads} threads: ${verdict}`);
      rmSync(join(cwd, run), { recursive: true, force: true });
    }
  }
  return differing;
}

/** Lets the files look new, so that what was made of them before is not used. */
function renewDrawings() {
  for (const name of readdirSync(drawings)) utimesSync(join(drawings, name), new Date(), new Date());
}
