/**
 * Protects the way that docs/quickdraw.md describes: files of drawings, one a class, are converted and trained on from the
 * disk; the same bits for any number of threads and after an interruption; the network reads a new drawing.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { madeDrawing, ndjsonLine } from '#bench/quickdraw/made-drawings.js';
import { makeQuickdraw } from '#bench/quickdraw/make-quickdraw.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { scanstroke } from './command.js';

const cwd = temporaryFolder();
const env = { SCANSTROKE_CACHE: join(cwd, 'cache') };
const TRAIN = [
  ...['train', '--preset', 'quickdraw', '--data', 'drawings', '--per-class', '60,10,10', '--backend', 'wasm'],
  ...[
    '--hidden-size',
    '8',
    '--num-epochs',
    '2',
    '--batch-size',
    '16',
    '--warmup-steps',
    '0',
    '--chart-format',
    'none',
  ],
];
const hashOf = (run: string, file = 'best.safetensors') =>
  createHash('sha256')
    .update(readFileSync(join(cwd, run, file)))
    .digest('hex');

before(() =>
  makeQuickdraw({ out: join(cwd, 'drawings'), drawings: 400, classes: 4, seed: 2, format: 'bin' }),
);

async function run(...args: string[]) {
  const outcome = await scanstroke(args, { cwd, env });
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome;
}

test('drawings on the disk: same bits for any threads and after an interruption; new drawings are read', async () => {
  const outcome = await run(...TRAIN, '--threads', '1', '--saving-path', 'one', '--json');
  const summary = JSON.parse(outcome.stdout);
  assert.deepEqual([summary.stopped_by, summary.epochs, summary.test_score.count], ['epochs', 2, 40]);
  assert.equal(summary.reversed_score.count, 40);
  await run(...TRAIN, '--threads', '3', '--saving-path', 'three');
  assert.equal(hashOf('three'), hashOf('one'));

  let isStopped = false;
  const stopped = await scanstroke([...TRAIN, '--saving-path', 'stopped', '--freq-output-train', '1'], {
    cwd,
    env,
    onError: (text, child) => {
      if (isStopped || !/epoch 1/i.test(text)) return;
      isStopped = true;
      child.kill('SIGINT');
    },
  });
  assert.ok(isStopped, stopped.stderr);
  await run(
    'train',
    '--config',
    join('stopped', 'config.json'),
    '--load-cp',
    'stopped',
    '--saving-path',
    'stopped',
  );
  assert.equal(hashOf('stopped'), hashOf('one'));

  const scores = JSON.parse((await run('evaluate', 'one', '--json')).stdout);
  assert.equal(scores.accuracy, summary.test_accuracy);
  writeFileSync(join(cwd, 'new.ndjson'), ndjsonLine(madeDrawing(2, 1, 1000), 1, 1000));
  const answers = JSON.parse((await run('predict', 'one', 'new.ndjson', '--json')).stdout);
  assert.equal(JSON.stringify(answers).includes('figure'), true);
});

test('drawings on the disk are refused where pictures are needed, before anything is read', async () => {
  const { code, stderr } = await scanstroke(['evaluate', 'one', '--robustness'], { cwd, env });
  assert.equal(code, 2, stderr);
  assert.match(
    stderr,
    /^scanstroke: evaluate --robustness: .*stay on the disk.*choose the stroke order tour or pen/m,
  );
});

test('what does not fit together is refused with the way out', async () => {
  const refusals: [RegExp, string[]][] = [
    [/such as 70000,2500,2500; found "5"/, [...TRAIN, '--per-class', '5']],
    [/order points needs such/, ['train', '--preset', 'quickdraw', '--data', 'mnist', '--per-class', 'none']],
    [
      /stroke order points only/,
      ['train', '--preset', 'strokes', '--data', 'drawings', '--per-class', '1,1,1'],
    ],
    [/cannot read .*quickdraw/, ['train', '--preset', 'quickdraw']],
    [/negatives/, [...TRAIN, '--none-share', '0.1']],
  ];
  for (const [message, args] of refusals) {
    const { code, stderr } = await scanstroke(args, { cwd, env });
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
  }
});
