/** Protects resuming: a run that is killed at any moment and resumed has the same result as an undisturbed run. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';
import { scanstroke } from './command.js';

const KILLER = fileURLToPath(new URL('../../../test/e2e/kill-at-rename.mjs', import.meta.url));
const folder = temporaryFolder();
const data = writeSmallMnist(folder, 240, 40);
const settings = ['--data', data, '--hidden-size', '8', '--batch-size', '30', '--num-epochs', '2'];
const quiet = ['--train-split', '0.75', '--chart-format', 'none', '--freq-output-train', '1'];

const train = (run: string) => ['train', ...settings, ...quiet, '--saving-path', join(folder, run)];
const resume = (run: string) => ['train', '--load-cp', join(folder, run)];
const weights = (run: string) => readFileSync(join(folder, run, 'best.safetensors')).toString('base64');

async function finish(run: string): Promise<void> {
  const { code, stderr } = await scanstroke(resume(run));
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
  const { code, stderr } = await scanstroke(train('whole'));
  assert.equal(code, 0, stderr);
});

// Order of the renames: config, last; best and last of epoch 1; best and last of epoch 2 …
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
];
for (const moment of moments) {
  test(`a run killed ${moment} renames`, async () => {
    const run = moment.replace(' ', '-');
    const { signal } = await scanstroke(train(run), { node: ['--import', KILLER], env: { KILL_AT: moment } });
    assert.equal(signal, 'SIGKILL');
    await finish(run);
  });
}

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

test('Ctrl-C finishes the update, writes the checkpoint, exits with 130, and the run can be resumed', async () => {
  const { code, stderr } = await scanstroke(train('interrupted'), {
    onError: (text, child) => {
      if (/epoch 1.*\b2\/6/.test(text)) child.kill('SIGINT');
    },
  });
  assert.equal(code, 130, stderr);
  assert.match(stderr, /--load-cp/);
  await finish('interrupted');
});
