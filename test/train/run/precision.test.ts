/** Protects the precision of a run: an interrupted run goes on with it, and `config.json` says what was chosen. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBackend } from '#src/backends/open-node.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { readMetrics } from '#src/runs/run-files.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { FASTEST, smallConfig } from '../small-mnist.js';
import { dropping, train, trainedRuns } from './trained-runs.js';

const { at, data, withoutTimes } = trainedRuns();

test('an interrupted run in 16 bits continues with its precision and its loss scale', async () => {
  for (const precision of ['float16', 'bfloat16'] as const) {
    const mixed = { ...dropping, useAmp: true, precision, numEpochs: 2 };
    const interrupted = `${precision}, interrupted`;
    await train(smallConfig(data, at(precision), mixed));
    const config = smallConfig(data, at(interrupted), mixed);
    await train(config, (event) => event.type === 'progress' && event.epoch === 1 && event.batch === 4);
    await train({ ...config, loadCp: join(config.savingPath, 'last.safetensors') });
    const state = withoutTimes(precision).training?.state as { lossScale: unknown; precision: string };
    const scaled = precision === 'float16';
    assert.equal(state.precision, precision);
    assert.deepEqual(state.lossScale, scaled ? { scale: 65_536, steadySteps: 18, skippedSteps: 0 } : null);
    assert.deepEqual(withoutTimes(interrupted), withoutTimes(precision));
    const [first] = await readMetrics(at(precision));
    assert.deepEqual([first.lossScale, first.skippedSteps], [scaled ? 65_536 : null, 0]);
  }
  assert.notDeepEqual(withoutTimes('bfloat16').parameters, withoutTimes('float16').parameters);
  await assert.rejects(
    train({ ...smallConfig(data, at('x'), dropping), loadCp: await interruptedMixed() }),
    /within epoch 1, with precision float16; now precision is float32; continue with precision float16/,
  );
});

test('mixed precision that a run was begun with goes on: float16 in runs of older versions', async () => {
  const asked = { ...dropping, useAmp: true, numEpochs: 2 };
  const config = smallConfig(data, at('older'), { ...asked, precision: 'float16' });
  await train(config, (event) => event.type === 'progress' && event.epoch === 1 && event.batch === 4);
  const last = join(config.savingPath, 'last.safetensors');
  const checkpoint = decodeCheckpoint(readFileSync(last), 'older');
  const { precision: _, ...state } = checkpoint.training!.state;
  checkpoint.training!.state = { ...state, useAmp: true };
  writeFileSync(last, encodeCheckpoint(checkpoint));
  await train({ ...smallConfig(data, at('older'), asked), loadCp: last });
  assert.deepEqual(withoutTimes('older'), withoutTimes('float16'));
});

test('mixed precision is bfloat16 where the processor multiplies it, and config.json says which it is', async () => {
  await train(smallConfig(data, at('mixed'), { useAmp: true, numEpochs: 1 }));
  const backend = await openBackend(FASTEST);
  const expected = backend.multipliesBfloat16 ? 'bfloat16' : 'float16';
  backend.close();
  const kept = JSON.parse(readFileSync(join(at('mixed'), 'config.json'), 'utf8'));
  assert.deepEqual([kept.use_amp, kept.precision], [true, expected]);
  const [first] = await readMetrics(at('mixed'));
  assert.equal(first.lossScale === null, expected === 'bfloat16');
  const scores = await Promise.all(
    (['float32', 'bfloat16', 'float16'] as const).map((precision) =>
      evaluateRun(at('mixed'), { data: null, part: 'test', backend: FASTEST, threads: 1, precision }),
    ),
  );
  const [loss, ...losses] = scores.map((score) => score.loss);
  for (const other of losses) {
    assert.notEqual(other, loss);
    assert.ok(Math.abs(other - loss) < 0.01 * loss, `${other}, not ${loss}`);
  }
});

/** A checkpoint within an epoch, in mixed precision. */
async function interruptedMixed(): Promise<string> {
  const config = smallConfig(data, at('mixed, half'), { ...dropping, precision: 'float16' });
  await train(config, (event) => event.type === 'progress' && event.batch === 3);
  return join(config.savingPath, 'last.safetensors');
}
