/** Protects runs with drawn digits: training, evaluation and resuming, with and without the class `none`. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSummary } from '#src/runs/run-files.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { UserError } from '#src/user-error.js';
import { FASTEST, temporaryFolder, writeSmallMnist } from '../small-mnist.js';
import { smallRuns } from './small-runs.js';

const { at, checkpointOf, data, train } = smallRuns(240, 40);
const OPTIONS = { data: null, part: 'test', backend: FASTEST, threads: 1 } as const;

test('a run with drawn digits trains on more samples, tests on the same, and is evaluated', async () => {
  await train('plain', { numEpochs: 1 });
  await train('one', { drawnShare: 0.5, numEpochs: 1, threads: 1 });
  const [plain, summary] = [await readSummary(at('plain')), await readSummary(at('one'))];
  assert.ok(plain && summary);
  assert.equal(plain.trainScore.count + plain.validationScore.count, 240);
  assert.equal(summary.trainScore.count + summary.validationScore.count, 360);
  assert.equal(summary.testScore.count, 40);
  assert.equal(summary.classes.length, 10);
  assert.notDeepEqual(checkpointOf('one').parameters, checkpointOf('plain').parameters);
  const config = JSON.parse(readFileSync(join(at('one'), 'config.json'), 'utf8'));
  assert.equal(config.drawn_share, 0.5);
  assert.deepEqual((await evaluateRun(at('one'), OPTIONS)).score, summary.testScore);
  const onValidation = await evaluateRun(at('one'), { ...OPTIONS, part: 'validation' });
  assert.deepEqual(onValidation.score, summary.validationScore);
});

test('an interrupted run goes on with the same bits; another share within an epoch is refused', async () => {
  await train('whole', { drawnShare: 0.25, noneShare: 0.25, threads: 1 });
  await train('cut', { drawnShare: 0.25, noneShare: 0.25, threads: 2 }, 3);
  assert.ok((checkpointOf('cut').training?.state.epoch as number) < 3, 'it was interrupted');
  const loadCp = join(at('cut'), 'last.safetensors');
  await assert.rejects(
    train('cut', { drawnShare: 0.5, noneShare: 0.25, loadCp }),
    (error: unknown) =>
      error instanceof UserError &&
      /number of training samples 270; now .* 315/.test(error.message) &&
      error.settings.includes('drawnShare'),
  );
  await train('cut', { drawnShare: 0.25, noneShare: 0.25, threads: 1, loadCp });
  assert.deepEqual(checkpointOf('cut').parameters, checkpointOf('whole').parameters);
  const summary = await readSummary(at('cut'));
  assert.deepEqual(summary?.classes, [...'0123456789', 'none']);
  // 240 samples, and 60 negatives and 60 drawn digits for them.
  assert.equal(summary.trainScore.count + summary.validationScore.count, 360);
});

test('strokes learn drawn digits, too', async () => {
  const strokes = { data: `strokes:${data}`, inputSize: 4, head: 'mean', numEpochs: 1, drawnShare: 0.3 };
  await train('strokes', strokes);
  const summary = await readSummary(at('strokes'));
  assert.equal(summary && summary.trainScore.count + summary.validationScore.count, 312);
});

test('a share that is none, and data that are no digits, are refused', async () => {
  await assert.rejects(
    train('wrong', { drawnShare: 2 }),
    /--drawn-share must be a number from 0 to 1, found 2/,
  );
  const letters = writeSmallMnist(temporaryFolder(), 40, 10);
  writeFileSync(join(letters, 'classes.txt'), [...'abcdefghij'].join('\n'));
  await assert.rejects(
    train('wrong', { data: letters, drawnShare: 0.1 }),
    /drawn digits: .* has the classes a, b, c, d, e, f, g, h, i, j; leave out the share of drawn digits/,
  );
});
