/** Protects runs with the class `none`: training, report, evaluation and resuming. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { test } from 'node:test';
import { readSummary } from '#src/runs/run-files.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { FASTEST, writeSmallMnist } from '../small-mnist.js';
import { smallRuns } from './small-runs.js';

const { at, checkpointOf, data, train } = smallRuns(240, 40);
const OPTIONS = { data: null, part: 'test', backend: FASTEST, threads: 1 } as const;

test('a run with the class none trains, reports what it refuses, and is evaluated', async () => {
  await train('one', { noneShare: 0.5, threads: 1 });
  const summary = await readSummary(at('one'));
  assert.ok(summary?.refusals);
  const { test: digits, negatives, kinds } = summary.refusals;
  assert.deepEqual([...'0123456789', 'none'], summary.classes);
  assert.equal(digits.count, 40);
  assert.equal(negatives.count, 140);
  assert.equal(
    negatives.refused,
    kinds.reduce((sum, { refused }) => sum + refused, 0),
  );
  assert.ok(negatives.refused > 20, 'two epochs teach something about blanks and textures');
  assert.equal(summary.trainScore.count + summary.validationScore.count, 360);
  assert.equal(checkpointOf('one').model.numClasses, 11);
  const config = JSON.parse(readFileSync(join(at('one'), 'config.json'), 'utf8'));
  assert.equal(config.none_share, 0.5);
  assert.match(readFileSync(join(at('one'), 'summary.json'), 'utf8'), /"kind": ?"letters"/);

  const onTest = await evaluateRun(at('one'), OPTIONS);
  assert.deepEqual(onTest.score, summary.testScore);
  assert.deepEqual(onTest.refused, digits);
  const onValidation = await evaluateRun(at('one'), { ...OPTIONS, part: 'validation' });
  assert.deepEqual(onValidation.score, summary.validationScore);
  assert.ok(
    onValidation.confusionMatrix[10].some((count) => count > 0),
    'negatives are validated with',
  );
  // Its data in other words.
  const onData = await evaluateRun(at('one'), { ...OPTIONS, data: `${data}/` });
  assert.deepEqual(onData.score, summary.testScore);
});

test('data that are named in other words are the data of the run, split as they were', async () => {
  await train('named', { noneShare: 0.5, numEpochs: 1 });
  const summary = await readSummary(at('named'));
  const validation = { ...OPTIONS, part: 'validation' } as const;
  for (const name of [`${data}/`, `${data}/../${basename(data)}`, relative('.', data)]) {
    const { score, notices } = await evaluateRun(at('named'), { ...validation, data: name });
    assert.deepEqual([score, notices], [summary?.validationScore, []], name);
  }
  const copy = at('copy');
  mkdirSync(copy);
  writeSmallMnist(copy, 240, 40);
  const { notices } = await evaluateRun(at('named'), { ...validation, data: copy });
  assert.match(notices.join(), /^.*copy is not the data of the run, .*: its training samples are split anew/);
  assert.deepEqual((await evaluateRun(at('named'), { ...OPTIONS, data: copy })).notices, []);
});

test('without the option there is no class none, and other data with one are refused by a network without', async () => {
  await train('plain', { numEpochs: 1 });
  const summary = await readSummary(at('plain'));
  assert.equal(summary?.refusals, null);
  assert.equal(summary?.classes.length, 10);
  assert.equal((await evaluateRun(at('plain'), OPTIONS)).refused, null);
  await assert.rejects(
    train('changed', { noneShare: 0.5, loadCp: join(at('plain'), 'last.safetensors'), numEpochs: 2 }),
    /number of classes 10, not 11/,
  );
});

test('an interrupted run goes on with the same bits, on any number of threads', async () => {
  await train('whole', { noneShare: 0.25, threads: 1 });
  await train('cut', { noneShare: 0.25, threads: 2 }, 3);
  assert.ok((checkpointOf('cut').training?.state.epoch as number) < 3, 'it was interrupted');
  await train('cut', { noneShare: 0.25, threads: 1, loadCp: join(at('cut'), 'last.safetensors') });
  assert.deepEqual(checkpointOf('cut').parameters, checkpointOf('whole').parameters);
  await assert.rejects(
    train('whole', { noneShare: -1 }),
    /--none-share must be a number from 0 to 1, found -1/,
  );
});

test('strokes learn the class none, too', async () => {
  const strokes = { data: `strokes:${data}`, inputSize: 4, head: 'mean', numEpochs: 1, noneShare: 0.3 };
  await train('strokes', strokes);
  const summary = await readSummary(at('strokes'));
  assert.equal(summary?.refusals?.negatives.count, 140);
  assert.ok(summary?.refusals?.kinds.every(({ kind }) => kind !== 'blanks'));
});
