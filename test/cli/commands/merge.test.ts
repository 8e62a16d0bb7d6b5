/**
 * Protects `scanstroke merge`: the run that it makes works with every command, says which of its parts are unseen, and a
 * failure leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { readCheckpoint } from '#src/runs/checkpoint/checkpoint-file.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';
import { temporaryFolder, writeSmallMnist } from '../../train/small-mnist.js';
import { type Outcome, runHere } from './fake-run.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

async function succeed(...args: string[]): Promise<Outcome> {
  const outcome = await runHere(args);
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome;
}

async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHere(args);
  assert.deepEqual([code, stdout], [2, ''], stderr);
  assert.match(stderr, /^scanstroke: \P{C}+\n$/u);
  return stderr;
}

const UNCLEAN =
  /the network is merged from 2, each trained on its own split: .* only the part test is unseen/;

before(async () => {
  mkdirSync(at('small'));
  writeSmallMnist(at('small'), 120, 30);
  const small = ['--data', at('small'), '--hidden-size', '4', '--num-epochs', '1', '--threads', '1'];
  const out = ['--seeds', '2', '--saving-path', at('seeds'), '--chart-format', 'none'];
  await succeed('train', '--preset', 'fast', ...small, ...out);
});

test('a folder of seeds becomes one run, which every command takes', async () => {
  const run = at('merged');
  const { stdout } = await succeed('merge', at('seeds'), '--saving-path', run);
  assert.match(stdout, /one network of 2\n {2}hidden size 8 \(2 × 4\), [\d,]+ parameters\n {2}temperature /);
  assert.match(stdout, /seed-0 +\d.* %\n.*seed-1 +\d.* %\n +mean +\d.* %\n +merged +\d+\/30 = .* %\n/);
  assert.deepEqual(readdirSync(run).sort(), ['best.safetensors', 'config.json', 'last.safetensors']);
  const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
  assert.deepEqual([config.hidden_size, config.seeds, config.preset], [8, 1, 'fast']);

  const test = await succeed('evaluate', run, '--json');
  assert.equal(JSON.parse(test.stdout).count, 30);
  assert.doesNotMatch(test.stderr, UNCLEAN);
  for (const part of ['train', 'validation']) {
    assert.match((await succeed('evaluate', run, '--part', part)).stderr, UNCLEAN);
  }
  const robust = ['--robustness', '--limit', '1', '--part', 'validation'];
  assert.match((await succeed('evaluate', run, ...robust)).stderr, UNCLEAN);

  const info = JSON.parse((await succeed('info', run, '--json')).stdout);
  assert.deepEqual(
    info.members.map(({ name }: { name: string }) => name),
    ['seeds/seed-0', 'seeds/seed-1'],
  );
  assert.match((await succeed('info', run)).stdout, /Merged from\n {2}seeds\/seed-0 {2}[0-9a-f]{64}\n/);
  await succeed('predict', run, `${at('small')}/t10k-images-idx3-ubyte:3`);
  for (const file of ['m.onnx', 'm.pt', 'm.html', 'm.c']) await succeed('export', run, '--out', at(file));
  await succeed('page', run, '--out', at('site'));

  // Trained on, it stays a merged network.
  const more = ['--load-cp', run, '--num-epochs', '1', '--chart-format', 'none'];
  const { stderr } = await succeed('train', ...more);
  assert.match(stderr, /merged from several, .* validation accuracies may be too high/);
  assert.doesNotMatch(stderr, /damaged|missing|lost/);
  assert.equal((await readCheckpoint(join(run, 'best.safetensors'))).members?.length, 2);
});

test('the trials of a sweep become one run: rows and columns', async () => {
  const sweep = at('scans');
  const small = ['--data', at('small'), '--hidden-size', '4', '--num-epochs', '1', '--threads', '1'];
  await succeed('sweep', '--preset', 'fast', ...small, '--scan', 'rows,columns', '--saving-path', sweep);
  const { stdout } = await succeed('merge', sweep, '--saving-path', at('both-scans'), '--json');
  const { members, test: score } = JSON.parse(stdout);
  assert.deepEqual(
    members.map(({ name }: { name: string }) => name),
    ['scans/trial-001', 'scans/trial-002'],
  );
  assert.equal(score.count, 30);
  const config = JSON.parse(readFileSync(join(at('both-scans'), 'config.json'), 'utf8'));
  assert.deepEqual([config.scan, config.input_size], ['both', 112]);
});

test('--json is one value; checkpoints alone have neither accuracies nor data', async () => {
  const [a, b] = ['a', 'b'].map((name) => at(`${name}.safetensors`));
  cpSync(join(at('seeds'), 'seed-0/best.safetensors'), a);
  cpSync(join(at('seeds'), 'seed-1/best.safetensors'), b);
  const out = at('alone');
  const { stdout } = await succeed('merge', a, b, '--saving-path', out, '--no-evaluate', '--json');
  const value = JSON.parse(stdout);
  assert.deepEqual([value.out, value.test, value.model.hidden_size], [out, null, 8]);
  assert.deepEqual(
    value.members.map((each: { test_accuracy: number | null }) => each.test_accuracy),
    [null, null],
  );
  const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  assert.deepEqual([config.data, config.hidden_size, 'preset' in config], ['mnist', 8, false]);
});

test('data that are gone leave the run, and a line', async () => {
  cpSync(at('seeds'), at('moved'), { recursive: true });
  for (const seed of ['seed-0', 'seed-1']) {
    const path = join(at('moved'), seed, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...config, data: at('gone') }, null, 2));
  }
  const { stdout, stderr } = await succeed('merge', at('moved'), '--saving-path', at('kept'));
  assert.match(stderr, /^not evaluated: .*gone.*\n$/);
  assert.doesNotMatch(stdout, /merged +\d/);
  assert.ok(existsSync(join(at('kept'), 'best.safetensors')));
});

test('without a temperature, none is fitted to the validation part', async () => {
  for (const [name, dropout] of [
    ['cold-a', 0],
    ['cold-b', 0.5],
  ] as const) {
    mkdirSync(at(name));
    const bytes = checkpointBytes(ROWS, { hiddenSize: 5, numClasses: 10, dropout });
    writeFileSync(join(at(name), 'best.safetensors'), bytes);
  }
  await succeed('merge', at('cold-a'), at('cold-b'), '--saving-path', at('cold'), '--no-evaluate');
  const measure = ['evaluate', at('cold'), '--data', at('small'), '--calibration'];
  const { stdout, stderr } = await succeed(...measure, '--json');
  const { calibration } = JSON.parse(stdout);
  assert.deepEqual([calibration.temperature, calibration.temperature_from], [1, 'merged']);
  assert.match(stderr, /holds no temperature, and none was fitted: members of a merged network/);
});

test('a failure leaves nothing behind', async () => {
  writeFileSync(at('three.safetensors'), checkpointBytes(ROWS, { hiddenSize: 3, numClasses: 10 }));
  writeFileSync(at('four.safetensors'), checkpointBytes(ROWS, { hiddenSize: 4, numClasses: 10 }));
  const untouched = () => (readdirSync(folder, { recursive: true }) as string[]).sort();
  const seed = join(at('seeds'), 'seed-0');
  const cases: [string[], RegExp][] = [
    [[seed], /merge: expected at least two networks, found one, .*seed-0/],
    [[seed, seed], /are the same network/],
    [
      [at('three.safetensors'), at('four.safetensors')],
      /four\.safetensors does not fit .*three\.safetensors: expected hidden size 3, found 4/,
    ],
    [[seed, at('nowhere')], /merge: .*nowhere does not exist/],
    [[seed, at('small')], /merge: .*small holds no checkpoint/],
  ];
  for (const [runs, message] of cases) {
    const before = untouched();
    assert.match(await refused('merge', ...runs, '--saving-path', at('x/y')), message);
    assert.deepEqual(untouched(), before);
  }
  const taken = await refused('merge', at('seeds'), '--saving-path', seed);
  assert.match(taken, /merge: .*seed-0 holds a run already; choose another folder \(--saving-path\)/);
});
