/** Protects runs with changed copies: more training samples, the same validation and test, evaluation and resuming. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeCheckpoint } from '#src/runs/checkpoint.js';
import { readSummary } from '#src/runs/run-files.js';
import { evaluateRun } from '#src/train/run/evaluate-run.js';
import { trainRun } from '#src/train/run/run.js';
import { FASTEST, smallConfig, temporaryFolder, writeSmallMnist } from '../small-mnist.js';

const folder = temporaryFolder();
const data = writeSmallMnist(folder, 240, 40);
const at = (name: string) => join(folder, name);
const OPTIONS = { data: null, backend: FASTEST, threads: 1 } as const;

/** @param updates after which the training is stopped */
async function train(name: string, flags: Record<string, unknown>, updates = Number.POSITIVE_INFINITY) {
  const stop = new AbortController();
  let done = 0;
  for await (const event of trainRun(smallConfig(data, at(name), { backend: FASTEST, ...flags }), {
    stop: stop.signal,
  })) {
    if (event.type === 'progress' && event.phase === 'train' && ++done >= updates) stop.abort();
  }
}

const checkpointOf = (name: string) =>
  decodeCheckpoint(readFileSync(join(at(name), 'last.safetensors')), name);

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
