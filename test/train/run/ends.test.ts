/** Protects the ends of a run: by a loss that is not finite, early, by a stop; and what may follow a run that ended. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from 'scanstroke';
import { readSummary } from '#src/runs/run-files.js';
import type { TrainEvent } from '#src/train/events.js';
import { trainRun } from '#src/train/run/run.js';
import { smallConfig, temporaryFolder, writeSmallMnist } from '../small-mnist.js';
import { train, trainedRuns } from './trained-runs.js';

const { at, data, checkpoint } = trainedRuns();

test('a loss that is not finite ends the run with epoch and update, and keeps the last good checkpoint', async () => {
  const config = smallConfig(data, at('divergent'), {
    optimizer: 'sgd',
    schedule: 'constant',
    maxNorm: 'none',
  });
  const events: TrainEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const event of trainRun(
        { ...config, learningRate: 1e38 },
        { stop: new AbortController().signal },
      )) {
        events.push(event);
      }
    },
    (error) =>
      error instanceof UserError &&
      /epoch 1, update \d.*last\.safetensors/.test(error.message) &&
      error.settings.includes('learningRate'),
  );
  assert.equal(events[0].type, 'start');
  const { events: again } = await train({
    ...config,
    learningRate: 0.01,
    loadCp: join(at('divergent'), 'last.safetensors'),
  });
  assert.equal(again.at(-1)?.type, 'done');
});

test('patience and target accuracy end a run early, and a resumed run does not continue', async () => {
  const still = { learningRate: 1e-12, numEpochs: 9, patience: 2 };
  const { events } = await train(smallConfig(data, at('patient'), still));
  assert.equal(events.filter(({ type }) => type === 'epoch').length, 3);
  assert.ok(events.some((event) => event.type === 'stopped' && event.reason === 'patience'));
  const loadCp = join(at('patient'), 'last.safetensors');
  const { events: resumed } = await train({ ...smallConfig(data, at('patient'), still), loadCp });
  assert.equal(resumed.filter(({ type }) => type === 'epoch').length, 0);

  const easy = { targetAccuracy: 0.01, numEpochs: 9 };
  const { events: quick } = await train(smallConfig(data, at('easy'), easy));
  assert.ok(quick.some((event) => event.type === 'stopped' && event.reason === 'target-accuracy'));
  assert.equal(quick.filter(({ type }) => type === 'epoch').length, 1);
});

test('a finished run that trains on loses its old results, and keeps them if nothing is left', async () => {
  const config = { ...smallConfig(data, at('on')), loadCp: at('on/last.safetensors') };
  await train(smallConfig(data, at('on')));
  mkdirSync(at('on/charts'));
  for (const file of ['report.html', 'charts/loss.svg', 'charts/mistakes.pdf', 'charts/mine.svg'])
    writeFileSync(at(`on/${file}`), '');
  await train(config, ({ type }) => type === 'start');
  assert.equal((await readSummary(at('on'))).epochs, 2);
  assert.ok(existsSync(at('on/report.html')) && existsSync(at('on/charts/loss.svg')));

  const more = { ...config, numEpochs: 4 };
  await train(more, (event) => event.type === 'epoch');
  for (const file of ['summary.json', 'report.html']) assert.ok(!existsSync(at(`on/${file}`)), file);
  assert.deepEqual(readdirSync(at('on/charts')), ['mine.svg'], 'what no report has written stays');
  await train(more);
  assert.equal((await readSummary(at('on'))).epochs, 4);

  const still = { learningRate: 1e-12, numEpochs: 9, patience: 1 };
  await train(smallConfig(data, at('still'), still));
  const ended = { ...smallConfig(data, at('still'), still), loadCp: at('still/last.safetensors') };
  await train(ended);
  assert.equal((await readSummary(at('still'))).stoppedBy, 'patience', 'made again');
});

test('a new training can start from the weights of a best checkpoint', async () => {
  await train(smallConfig(data, at('teacher'), { numEpochs: 1 }));
  const loadCp = join(at('teacher'), 'best.safetensors');
  const { events } = await train({ ...smallConfig(data, at('pupil'), { numEpochs: 1 }), loadCp });
  assert.equal(events.filter(({ type }) => type === 'epoch').length, 1);
  assert.notEqual(checkpoint('pupil', 'best.safetensors'), checkpoint('teacher', 'best.safetensors'));
});

test('a stop while strokes are made ends their threads at once, and nothing is written', async () => {
  const data = join(temporaryFolder(), 'digits');
  mkdirSync(data);
  writeSmallMnist(data, 20_000, 1000);
  const before = process.env.SCANSTROKE_CACHE;
  process.env.SCANSTROKE_CACHE = join(data, 'cache');
  try {
    const folder = join(data, 'run');
    const stop = new AbortController();
    const config = smallConfig(`strokes:${data}`, folder);
    const run = trainRun(config, { stop: stop.signal });
    const { value: first } = await run.next();
    assert.ok(first && 'type' in first && first.type === 'loading' && first.done < first.total);
    stop.abort();
    const reason: unknown = stop.signal.reason;
    await assert.rejects(
      async () => {
        for await (const { type } of run) assert.equal(type, 'loading');
      },
      (error) => error === reason,
    );
    assert.equal(existsSync(folder), false);
    assert.equal(existsSync(join(data, 'cache')), false);
  } finally {
    if (before === undefined) delete process.env.SCANSTROKE_CACHE;
    else process.env.SCANSTROKE_CACHE = before;
  }
});
