/** Protects the resumption of a run: an interruption at any point changes no bit of its results. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSafetensors, writeSafetensors } from 'scanstroke';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { readMetrics } from '#src/runs/run-files.js';
import type { TrainEvent } from '#src/train/events.js';
import { smallConfig } from '../../small-mnist.js';
import { dropping, lastOf, train, trainedRuns } from '../trained-runs.js';

const { at, data, checkpoint, withoutTimes } = trainedRuns();

test('a run interrupted at any point ends with the same bits as an uninterrupted run', async () => {
  await train(smallConfig(data, at('whole'), dropping));
  const stops: Record<string, (event: TrainEvent) => boolean> = {
    'at the start': (event) => event.type === 'start',
    'in the first epoch': (event) => event.type === 'progress' && event.epoch === 1 && event.batch === 4,
    'in the second': (event) => event.type === 'progress' && event.epoch === 2 && event.batch === 2,
    'in validation': (event) => event.type === 'progress' && event.phase === 'validation',
    'after an epoch': (event) => event.type === 'epoch',
    'in the last scoring': (event) => event.type === 'progress' && event.phase === 'evaluate',
  };
  for (const [name, stopWhen] of Object.entries(stops)) {
    const config = smallConfig(data, at(name), { ...dropping, threads: 1 });
    const { events } = await train(config, stopWhen);
    const last = events.at(-1);
    assert.ok(last?.type === 'stopped' && last.reason === 'interrupted', `${name}: ${last?.type}`);
    const loadCp = join(at(name), 'last.safetensors');
    const { events: rest } = await train({ ...config, loadCp });
    assert.equal(rest.at(-1)?.type, 'done');
    assert.notEqual(withoutTimes(name).temperature, undefined);
    assert.equal(checkpoint(name, 'best.safetensors'), checkpoint('whole', 'best.safetensors'), name);
    assert.deepEqual(withoutTimes(name), withoutTimes('whole'), name);
    const losses = (metrics: Awaited<ReturnType<typeof readMetrics>>) =>
      metrics.map(({ trainLoss, validationLoss, curve }) => ({ trainLoss, validationLoss, curve }));
    assert.deepEqual(losses(await readMetrics(at(name))), losses(await readMetrics(at('whole'))), name);
  }
});

test('checkpoints within an epoch do not change a bit, and a run can be resumed from one', async () => {
  await train(smallConfig(data, at('plain'), dropping));
  const often = smallConfig(data, at('often'), { ...dropping, checkpointUpdates: 2 });
  const last = join(often.savingPath, 'last.safetensors');
  const kept = at('kept.safetensors');
  await train(often, (event) => {
    // Update 7 of 9: the checkpoint after the sixth has been written.
    if (event.type === 'progress' && event.epoch === 2 && event.batch === 7) copyFileSync(last, kept);
    return false;
  });
  assert.deepEqual(withoutTimes('often'), withoutTimes('plain'));
  const { training } = decodeCheckpoint(readFileSync(kept), 'kept');
  const { epoch, losses } = (training as NonNullable<Checkpoint['training']>).state;
  assert.deepEqual([epoch, (losses as number[]).length], [2, 6]);
  const { temperature } = decodeCheckpoint(readFileSync(kept), 'kept');
  assert.equal(temperature, undefined, 'within an epoch, the weights were not validated');
  copyFileSync(join(often.savingPath, 'best.safetensors'), at('best.safetensors'));
  await train({ ...smallConfig(data, at('resumed'), dropping), loadCp: kept });
  assert.deepEqual(withoutTimes('resumed'), withoutTimes('plain'));
});

test('a checkpoint of the first version, with flat optimiser vectors, resumes with the same bits', async () => {
  await train(smallConfig(data, at('new'), dropping));
  const config = smallConfig(data, at('first version'), dropping);
  await train(config, (event) => event.type === 'progress' && event.epoch === 2 && event.batch === 3);
  const loadCp = join(config.savingPath, 'last.safetensors');
  const { tensors, metadata } = readSafetensors(readFileSync(loadCp));
  const flat = new Map([...tensors].filter(([name]) => !name.startsWith('optimizer.')));
  // PyTorch's order of the parameters.
  const order = ['lstm.weight_ih_l0', 'lstm.weight_hh_l0', 'lstm.bias_ih_l0', 'lstm.bias_hh_l0'];
  const names = [...order, ...order.map((name) => `${name}_reverse`), 'fc.weight', 'fc.bias'];
  assert.deepEqual(names.toSorted(), [...flat.keys()].toSorted());
  for (const vector of ['mean', 'variance']) {
    const parts = names.map((name) => tensors.get(`optimizer.${vector}.${name}`)?.data as Float32Array);
    const all = Float32Array.from(parts.flatMap((part) => [...part]));
    flat.set(`optimizer.${vector}`, { dtype: 'F32', shape: [all.length], data: all });
  }
  writeFileSync(loadCp, writeSafetensors(flat, metadata));
  await train({ ...config, loadCp });
  assert.deepEqual(withoutTimes('first version'), withoutTimes('new'));
});

test('the total time of a resumed run contains the time before', async () => {
  const config = smallConfig(data, at('timed'));
  await train(config);
  const { summary } = lastOf(await train({ ...config, loadCp: at('timed/last.safetensors') }));
  assert.ok(summary.totalSeconds > summary.trainSeconds);
});

test('a finished run goes on in another folder, also when nothing is left to train', async () => {
  await train(smallConfig(data, at('r1')));
  const { summary } = lastOf(
    await train({ ...smallConfig(data, at('r2')), loadCp: at('r1/last.safetensors') }),
  );
  assert.deepEqual(await readMetrics(at('r2')), await readMetrics(at('r1')));
  assert.equal(checkpoint('r2', 'best.safetensors'), checkpoint('r1', 'best.safetensors'));
  const more = { ...smallConfig(data, at('r3'), { numEpochs: 3 }), loadCp: at('r1/last.safetensors') };
  await train(more);
  const [before, after] = [await readMetrics(at('r1')), await readMetrics(at('r3'))];
  assert.deepEqual(after.slice(0, 2), before);
  assert.equal(after.length, 3);

  mkdirSync(at('alone'));
  for (const file of ['last', 'best'])
    copyFileSync(at(`r1/${file}.safetensors`), at(`alone/${file}.safetensors`));
  const alone = { ...smallConfig(data, at('r4')), loadCp: at('alone/last.safetensors') };
  const { summary: unknown } = lastOf(await train(alone));
  assert.deepEqual(unknown.testScore, summary.testScore);
  assert.deepEqual([unknown.samplesPerSecond, unknown.gflops], [0, 0], 'no epoch is recorded');
});

/** A run whose best epoch no other can surpass. */
async function perfectRun(name: string): Promise<string> {
  await train(smallConfig(data, at(name)));
  const path = at(`${name}/last.safetensors`);
  const { training, ...network } = decodeCheckpoint(readFileSync(path), name);
  assert.ok(training);
  const state = { ...training.state, best: { accuracy: 1, loss: 0, epoch: 1, reachedIn: 1 } };
  writeFileSync(path, encodeCheckpoint({ ...network, training: { ...training, state } }));
  return path;
}

test('the best epoch counts only on the validation samples that chose it', async () => {
  const loadCp = await perfectRun('perfect');
  const moved = at('moved data');
  mkdirSync(moved);
  for (const file of readdirSync(data)) {
    if (file.endsWith('ubyte')) copyFileSync(join(data, file), join(moved, file));
  }
  let folders = 0;
  const goOn = async (flags: Record<string, unknown>, from = loadCp, set = data) => {
    const savingPath = at(`perfect ${++folders}`);
    const config = { ...smallConfig(set, savingPath, { numEpochs: 3, ...flags }), loadCp: from };
    const run = await train(config);
    const notices = run.events.flatMap((event) => (event.type === 'start' ? (event.notices ?? []) : []));
    return { notices, best: lastOf(run).summary.bestEpoch, savingPath };
  };
  for (const same of [{}, { learningRate: 1e-3, threads: 2 }, { trainSplit: 0.7501 }]) {
    const { notices, best } = await goOn({ ...same, targetAccuracy: null }, loadCp, moved);
    assert.deepEqual([notices, best], [[], 1], JSON.stringify(same));
  }
  const forgotten =
    /^epoch 1, the best so far, was chosen on other validation samples: .*; the best of the epochs that follow is kept$/;
  for (const other of [{ seedNumber: 1 }, { trainSplit: 0.8 }]) {
    const { notices, best } = await goOn({ ...other, targetAccuracy: 0.99 });
    assert.match(notices.join('|'), forgotten, JSON.stringify(other));
    assert.equal(best, 3);
  }
  // Where nothing is left to train, the best network is scored on the new samples, and forgotten later.
  const scored = await goOn({ seedNumber: 1, numEpochs: 2 });
  assert.deepEqual([scored.notices, scored.best], [[], 1]);
  const later = await goOn({ seedNumber: 1 }, join(scored.savingPath, 'last.safetensors'));
  assert.match(later.notices.join('|'), forgotten);
});

test('a run does not go on with another preprocessing, which its best network perhaps has not', async () => {
  await train(smallConfig(data, at('rows')));
  const other = smallConfig(data, at('columns'), { numEpochs: 3, scan: 'columns', permute: 3 });
  await assert.rejects(
    train({ ...other, loadCp: at('rows/last.safetensors') }),
    /^UserError: train: .*last\.safetensors was trained with permute none, not 3; scan rows, not columns; .* begin a new run from the weights in best\.safetensors/,
  );
  assert.ok(!existsSync(at('columns/config.json')));
  const { events } = await train({ ...other, loadCp: at('rows/best.safetensors') });
  assert.equal(events.at(-1)?.type, 'done', 'the weights begin a new run');
});

test('numbers per class are refused for pictures, but a run that has them goes on', async () => {
  const config = smallConfig(data, at('per class'), { numEpochs: 1 });
  const perClass = '10,2,2';
  await assert.rejects(train({ ...config, perClass }), /--per-class has no effect on images; leave it out/);
  await train(config);
  const last = at('per class/last.safetensors');
  lastOf(await train({ ...config, perClass, numEpochs: 2, loadCp: last }));
});
