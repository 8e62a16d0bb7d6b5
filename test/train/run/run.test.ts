/** Protects runs: an interrupted run loses nothing; a failed run reports the cause and keeps the last good checkpoint. */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openRecognizer, readSafetensors, UserError, writeSafetensors } from 'scanstroke';
import { openBackend } from '#src/backends/open-node.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint.js';
import { readMetrics, readSummary } from '#src/runs/run-files.js';
import type { Picture } from '#src/runs/run-folder.js';
import { lockRun } from '#src/runs/run-lock.js';
import { holdsRun } from '#src/runs/run-path.js';
import type { TrainEvent } from '#src/train/events.js';
import { evaluateRun } from '#src/train/run/evaluate-run.js';
import { trainRun } from '#src/train/run/run.js';
import { FASTEST, smallConfig, temporaryFolder, writeSmallMnist } from '../small-mnist.js';

const folder = temporaryFolder();
const data = writeSmallMnist(folder, 480, 40); // 360 for training: nine updates of 40 per epoch
const at = (name: string) => join(folder, name);

/** Runs to the end, or until `stopWhen` returns true. */
async function train(
  config: ReturnType<typeof smallConfig>,
  stopWhen: (event: TrainEvent) => boolean = () => false,
) {
  const stop = new AbortController();
  const events: TrainEvent[] = [];
  const run = trainRun(config, { stop: stop.signal });
  let next = await run.next();
  for (; !next.done; next = await run.next()) {
    events.push(next.value);
    if (stopWhen(next.value)) stop.abort();
  }
  return { events, end: next.value };
}

/** The end of a run that was not interrupted. */
function lastOf({ events }: Awaited<ReturnType<typeof train>>) {
  const last = events.at(-1);
  assert.ok(last?.type === 'done');
  return last;
}

function checkpoint(run: string, file: string): string {
  return readFileSync(join(at(run), file)).toString('base64');
}

/** The content of a checkpoint that must not depend on interruptions: everything except times. */
function withoutTimes(run: string): Checkpoint {
  const last = decodeCheckpoint(readFileSync(join(at(run), 'last.safetensors')), run);
  Object.assign(last.training?.state ?? {}, { epochSeconds: 0, trainSeconds: 0, joules: 0 });
  return last;
}

const dropping = { dropoutRate: 0.3, schedule: 'one-cycle', numEpochs: 3 };

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

test('the summary, an evaluation of the run and its mistakes agree', async () => {
  const { events, end } = await train(smallConfig(data, at('agree'), { numEpochs: 1 }));
  const done = events.at(-1);
  assert.ok(done?.type === 'done');
  assert.equal(done.summary.backend, FASTEST);
  for (const backend of [...new Set([FASTEST, 'wasm', 'reference'] as const)]) {
    const options = { data: null, part: 'test', backend, threads: 2 } as const;
    const { score, loss, confusionMatrix } = await evaluateRun(at('agree'), options);
    assert.deepEqual(score, done.summary.testScore);
    assert.deepEqual(confusionMatrix, done.summary.confusionMatrix);
    assert.ok(Math.abs(loss - done.summary.testLoss) < 1e-6);
  }
  const validation = { data: null, part: 'validation', backend: FASTEST, threads: null } as const;
  assert.deepEqual((await evaluateRun(at('agree'), validation)).score, done.summary.validationScore);
  assert.equal(end.mistakes.length, Math.min(30, 40 - done.summary.testScore.correct));
  assert.equal(end.calibration?.after.accuracy, done.summary.testAccuracy);
  const options = { data: null, part: 'test', backend: FASTEST, threads: 1, calibration: true } as const;
  const { before, after, temperature } = (await evaluateRun(at('agree'), options)).calibration ?? {};
  assert.deepEqual({ before, after, temperature }, end.calibration);

  const best = readFileSync(join(at('agree'), 'best.safetensors'));
  const computing = await openBackend('reference');
  using recognizer = openRecognizer(best, computing, { name: 'agree' });
  assert.equal(recognizer.info.temperature, temperature);
  for (const { picture, predicted, confidence } of end.mistakes.slice(0, 5)) {
    const [answer] = await recognizer.recognize([{ kind: 'picture', ...(picture as Picture) }]);
    const probability = answer?.probabilities[predicted] ?? Number.NaN;
    assert.ok(Math.abs(probability - confidence) < 1e-5, 'a mistake has the probability of a recognition');
  }
});

test('the temperature is the same for any number of threads, and an evaluation fits the same', async () => {
  for (const threads of [1, 2]) {
    await train(smallConfig(data, at(`${threads} threads`), { numEpochs: 2, threads }));
  }
  const temperatureOf = (run: string, file: string) =>
    decodeCheckpoint(readFileSync(join(at(run), file)), file).temperature;
  const temperature = temperatureOf('1 threads', 'best.safetensors');
  assert.ok(temperature !== undefined && temperature !== 1);
  assert.equal(temperatureOf('2 threads', 'best.safetensors'), temperature);
  assert.equal(
    temperatureOf('2 threads', 'last.safetensors'),
    temperatureOf('1 threads', 'last.safetensors'),
  );

  const options = { data: null, part: 'test', backend: FASTEST, threads: 2, calibration: true } as const;
  const kept = await evaluateRun(at('1 threads'), options);
  assert.deepEqual([kept.calibration?.temperature, kept.calibration?.source], [temperature, 'checkpoint']);
  const path = join(at('1 threads'), 'best.safetensors');
  const { temperature: _, ...older } = decodeCheckpoint(readFileSync(path), 'best');
  writeFileSync(path, encodeCheckpoint(older));
  for (const part of ['test', 'validation'] as const) {
    const { calibration } = await evaluateRun(at('1 threads'), { ...options, part });
    assert.deepEqual([calibration?.temperature, calibration?.source], [temperature, 'validation'], part);
    assert.equal(calibration?.folder, at('1 threads'));
  }
  const again = await evaluateRun(at('1 threads'), options);
  assert.deepEqual(again.calibration?.after, kept.calibration?.after);
  assert.equal(again.loss, kept.loss, 'the loss is that of the logits');
  const likelihood = kept.calibration?.before.negativeLogLikelihood ?? Number.NaN;
  assert.ok(Math.abs(likelihood - kept.loss) < 1e-6, `${likelihood}, not ${kept.loss}`);

  const other = join(at('other-data'));
  mkdirSync(other);
  writeSmallMnist(other, 300, 60);
  const elsewhere = await evaluateRun(at('1 threads'), { ...options, data: other });
  assert.equal(elsewhere.score.count, 60);
  assert.equal(elsewhere.calibration?.temperature, temperature, 'fitted to the validation part of the run');
  copyFileSync(path, at('alone.safetensors'));
  const alone = await evaluateRun(at('alone.safetensors'), { ...options, data });
  const { source, folder: none, temperature: one } = alone.calibration ?? {};
  assert.deepEqual([source, none, one], ['none', null, 1]);
});

/** The parts on which the best state was scored at the end. */
function scoredParts({ events }: Awaited<ReturnType<typeof train>>): Set<string | undefined> {
  return new Set(
    events.flatMap((event) => (event.type === 'progress' && event.phase === 'evaluate' ? [event.part] : [])),
  );
}

test('the validation that chose the best epoch is not repeated, except after a resumption', async () => {
  const config = smallConfig(data, at('chosen'), { numEpochs: 2 });
  const whole = await train(config);
  assert.deepEqual([...scoredParts(whole)], ['train', 'test']);
  const again = await train({ ...config, loadCp: join(config.savingPath, 'last.safetensors') });
  assert.deepEqual([...scoredParts(again)], ['train', 'validation', 'test']);
  assert.deepEqual(lastOf(again).summary.validationScore, lastOf(whole).summary.validationScore);
});

test('a checkpoint of another architecture, optimiser or kind is refused in one line', async () => {
  await train(smallConfig(data, at('origin'), { numEpochs: 1 }));
  const loadCp = join(at('origin'), 'last.safetensors');
  const attempts: [Record<string, unknown>, RegExp][] = [
    [{ hiddenSize: 13 }, /hidden size 12, not 13;/],
    [{ head: 'mean' }, /head flatten, not mean/],
    [{ optimizer: 'sgd' }, /optimizer adam, but sgd/],
  ];
  for (const [flags, message] of attempts) {
    const config = { ...smallConfig(data, at('refused'), { ...flags, numEpochs: 2 }), loadCp };
    await assert.rejects(train(config), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      // The command line adds the flags of these settings.
      assert.ok(error.settings.includes(Object.keys(flags)[0]), `${error.settings}`);
      return true;
    });
    assert.ok(!existsSync(at('refused')), 'nothing is left behind');
  }
  writeFileSync(at('torn.safetensors'), readFileSync(loadCp).subarray(0, 5000));
  const torn = { ...smallConfig(data, at('refused')), loadCp: at('torn.safetensors') };
  await assert.rejects(
    train(torn),
    (error) => error instanceof UserError && /torn\.safetensors/.test(error.message),
  );
});

test('a best checkpoint with which the run could not end is kept aside, and replaced', async () => {
  await train(smallConfig(data, at('beside'), { numEpochs: 1 }));
  await train(smallConfig(data, at('larger'), { numEpochs: 1, hiddenSize: 13 }));
  const best = at('beside/best.safetensors');
  const [before, foreign] = [readFileSync(best), readFileSync(at('larger/best.safetensors'))];
  writeFileSync(best, foreign);
  const again = await train({
    ...smallConfig(data, at('beside'), { numEpochs: 1 }),
    loadCp: at('beside/last.safetensors'),
  });
  assert.match(
    noticesOf(again)[0],
    /best\.safetensors is of another architecture: hidden size 13, not \d+; it is kept as .*damaged-1; it was/,
  );
  assert.deepEqual(readFileSync(best), before);
  assert.deepEqual(readFileSync(at('beside/best.safetensors.damaged-1')), foreign);
});

test('a run that goes on in another folder takes its best checkpoint along, whatever lies there', async () => {
  await train(smallConfig(data, at('moved'), { numEpochs: 1 }));
  mkdirSync(at('elsewhere'));
  writeFileSync(
    at('elsewhere/best.safetensors'),
    readFileSync(at('moved/best.safetensors')).subarray(0, 5000),
  );
  const config = { ...smallConfig(data, at('elsewhere')), loadCp: at('moved/last.safetensors') };
  await train(config, ({ type }) => type === 'start');
  assert.equal(checkpoint('elsewhere', 'best.safetensors'), checkpoint('moved', 'best.safetensors'));
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

/** The lines for the user at the start of a run. */
function noticesOf({ events }: Awaited<ReturnType<typeof train>>): string[] {
  return events.flatMap((event) => (event.type === 'start' ? (event.notices ?? []) : []));
}

test('a best checkpoint that is lost is written again, or replaced by the best that is left, with a notice', async (t) => {
  await train(smallConfig(data, at('lost')));
  const before = checkpoint('lost', 'best.safetensors');
  const again = { ...smallConfig(data, at('lost')), loadCp: at('lost/last.safetensors') };
  rmSync(at('lost/best.safetensors'));
  assert.match(
    noticesOf(await train(again))[0],
    /best\.safetensors is missing; it was written again from last\.safetensors, which has the same weights$/,
  );
  assert.equal(checkpoint('lost', 'best.safetensors'), before);

  const torn = Buffer.from(before, 'base64').subarray(0, 5000);
  writeFileSync(at('lost/best.safetensors'), torn);
  const [notice] = noticesOf(await train({ ...again, savingPath: at('found') }));
  assert.match(notice, /lost.best\.safetensors.*; it was written again/);
  assert.equal(checkpoint('found', 'best.safetensors'), before);
  await train(again);
  assert.deepEqual(readFileSync(at('lost/best.safetensors.damaged-1')), torn);
  assert.equal(checkpoint('lost', 'best.safetensors'), before);

  const whole = decodeCheckpoint(readFileSync(at('lost/last.safetensors')), 'lost');
  const state = { ...whole.training?.state, best: { accuracy: 0.99, loss: 0.1, epoch: 1 } };
  const optimizer = whole.training?.optimizer ?? new Map();
  writeFileSync(at('lost/last.safetensors'), encodeCheckpoint({ ...whole, training: { optimizer, state } }));
  rmSync(at('lost/best.safetensors'));
  const { rename } = fs;
  const full = Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'rename' });
  const disk = t.mock.method(fs, 'rename', (from: string, to: string) =>
    to.endsWith('last.safetensors') ? Promise.reject(full) : rename(from, to),
  );
  await assert.rejects(train(again), UserError);
  disk.mock.restore();
  // If a best checkpoint had been written before the last one, it would now be taken for that of epoch 1.
  const run = await train(again);
  assert.match(
    noticesOf(run)[0],
    /is missing; the weights of epoch 1, the best so far, are lost; epoch 2, whose weights are in last/,
  );
  assert.equal(lastOf(run).summary.bestEpoch, 2);

  const config = smallConfig(data, at('half lost'), { numEpochs: 3 });
  await train(config, (event) => event.type === 'progress' && event.epoch === 2 && event.batch === 2);
  rmSync(at('half lost/best.safetensors'));
  const rest = await train({ ...config, loadCp: at('half lost/last.safetensors') });
  assert.match(noticesOf(rest)[0], /are lost; the best of the epochs that follow is kept$/);
  assert.ok(lastOf(rest).summary.bestEpoch >= 2);
});

test('a run whose metrics two trainings wrote, or that lost them, can be resumed', async () => {
  await train(smallConfig(data, at('mixed up')));
  const path = at('mixed up/metrics.jsonl');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text + text);
  const more = {
    ...smallConfig(data, at('mixed up'), { numEpochs: 3 }),
    loadCp: at('mixed up/last.safetensors'),
  };
  const [notice] = noticesOf(await train(more));
  assert.match(notice, /:3: epoch 1 follows epoch 2: the file was repaired; it is kept as .*\.damaged-1$/);
  assert.deepEqual(
    (await readMetrics(at('mixed up'))).map(({ epoch }) => epoch),
    [1, 2, 3],
  );
  assert.equal(readFileSync(`${path}.damaged-1`, 'utf8'), text + text);
  rmSync(path);
  assert.match(noticesOf(await train(more))[0], /has no line of epochs 1 to 3; charts leave them out$/);
});

test('a run that has lost its last checkpoint is not taken for a new one', async () => {
  await train(smallConfig(data, at('headless')));
  rmSync(at('headless/last.safetensors'));
  const config = { ...smallConfig(data, at('headless')), loadCp: at('headless/last.safetensors') };
  await assert.rejects(
    train(config),
    /headless has lost last\.safetensors, so this run cannot go on; begin a new run from the weights in .*best/,
  );
  rmSync(at('headless/best.safetensors'));
  await assert.rejects(train(config), /cannot go on; begin a new run$/);
});

test('a run goes on in another folder only while no training changes the first', async () => {
  await train(smallConfig(data, at('busy'), { numEpochs: 1 }));
  const elsewhere = { ...smallConfig(data, at('taken')), loadCp: at('busy/last.safetensors') };
  const lock = await lockRun(at('busy'));
  await assert.rejects(train(elsewhere), /^UserError: train: .*busy is in use by process/);
  assert.ok(!existsSync(at('taken')));
  const { events } = await train({ ...elsewhere, loadCp: at('busy/best.safetensors') });
  assert.equal(events.at(-1)?.type, 'done', 'its best weights may be used');
  await lock.release();
  await train({ ...elsewhere, savingPath: at('taken later') });
  assert.ok(!existsSync(at('busy/.lock')));
});

test('a training whose lock was taken over writes nothing more', async () => {
  const config = smallConfig(data, at('stolen'), { numEpochs: 3 });
  const files = () => ['best.safetensors', 'last.safetensors'].map((file) => checkpoint('stolen', file));
  let before: string[] = [];
  await assert.rejects(
    train(config, (event) => {
      if (event.type === 'epoch' && event.metrics.epoch === 1) {
        writeFileSync(at('stolen/.lock'), '{}');
        before = files();
      }
      return false;
    }),
    /^UserError: train: another process has taken .*stolen over while this training was suspended/,
  );
  assert.deepEqual(files(), before);
  assert.equal((await readMetrics(at('stolen'))).length, 1);
});

test('a disk that is full at any write gives one line, and the run can be taken up with the same bits', async (t) => {
  await train(smallConfig(data, at('enough')));
  const { rename } = fs;
  const full = Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'rename' });
  let writes = 0;
  for (let n = 1; ; n++) {
    const config = smallConfig(data, at(`full ${n}`));
    let count = 0;
    const mocked = t.mock.method(fs, 'rename', (from: string, to: string) =>
      ++count === n ? Promise.reject(full) : rename(from, to),
    );
    const failure = await train(config).catch((error: unknown) => error);
    mocked.mock.restore();
    if (!(failure instanceof Error)) break;
    writes = n;
    assert.ok(
      failure instanceof UserError && /: the disk is full; free/.test(failure.message),
      String(failure),
    );
    assert.ok(!existsSync(at(`full ${n}/.lock`)));
    const begun = holdsRun(at(`full ${n}`));
    assert.equal(begun, n > 2, 'a run that could not begin leaves nothing');
    await train(begun ? { ...config, loadCp: at(`full ${n}/last.safetensors`) } : config);
    assert.equal(checkpoint(`full ${n}`, 'best.safetensors'), checkpoint('enough', 'best.safetensors'));
    assert.equal((await readMetrics(at(`full ${n}`))).length, 2);
  }
  assert.equal(writes, 9, 'config, last; best, last, best of two epochs; summary');
});

test('the total time of a resumed run contains the time before', async () => {
  const config = smallConfig(data, at('timed'));
  await train(config);
  const { summary } = lastOf(await train({ ...config, loadCp: at('timed/last.safetensors') }));
  assert.ok(summary.totalSeconds > summary.trainSeconds);
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

test('a checkpoint within an epoch goes on only with the data of that epoch', async () => {
  const config = smallConfig(data, at('begun'), dropping);
  await train(config, (event) => event.type === 'progress' && event.epoch === 1);
  const loadCp = at('begun/last.safetensors');
  const others = { labels: 'train-labels-idx1-ubyte', pixels: 'train-images-idx3-ubyte' };
  for (const [name, file] of Object.entries(others)) {
    mkdirSync(at(name));
    const other = writeSmallMnist(at(name), 480, 40);
    const bytes = readFileSync(join(other, file));
    writeFileSync(join(other, file), Buffer.concat([bytes.subarray(0, 16), bytes.subarray(16).reverse()]));
    await assert.rejects(
      train({ ...config, data: other, loadCp }),
      /^UserError: train: .*begun.last\.safetensors was written within epoch 1, on other training data/,
      name,
    );
  }
  mkdirSync(at('same'));
  const older = decodeCheckpoint(readFileSync(loadCp), 'begun');
  assert.match(String(older.training?.state.data), /^[0-9a-f]{64}$/);
  delete older.training?.state.data;
  writeFileSync(loadCp, encodeCheckpoint(older));
  const elsewhere = { ...config, data: writeSmallMnist(at('same'), 480, 40), loadCp };
  const { events } = await train(elsewhere, ({ type }) => type === 'start');
  assert.ok(events.some((event) => event.type === 'start' && event.resumedFrom?.epoch === 1));
  lastOf(await train(elsewhere)); // The checkpoint written at the start has a fingerprint: the same data elsewhere.
});

test('a training state whose updates do not fit its epoch is refused', async () => {
  const config = smallConfig(data, at('half'), dropping);
  await train(config, (event) => event.type === 'progress' && event.batch === 3);
  const whole = decodeCheckpoint(readFileSync(at('half/last.safetensors')), 'half');
  const { training } = whole;
  assert.ok(training);
  const attempts: [Record<string, unknown>, RegExp][] = [
    [{ losses: [1, 1, 1], correct: [1, 2] }, /is damaged: 3 losses, but 2 counts of correct answers$/],
    [{ losses: [], correct: [1] }, /is damaged: 0 losses, but 1 counts of correct answers$/],
    [{ losses: Array(10).fill(1), correct: Array(10).fill(1) }, /10 losses, but an epoch has 9 updates$/],
  ];
  for (const [changes, message] of attempts) {
    const state = { ...training.state, ...changes };
    writeFileSync(
      at('damaged.safetensors'),
      encodeCheckpoint({ ...whole, training: { ...training, state } }),
    );
    await assert.rejects(
      train({ ...smallConfig(data, at('y'), dropping), loadCp: at('damaged.safetensors') }),
      (error) =>
        error instanceof UserError &&
        /damaged\.safetensors/.test(error.message) &&
        message.test(error.message),
    );
  }
});

test('a new training can start from the weights of a best checkpoint', async () => {
  await train(smallConfig(data, at('teacher'), { numEpochs: 1 }));
  const loadCp = join(at('teacher'), 'best.safetensors');
  const { events } = await train({ ...smallConfig(data, at('pupil'), { numEpochs: 1 }), loadCp });
  assert.equal(events.filter(({ type }) => type === 'epoch').length, 1);
  assert.notEqual(checkpoint('pupil', 'best.safetensors'), checkpoint('teacher', 'best.safetensors'));
});

test('two runs that begin in one folder at once do not destroy each other', async () => {
  const config = smallConfig(data, at('shared'), { numEpochs: 1 });
  const ends = await Promise.allSettled([train(config), train(config)]);
  const [refused] = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.match(
    String(refused),
    /^UserError: train: .*shared is in use by process \d+ \(on host .*; wait for it/,
  );
  assert.equal((await readMetrics(at('shared'))).length, 1);
});

test('more epochs than the metrics have room for are refused before anything is read', async () => {
  const config = smallConfig(at('no data'), at('endless'), { numEpochs: 50_001 });
  await assert.rejects(
    train(config),
    (error) => error instanceof UserError && /^train: 50001 epochs .* at most 50000/.test(error.message),
  );
});

test('a folder that cannot be written gives a UserError', async () => {
  writeFileSync(at('a-file'), '');
  const config = smallConfig(data, at('a-file/run'));
  await assert.rejects(train(config), (error) => error instanceof UserError && /a-file/.test(error.message));
  mkdirSync(at('vanishing'));
  const vanishing = smallConfig(data, at('vanishing'), { numEpochs: 2 });
  await assert.rejects(
    train(vanishing, (event) => {
      if (event.type === 'epoch') {
        rmSync(at('vanishing'), { recursive: true });
        writeFileSync(at('vanishing'), '');
      }
      return false;
    }),
    (error) => error instanceof UserError && /vanishing/.test(error.message),
  );
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
