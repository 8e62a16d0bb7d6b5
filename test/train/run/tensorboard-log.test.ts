/** Protects what a run logs for TensorBoard: the numbers of metrics.jsonl, each once, with and without interruptions. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMetrics } from '#src/runs/run-files.js';
import { defaultConfig } from '#src/train/config/run-config.js';
import type { TrainEvent } from '#src/train/events.js';
import { initialState } from '#src/train/loop.js';
import { TensorboardLog } from '#src/train/run/tensorboard-log.js';
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

test('a run that goes on with larger batches counts its updates on', async () => {
  await train('grown', { ...logging, numEpochs: 2 });
  const last = join(at('grown'), 'last.safetensors');
  await train('grown', { ...logging, batchSize: 120, loadCp: last });
  const counted = Array.from({ length: 9 + 9 + 3 }, (_, n) => n + 1);
  const curve = (await readMetrics(at('grown'))).flatMap((epoch) => epoch.curve);
  assert.deepEqual(
    curve.map(({ step }) => step),
    counted,
  );
  const stepsOf = (...tags: string[]) =>
    readEvents(join(at('grown'), 'tensorboard')).flatMap(({ tag, step }) =>
      tags.includes(tag) ? [step] : [],
    );
  assert.deepEqual(stepsOf('update/loss'), counted);
  assert.deepEqual(stepsOf('loss/validation', 'best/epoch'), [9, 18, 18, 21, 21]);
});

test('a log that cannot be written, or whose reader leaves, ends the training', async () => {
  const folder = at('broken-log');
  mkdirSync(folder);
  const config = { ...defaultConfig(), batchSize: 10 };
  const start = { folder, config, state: initialState('float32'), trainCount: 20, batchSize: 10 };
  const log = await TensorboardLog.open(start);
  await log.close();
  let ended = 0;
  async function* events(): AsyncGenerator<TrainEvent, string> {
    try {
      for (let batch = 1; ; batch++) {
        yield {
          type: 'progress',
          phase: 'train',
          epoch: 1,
          batch,
          batches: 2,
          loss: 1,
          accuracy: 0,
        } as never;
      }
    } finally {
      ended++;
    }
  }
  await assert.rejects(async () => {
    for await (const _ of log.follow(events()));
  });
  for await (const _ of log.follow(noPoints(events()))) break;
  assert.equal(ended, 2);
});

/** Events of which none is logged. */
async function* noPoints<R>(events: AsyncGenerator<TrainEvent, R>): AsyncGenerator<TrainEvent, R> {
  try {
    for await (const event of events) yield { ...event, phase: 'validation' } as TrainEvent;
  } finally {
    await events.return(undefined as R);
  }
  return undefined as R;
}

test('without --log nothing is logged', async () => {
  await train('plain', { numEpochs: 1 });
  assert.ok(!existsSync(join(at('plain'), 'tensorboard')));
});
