/** Protects resuming: a run that is killed at any moment and resumed has the same result as an undisturbed run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runHere } from '../cli/commands/fake-run.js';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';
import { COMMAND, scanstroke } from './command.js';
import { runHarness } from './kills/kill-harness.js';
import { FEW } from './kills/trial-plan.js';

const KILLER = fileURLToPath(new URL('../../../test/e2e/kill-at-rename.mjs', import.meta.url));
const folder = temporaryFolder();
const data = writeSmallMnist(folder, 240, 40);
const settings = ['--data', data, '--hidden-size', '8', '--batch-size', '30', '--num-epochs', '2'];
const quiet = '--train-split 0.75 --chart-format none --freq-output-train 1 --threads 1'.split(' ');

const train = (run: string) => ['train', ...settings, ...quiet, '--saving-path', join(folder, run)];
const resume = (run: string) => ['train', '--load-cp', join(folder, run)];
const weights = (run: string) => readFileSync(join(folder, run, 'best.safetensors')).toString('base64');

async function finish(run: string): Promise<void> {
  const { code, stderr } = await runHere(resume(run));
  assert.equal(code, 0, stderr);
  assert.equal(weights(run), weights('whole'));
  assert.deepEqual(readdirSync(join(folder, run)).sort(), readdirSync(join(folder, 'whole')).sort());
  const epochs = readFileSync(join(folder, run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n');
  assert.deepEqual(
    epochs.map((line) => JSON.parse(line).epoch),
    [1, 2],
  );
}

before(async () => {
  const { code, stderr } = await runHere(train('whole'));
  assert.equal(code, 0, stderr);
});

// Order of the renames: config, last; best under a name with its epoch, last, best of epoch 1; the same of epoch 2 …
const moments = [
  'after 1',
  'before 2',
  'after 2',
  'before 3',
  'after 3',
  'before 4',
  'after 4',
  'after 5',
  'before 6',
  'after 6',
  'before 7',
  'after 7',
  'before 8',
];
for (const moment of moments) {
  test(`a run killed ${moment} renames`, async () => {
    const run = moment.replace(' ', '-');
    const { signal } = await scanstroke(train(run), { node: ['--import', KILLER], env: { KILL_AT: moment } });
    assert.equal(signal, 'SIGKILL');
    await finish(run);
  });
}

const killed = (moment: string) => ({ node: ['--import', KILLER], env: { KILL_AT: moment } });

test('a run that is killed while it moves to another folder begins again from the old one, or is no run', async () => {
  const { signal } = await scanstroke(train('first'), killed('after 4'));
  assert.equal(signal, 'SIGKILL');
  const moved = ['none', 'unfinished', 'begun'].map((kind) => ({ kind, count: 0 }));
  // Order of the renames: the dead lock of the first folder, origin, config, metrics, best, last.
  for (const moment of ['after 1', 'after 2', 'after 3', 'after 4', 'after 5', 'after 6']) {
    const run = `moved ${moment}`;
    const move = [...resume('first'), '--saving-path', join(folder, run)];
    assert.equal((await scanstroke(move, killed(moment))).signal, 'SIGKILL', moment);
    const files = readdirSync(join(folder, run));
    const kind = files.includes('last.safetensors') ? 2 : files.includes('config.json') ? 1 : 0;
    moved[kind].count++;
    if (kind === 0) {
      const { code, stderr } = await runHere(resume(run));
      assert.equal(code, 2);
      assert.match(stderr, /holds no run/);
    }
    // The same command again, or the new folder alone.
    const again = kind === 0 || moment === 'after 4' ? move : resume(run);
    const { code, stderr } = await runHere(again);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^continues (with|in) epoch 2\b/m);
    assert.equal(weights(run), weights('whole'));
  }
  assert.ok(
    moved.every(({ count }) => count > 0),
    JSON.stringify(moved),
  );
  assert.ok(existsSync(join(folder, 'first', 'config.json')), 'the old run stays');
});

test('several seeds that move to another folder go on from their own checkpoints, also after a kill', async () => {
  await runHere([...train('seeds'), '--seeds', '2']);
  const more = ['--num-epochs', '3', '--saving-path', join(folder, 'seeds moved')];
  // Renames: the origins of both seeds, config; origin, config, metrics, best, last of the first seed.
  await scanstroke([...resume('seeds'), ...more], killed('after 8'));
  assert.ok(!existsSync(join(folder, 'seeds moved', 'seed-1', 'config.json')), 'killed in the first seed');
  const { code, stderr } = await runHere(resume('seeds moved'));
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/^continues with epoch 3$/gm)?.length, 2, stderr);
  await runHere([...resume('seeds'), '--num-epochs', '3']);
  for (const seed of ['seed-0', 'seed-1'])
    assert.equal(weights(join('seeds moved', seed)), weights(join('seeds', seed)));
});

test('a run killed between its best and its last checkpoint keeps the best that the last one knows', async () => {
  // Renames 6 and 7 are the best and the last checkpoint of epoch 2.
  await runHere([...train('one'), '--num-epochs', '1', '--schedule', 'constant']);
  await scanstroke([...train('changed'), '--schedule', 'constant'], killed('before 7'));
  assert.ok(readdirSync(join(folder, 'changed')).includes('.best.safetensors.epoch-2'));
  const { code, stderr } = await runHere([...resume('changed'), '--learning-rate', '1e-12']);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /epoch 2\/2 (?!.*best)/, 'epoch 2 is now no better than epoch 1');
  assert.equal(weights('changed'), weights('one'));
});

test('two trainings cannot go on in one folder at once, and the second says which process has it', async () => {
  await scanstroke(train('shared'), killed('after 4'));
  let second: ReturnType<typeof scanstroke> | undefined;
  // Renames: the dead lock, best of epoch 1, metrics, last; best of epoch 2. There the process suspends itself.
  const first = await scanstroke(resume('shared'), {
    ...killed('stop 5'),
    onError: (text, child) => {
      if (second || !/epoch 2.*\b6\/6/.test(text)) return;
      second = scanstroke(resume('shared'));
      second.then(() => child.kill('SIGCONT'));
    },
  });
  assert.equal(first.code, 0, first.stderr);
  const { code, stderr } = (await second) ?? assert.fail('was never started');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^scanstroke: train: .*shared is in use by process \d+ \(on host \S+, since \d\d:\d\d\); wait for it, or end it\n$/,
  );
  await finish('shared');
});

test('a run killed twice within an epoch', async () => {
  const kill = (progress: RegExp) => ({
    onError: (text: string, child: { kill(signal: 'SIGKILL'): boolean }) => {
      if (progress.test(text)) child.kill('SIGKILL');
    },
  });
  assert.equal((await scanstroke(train('updates'), kill(/epoch 1.*\b3\/6/))).signal, 'SIGKILL');
  assert.equal((await scanstroke(resume('updates'), kill(/epoch 2.*\b3\/6/))).signal, 'SIGKILL');
  await finish('updates');
});

for (const [name, signal] of [
  ['Ctrl-C', 'SIGINT'],
  ['a closed terminal', 'SIGHUP'],
] as const) {
  test(`${name} finishes the update, writes the checkpoint, exits with 130, and the run can be resumed`, async () => {
    const { code, stderr } = await scanstroke(train(signal), {
      onError: (text, child) => {
        if (/epoch 1.*\b2\/6/.test(text)) child.kill(signal);
      },
    });
    assert.equal(code, 130, stderr);
    assert.match(stderr, /--load-cp/);
    assert.ok(!readdirSync(join(folder, signal)).includes('.lock'));
    await finish(signal);
  });
}

/** Runs the command under a limit of the shell. */
function limited(limit: string, args: string[]) {
  const script = `ulimit ${limit}; exec "$@"`;
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', process.execPath, COMMAND, ...args], {
    encoding: 'utf8',
  });
  return { code: status, error: stderr.split('\n').filter((line) => line.startsWith('scanstroke:')) };
}

test('a machine that allows too few files or too little memory gives one line, and no folder stays', () => {
  const limits: [string, RegExp][] = [
    [
      '-n 100',
      /cannot start 16 threads: too many files are open; about 548 are needed: raise the limit.*--threads\)$/,
    ],
    ['-n 36', /^scanstroke: too many files are open; raise the limit, for example with `ulimit -n 1024`$/],
    ['-v 2500000', /16 threads and Node\.js need about \d+ MB of address space; the limit is 2442 MB; raise/],
  ];
  for (const [limit, message] of limits) {
    const { code, error } = limited(limit, [...train('limited'), '--threads', '16']);
    assert.equal(code, 2, error.join('\n'));
    assert.equal(error.length, 1);
    assert.match(error[0], message);
    assert.ok(!existsSync(join(folder, 'limited')));
  }
});

test('a disk that is full at the very start gives one line, and the same command works later', async () => {
  const { code, error } = limited('-f 40', train('full'));
  assert.equal(code, 2);
  assert.match(
    error.join('\n'),
    /^scanstroke: cannot write .*last\.safetensors: it is larger than .* \(EFBIG\)$/,
  );
  assert.ok(!existsSync(join(folder, 'full')));
  assert.equal((await scanstroke(train('full'))).code, 0);
  assert.equal(weights('full'), weights('whole'));
});

// `npm run kill` does the same for longer, and with more settings.
test('eight runs killed at random', async () => {
  const kills = 8;
  const { tally, findings } = await runHarness({ seed: 1, kills, folder: temporaryFolder(), limits: FEW });
  assert.deepEqual(findings, []);
  assert.ok(tally.kills >= kills);
});
