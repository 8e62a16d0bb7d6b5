/**
 * Protects training over MPI: two ranks have the bits of one process, also when a training goes on with another number of
 * ranks; rank 0 alone prints and writes; whatever ends one rank ends all. `npm run test:mpi` runs the whole matrix.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { availableIsas } from '#src/backends/cpu/cpu.js';
import { temporaryFolder, writeSmallMnist } from '../../train/small-mnist.js';
import { COMMAND, scanstroke } from '../command.js';
import { bestHash, missingMpi, mpiccOf, rankProcesses, runJob, startMpirun } from './mpi-job.js';

const skip = missingMpi('openmpi');
const cwd = realpathSync(temporaryFolder());
const cache = temporaryFolder();
const env = { SCANSTROKE_CACHE: cache };
mkdirSync(join(cwd, 'data'));
writeSmallMnist(join(cwd, 'data'), 300, 40);
const TRAIN = [
  'train',
  '--data',
  'data',
  '--hidden-size',
  '24',
  '--batch-size',
  '64',
  '--train-split',
  '0.75',
];
TRAIN.push(
  '--dropout-rate',
  '0.2',
  '--augment-rotation',
  '10',
  '--max-norm',
  '0.5',
  '--chart-format',
  'none',
);
const on = (ranks: number) => ({ mpi: 'openmpi' as const, ranks, cwd, env });

before(async () => {
  if (skip) return;
  const built = await scanstroke(['build', '--mpi', '--json'], {
    env: { ...env, MPICC: mpiccOf('openmpi') },
  });
  assert.equal(JSON.parse(built.stdout).compiled, true, built.stderr);
});

test('without the addon rank 0 alone says how to build it', async () => {
  const none = { SCANSTROKE_CACHE: temporaryFolder() };
  const started = (rank: string) => ({ OMPI_COMM_WORLD_SIZE: '2', OMPI_COMM_WORLD_RANK: rank });
  const [first, second] = await Promise.all(
    ['0', '1'].map((rank) => scanstroke(TRAIN, { cwd, env: { ...none, ...started(rank) } })),
  );
  assert.match(
    first.stderr,
    /^scanstroke: train: Open MPI's mpirun started .*`npx scanstroke build --mpi`.*\n$/,
  );
  assert.deepEqual([first.code, second.code, second.stderr], [2, 2, '']);
});

test('an addon that does not load is compiled again', { skip }, async () => {
  const own = { SCANSTROKE_CACHE: temporaryFolder(), MPICC: mpiccOf('openmpi') };
  const build = async () => {
    const { stdout, stderr } = await scanstroke(['build', '--mpi', '--json'], { env: own });
    assert.equal(stderr, '');
    const { addon, compiled } = JSON.parse(stdout);
    return { addon, compiled };
  };
  const { addon } = await build();
  writeFileSync(addon, 'no addon');
  assert.deepEqual(await build(), { addon, compiled: true });
  assert.deepEqual(await build(), { addon, compiled: false });
});

test('a launcher of another MPI is named', { skip }, async () => {
  const started = { OMPI_COMM_WORLD_SIZE: '2', OMPI_COMM_WORLD_RANK: '0' };
  const { code, stderr } = await scanstroke(TRAIN, { cwd, env: { ...env, ...started } });
  assert.equal(code, 2);
  assert.match(
    stderr,
    /the launcher started 2 processes, but Open MPI v\S+ sees 1: the launcher is of another MPI; use/,
  );
});

test('ranks have the bits of one process, and go on with its training', { skip }, async () => {
  const alone = await scanstroke(
    [...TRAIN, '--num-epochs', '2', '--threads', '2', '--saving-path', 'alone'],
    { cwd, env },
  );
  assert.equal(alone.code, 0, alone.stderr);

  const begun = [...TRAIN, '--threads', '1', '--saving-path', 'ranks', '--json'];
  const first = await runJob([...begun, '--num-epochs', '2', '--target-accuracy', '0.1'], on(3));
  assert.equal(JSON.parse(first.stdout).epochs, 1, first.stderr);
  assert.match(first.stderr, /^MPI: 3 ranks on \S+ train together\nquick, seed 0/);
  const second = await runJob(['train', '--load-cp', 'ranks', '--target-accuracy', 'none', '--json'], on(2));
  assert.equal(JSON.parse(second.stdout).epochs, 2, second.stderr);
  assert.equal(bestHash(join(cwd, 'ranks')), bestHash(join(cwd, 'alone')));
  const losses = (run: string) =>
    readFileSync(join(cwd, run, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).train_loss);
  assert.deepEqual(losses('ranks'), losses('alone'));
});

test('ranks with other options or other instructions are refused by name', { skip }, async () => {
  const rank = (args: string[], isa = '') => [
    '-n',
    '1',
    ...(isa ? ['-x', `SCANSTROKE_ISA=${isa}`] : []),
    process.execPath,
    COMMAND,
    ...args,
  ];
  const mixed = await startMpirun('openmpi', [...rank(TRAIN), ':', ...rank([...TRAIN, '--eps', '1e-7'])], {
    cwd,
    env,
  });
  assert.equal(mixed.code, 2);
  assert.match(
    mixed.stderr,
    /scanstroke: rank 1 on \S+: train: --eps is 1e-7 here and not given on rank 0; give/,
  );
  if (!availableIsas().includes('avx2')) return;
  const other = await startMpirun('openmpi', [...rank(TRAIN, 'baseline'), ':', ...rank(TRAIN, 'avx2')], {
    cwd,
    env,
  });
  assert.equal(other.code, 2);
  assert.match(
    other.stderr,
    /rank 0 on \S+ has the backend cpu \(SSE2\), rank 1 on \S+ has cpu \(AVX2 \+ FMA\); choose/,
  );
});

test('a rank that is killed ends the job', {
  skip: skip || (process.platform !== 'linux' && 'needs /proc'),
}, async () => {
  const args = [...TRAIN, '--num-epochs', '5000', '--threads', '1', '--saving-path', 'killed'];
  let killedAt = 0;
  const onError = (text: string) => {
    if (killedAt > 0 || !/epoch +\d+\//.test(text)) return;
    const victim = rankProcesses(cwd).get(1);
    assert.ok(victim !== undefined);
    killedAt = performance.now();
    process.kill(victim, 'SIGKILL');
  };
  const job = await runJob(args, { ...on(2), onError });
  assert.ok(killedAt > 0, job.stderr);
  assert.notEqual(job.code, 0);
  assert.ok(performance.now() - killedAt < 20_000, 'within seconds');
  assert.equal(rankProcesses(cwd).size, 0);
});
