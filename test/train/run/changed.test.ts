/** Protects runs with changed copies: more training samples, the same validation and test, evaluation and resuming. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSummary } from '#src/runs/run-files.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { FASTEST } from '../small-mnist.js';
import { smallRuns } from './small-runs.js';

const { at, checkpointOf, train } = smallRuns(240, 40);
const OPTIONS = { data: null, backend: FASTEST, threads: 1 } as const;

test('copies are trained on, and validation has none of them', async () => {
  await train('plain', { numEpochs: 1 });
  await train('copies', { changedShare: 0.5, numEpochs: 1, threads: 1 });
  const [plain, summary] = [await readSummary(at('plain')), await readSummary(at('copies'))];
  assert.ok(plain && summary);
  assert.equal(summary.validationScore.count, plain.validationScore.count);
  assert.equal(summary.testScore.count, 40);
  const copies = summary.trainScore.count - plain.trainScore.count;
  assert.ok(copies > 60 && copies < 120, `${copies} copies of training samples`);
  assert.notDeepEqual(checkpointOf('copies').parameters, checkpointOf('plain').parameters);
  for (const [part, score] of [
    ['test', summary.testScore],
    ['validation', summary.validationScore],
    ['train', summary.trainScore],
  ] as const) {
    assert.deepEqual((await evaluateRun(at('copies'), { ...OPTIONS, part })).score, score);
  }
});

test('an interrupted run goes on with the same bits', async () => {
  await train('whole', { changedShare: 0.25, noneShare: 0.25, threads: 1 });
  await train('cut', { changedShare: 0.25, noneShare: 0.25, threads: 2 }, 3);
  assert.ok((checkpointOf('cut').training?.state.epoch as number) < 3, 'it was interrupted');
  const loadCp = join(at('cut'), 'last.safetensors');
  await train('cut', { changedShare: 0.25, noneShare: 0.25, loadCp });
  assert.deepEqual(checkpointOf('cut').parameters, checkpointOf('whole').parameters);
});

test('with two sets of copies the second epoch reads other ones; the run goes on with the same bits', async () => {
  const options = { changedShare: 0.25, noneShare: 0.25, madeSets: 2 };
  await train('first of one', { ...options, madeSets: 1, numEpochs: 1, schedule: 'constant' });
  await train('first of two', { ...options, numEpochs: 1, schedule: 'constant' });
  assert.deepEqual(checkpointOf('first of two').parameters, checkpointOf('first of one').parameters);
  await train('two', { ...options, threads: 1 });
  assert.notDeepEqual(checkpointOf('two').parameters, checkpointOf('whole').parameters);
  await train('two, cut', { ...options, threads: 2 }, 3);
  await train('two, cut', { ...options, loadCp: join(at('two, cut'), 'last.safetensors') });
  assert.deepEqual(checkpointOf('two, cut').parameters, checkpointOf('two').parameters);
  const summary = await readSummary(at('two'));
  const { score } = await evaluateRun(at('two'), { ...OPTIONS, part: 'train' });
  assert.deepEqual(summary?.trainScore, score, 'the samples of the first set');
});
