/** Protects what a run logs for TensorBoard: the numbers of metrics.jsonl, each once, with and without interruptions. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMetrics } from '#src/runs/run-files.js';
import { readEvents } from '../../runs/event-reader.js';
import { smallRuns } from './small-runs.js';

const { at, train } = smallRuns(480, 40); // 360 for training: nine updates of 40 per epoch
const logging = { log: ['tensorboard'], numEpochs: 3, dropoutRate: 0.3 };

/** Scalars as `tag@step: value`, without times and speeds, each as often as it is logged. */
function scalarsOf(run: string): string[] {
  return readEvents(join(at(run), 'tensorboard'))
    .filter(({ tag, number }) => number !== undefined && !/second/.test(tag))
    .map(({ step, tag, number }) => `${tag}@${step}: ${number?.toPrecision(5)}`)
    .sort();
}

test('scalars are those of metrics.jsonl; settings are text and hyperparameters', async () => {
  await train('whole', logging);
  const values = readEvents(join(at('whole'), 'tensorboard'));
  const numbers = (tag: string) => values.filter((value) => value.tag === tag).map(({ number }) => number);
  const metrics = await readMetrics(at('whole'));
  assert.deepEqual(
    numbers('loss/validation'),
    metrics.map(({ validationLoss }) => Math.fround(validationLoss)),
  );
  const curve = metrics.flatMap((epoch) => epoch.curve);
  const logged = values.filter(({ tag }) => tag === 'update/loss');
  assert.deepEqual(
    logged.map(({ step }) => step),
    curve.map(({ step }) => step),
  );
  for (const [i, { number }] of logged.entries())
    assert.ok(Math.abs(number! - curve[i].loss) < 1e-6 * curve[i].loss);
  assert.equal(numbers('best/test_accuracy').length, 1);
  assert.match(values.find(({ tag }) => tag === 'settings')?.text ?? '', /\| hidden_size \| 12 \|/);
  const start = values.find(({ tag }) => tag === '_hparams_/session_start_info');
  const plugin = Buffer.from(start?.plugin ?? []).toString('latin1');
  assert.match(plugin, /hidden_size/);
  assert.doesNotMatch(plugin, /saving_path|threads|chart_format/);
});

test('a run that goes on logs every value once, also of epochs that were lost', async () => {
  await train('stopped', logging, 17); // in epoch 2
  const last = join(at('stopped'), 'last.safetensors');
  await train('stopped', { ...logging, loadCp: last });
  assert.equal(readdirSync(join(at('stopped'), 'tensorboard')).length, 2);
  assert.deepEqual(scalarsOf('stopped'), scalarsOf('whole'));
});

test('without --log nothing is logged', async () => {
  await train('plain', { numEpochs: 1 });
  assert.ok(!existsSync(join(at('plain'), 'tensorboard')));
});
