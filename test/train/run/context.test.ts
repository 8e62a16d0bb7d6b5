/** Protects runs of strokes with context: training, evaluation and resuming, also as another network's run. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSummary } from '#src/runs/run-files.js';
import { inputSettings } from '#src/train/run/begin/network-settings.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { UserError } from '#src/user-error.js';
import { FASTEST } from '../small-mnist.js';
import { smallRuns } from './small-runs.js';

const { at, checkpointOf, data, train } = smallRuns(240, 40);
const CONTEXT = {
  data: `strokes:${data}`,
  preset: 'strokes',
  numLayers: 1,
  strokePosition: true,
  strokeContext: true,
  inputSize: 31,
  augmentRotation: 10,
  augmentJitter: 0.2,
};

test('an interrupted run goes on with the same bits on any number of threads, and is evaluated', async () => {
  await train('whole', { ...CONTEXT, threads: 1 });
  await train('cut', { ...CONTEXT, threads: 2 }, 3);
  assert.ok((checkpointOf('cut').training?.state.epoch as number) < 2, 'it was interrupted');
  const loadCp = join(at('cut'), 'last.safetensors');
  await assert.rejects(
    train('cut', { ...CONTEXT, strokeContext: false, inputSize: 6, loadCp }),
    (error) => error instanceof UserError,
  );
  await train('cut', { ...CONTEXT, threads: 1, loadCp });
  const { preprocessing, parameters, model } = checkpointOf('cut');
  assert.deepEqual(parameters, checkpointOf('whole').parameters);
  assert.equal(model.inputSize, 31);
  const { strokeContext, strokePosition, strokeSort } = inputSettings(preprocessing);
  assert.deepEqual([strokeContext, strokePosition, strokeSort], [true, true, true]);
  const summary = await readSummary(at('cut'));
  const { score } = await evaluateRun(at('cut'), { data: null, part: 'test', backend: FASTEST, threads: 1 });
  assert.deepEqual(score, summary?.testScore);
});
