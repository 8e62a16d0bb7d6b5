/** Protects the training loop: order of events and saves, best epoch, patience, target, stops, saves within an epoch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from 'scanstroke';
import { firstIndices } from '#src/data/split.js';
import { evaluatePart } from '#src/train/evaluation.js';
import type { TrainEvent } from '#src/train/events.js';
import {
  initialState,
  type LoopOptions,
  type LoopSettings,
  type TrainState,
  trainLoop,
} from '#src/train/loop.js';
import { type FakeBehaviour, FakeEngine } from './fake-engine.js';

const SETTINGS: LoopSettings = {
  epochs: 3,
  batchSize: 4,
  rate: { name: 'constant', lr: 0.1 },
  firstPlain: Number.POSITIVE_INFINITY,
  seed: 0,
  monitor: 'accuracy',
  patience: null,
  targetAccuracy: null,
  maxMs: null,
  checkpointMs: null,
  checkpointUpdates: null,
};

/** Runs the loop over 10 training and 20 validation sequences: three batches an epoch. */
async function run(
  behaviour: FakeBehaviour,
  settings: Partial<LoopSettings> = {},
  { state = initialState('float32'), stopWhen = (_: TrainEvent): boolean => false } = {},
) {
  const engine = new FakeEngine(behaviour);
  const stop = new AbortController();
  const saves: { what: string; state: TrainState }[] = [];
  const save = (what: string) => async (now: TrainState) => {
    saves.push({ what, state: structuredClone(now) });
  };
  const options: LoopOptions = {
    engine,
    settings: { ...SETTINGS, ...settings },
    train: [firstIndices(10)],
    validation: firstIndices(20),
    labels: new Uint8Array(20),
    classes: 2,
    lengthOf: null,
    state,
    stop: stop.signal,
    saveBest: save('best'),
    saveEpoch: save('epoch'),
    saveMidEpoch: save('mid'),
    lastGood: 'in a file',
  };
  const events: TrainEvent[] = [];
  const loop = trainLoop(options);
  let next = await loop.next();
  for (; !next.done; next = await loop.next()) {
    events.push(next.value);
    if (stopWhen(next.value)) stop.abort();
  }
  return { engine, events, saves, state, reason: next.value };
}

const epochsOf = (events: TrainEvent[]) => events.flatMap((event) => (event.type === 'epoch' ? [event] : []));

test('every epoch is trained, validated and saved, in this order', async () => {
  const { engine, events, saves, reason } = await run({ correct: (epoch) => [10, 15, 12][epoch - 1] });
  assert.equal(reason, 'epochs');
  assert.deepEqual(
    saves.map(({ what, state }) => [what, state.epoch]),
    [
      ['best', 2],
      ['epoch', 2],
      ['best', 3],
      ['epoch', 3],
      ['epoch', 4],
    ],
  );
  assert.deepEqual(
    epochsOf(events).map(({ best, metrics }) => [best, metrics.validationAccuracy, metrics.validationLoss]),
    [
      [true, 0.5, 0.5],
      [true, 0.75, 0.5],
      [false, 0.6, 0.5],
    ],
  );
  assert.deepEqual(saves.at(-1)?.state.best, { accuracy: 0.75, loss: 0.5, epoch: 2, reachedIn: 2 });
  assert.deepEqual(engine.evaluations, new Array(3).fill({ part: 'validation', count: 20 }));
  assert.deepEqual(
    engine.plans.map(({ epoch, firstBatch, endBatch, updatesBefore }) => [
      epoch,
      firstBatch,
      endBatch,
      updatesBefore,
    ]),
    [
      [1, 0, 3, 0],
      [2, 0, 3, 3],
      [3, 0, 3, 6],
    ],
  );
});

test('the mean loss weighs the incomplete last batch by its sequences', async () => {
  const { events } = await run({ loss: (_, batch) => [1, 2, 4][batch] }, { epochs: 1 });
  const [{ metrics }] = epochsOf(events);
  assert.equal(metrics.trainLoss, (4 * 1 + 4 * 2 + 2 * 4) / 10);
  assert.equal(metrics.trainAccuracy, 3 / 10);
  assert.deepEqual(
    metrics.curve.map(({ step, loss }) => [step, loss]),
    [
      [1, 1],
      [2, 2],
      [3, 4],
    ],
  );
});

test('a result of several batches gives one event per batch', async () => {
  const { events } = await run({ batchesAtOnce: 2 }, { epochs: 1 });
  const steps = events.flatMap((event) =>
    event.type === 'progress' && event.phase === 'train' ? [[event.batch, event.samples]] : [],
  );
  assert.deepEqual(steps, [
    [1, 4],
    [2, 8],
    [3, 10],
  ]);
});

test('of equally accurate epochs the one with the lowest validation loss is the best, and patience counts from the first', async () => {
  const behaviour = {
    correct: (epoch: number) => [10, 15, 15, 15, 15, 15][epoch - 1],
    validationLoss: (epoch: number) => [0.75, 0.5, 0.25, 0.375, 0.25, 0.125][epoch - 1],
  };
  const whole = await run(behaviour, { epochs: 9, patience: 4 });
  assert.deepEqual(
    epochsOf(whole.events).map(({ best }) => best),
    [true, true, true, false, false, true],
  );
  assert.deepEqual(whole.state.best, { accuracy: 0.75, loss: 0.125, epoch: 6, reachedIn: 2 });
  assert.equal(whole.reason, 'patience');

  // Interrupted after any epoch and resumed from what was saved, the training keeps the same.
  for (let end = 1; end <= 6; end++) {
    const first = await run(behaviour, { epochs: end, patience: 4 });
    const state = structuredClone(first.state);
    const rest = await run(behaviour, { epochs: 9, patience: 4 }, { state });
    assert.deepEqual(rest.state.best, whole.state.best, `resumed after epoch ${end}`);
    assert.equal(rest.state.epoch, whole.state.epoch);
  }
});

test('with the monitor loss the lowest loss is the best, of equal ones the highest accuracy; patience counts from it', async () => {
  const behaviour = {
    correct: (epoch: number) => [10, 18, 15, 16, 18, 19, 18][epoch - 1],
    validationLoss: (epoch: number) => [0.75, 0.5, 0.25, 0.25, 0.5, 0.375, 0.25][epoch - 1],
  };
  const settings = { epochs: 9, patience: 4, monitor: 'loss' } as const;
  const whole = await run(behaviour, settings);
  assert.deepEqual(
    epochsOf(whole.events).map(({ best }) => best),
    [true, true, true, true, false, false, true],
  );
  assert.deepEqual(whole.state.best, { accuracy: 0.9, loss: 0.25, epoch: 7, reachedIn: 3 });
  assert.deepEqual([whole.reason, whole.state.epoch], ['patience', 8]);
  // A run that goes on by the other monitor compares the best so far by it.
  const { state } = await run(behaviour, { ...settings, epochs: 4 });
  const rest = await run(behaviour, { ...settings, epochs: 7, monitor: 'accuracy' }, { state });
  assert.equal(rest.state.best?.epoch, 6);
});

test('the best of the epochs without augmentation is kept, also after an interruption', async () => {
  const behaviour = { correct: (epoch: number) => [10, 18, 16, 15, 17, 16][epoch - 1] };
  const whole = await run(behaviour, { epochs: 6, firstPlain: 4 });
  assert.deepEqual(
    epochsOf(whole.events).map(({ best }) => best),
    [true, true, false, true, true, false],
  );
  assert.equal(whole.state.best?.epoch, 5);
  for (let end = 1; end <= 6; end++) {
    const { state } = await run(behaviour, { epochs: end, firstPlain: 4 });
    const rest = await run(behaviour, { epochs: 6, firstPlain: 4 }, { state: structuredClone(state) });
    assert.deepEqual(rest.state.best, whole.state.best, `resumed after epoch ${end}`);
  }
  // More epochs, so that those without augmentation begin later: the best of all before them competes once more.
  const more = await run(
    behaviour,
    { epochs: 6, firstPlain: 6 },
    { state: (await run(behaviour, { epochs: 5, firstPlain: 4 })).state },
  );
  assert.equal(more.state.best?.epoch, 6);
  const patient = await run(behaviour, { epochs: 6, firstPlain: 4, patience: 1 });
  assert.deepEqual([patient.reason, patient.state.epoch], ['patience', 4], 'ended before them');
});

test('patience and target accuracy stop the loop; a resumed loop stops at once', async () => {
  const patient = await run({ correct: () => 10 }, { epochs: 9, patience: 2 });
  assert.deepEqual([patient.reason, epochsOf(patient.events).length], ['patience', 3]);
  const again = await run({}, { epochs: 9, patience: 2 }, { state: patient.state });
  assert.deepEqual([again.reason, again.engine.plans.length], ['patience', 0]);
  const target = await run({ correct: (epoch) => 5 * epoch }, { epochs: 9, targetAccuracy: 0.5 });
  assert.deepEqual([target.reason, epochsOf(target.events).length], ['target-accuracy', 2]);
});

test('a stop saves the state after the batch, and the resumed loop continues from it', async () => {
  const stopWhen = (event: TrainEvent) => event.type === 'progress' && event.epoch === 2 && event.batch === 2;
  const { saves, reason, events, state } = await run({}, {}, { stopWhen });
  assert.equal(reason, 'interrupted');
  assert.deepEqual(events.at(-1), { type: 'stopped', reason: 'interrupted', epoch: 2, batch: 2 });
  assert.deepEqual([saves.at(-1)?.what, saves.at(-1)?.state.losses.length], ['mid', 2]);
  const rest = await run({}, {}, { state });
  assert.deepEqual(
    rest.engine.plans.map(({ epoch, firstBatch, updatesBefore }) => [epoch, firstBatch, updatesBefore]),
    [
      [2, 2, 5],
      [3, 0, 6],
    ],
  );
});

test('after epoch 5000 the curve has one point an epoch, so that the metrics of long runs stay readable', async () => {
  const { events } = await run({}, { epochs: 5001 }, { state: { ...initialState('float32'), epoch: 5000 } });
  const [detailed, later] = epochsOf(events).map(({ metrics }) => metrics);
  assert.deepEqual([detailed.curve.length, later.curve.length], [3, 1]);
  const [point] = later.curve;
  assert.deepEqual([point.step, point.loss, point.accuracy], [15_003, later.trainLoss, later.trainAccuracy]);
});

test('a stop between two epochs names the epoch that has ended', async () => {
  const between = await run({}, {}, { stopWhen: (event) => event.type === 'epoch' });
  assert.deepEqual(between.events.at(-1), { type: 'stopped', reason: 'interrupted', epoch: 1, batch: 0 });
});

test('after a stop in validation the epoch is validated again, but not trained again', async () => {
  const stopWhen = (event: TrainEvent) => event.type === 'progress' && event.phase === 'validation';
  const { saves, reason, state } = await run({}, { epochs: 1 }, { stopWhen });
  assert.deepEqual(
    [reason, saves.at(-1)?.what, saves.at(-1)?.state.losses.length],
    ['interrupted', 'mid', 3],
  );
  const rest = await run({}, { epochs: 1 }, { state });
  assert.deepEqual([rest.reason, rest.engine.plans.length, rest.engine.evaluations.length], ['epochs', 0, 1]);
  assert.ok(Number.isFinite(epochsOf(rest.events)[0].metrics.samplesPerSecond));
});

test('answers that end several batches of an evaluation at once are one event, with the last of them', async () => {
  const events = evaluatePart({
    engine: new FakeEngine(),
    part: 'test',
    indices: firstIndices(100),
    labels: new Uint8Array(100),
    classes: 2,
    stop: new AbortController().signal,
    event: { phase: 'evaluate', epoch: 1, learningRate: 0 },
    secondsAfter: 0,
  });
  const seen: number[][] = [];
  for await (const { batch, batches, samples } of events) seen.push([batch, batches, samples]);
  assert.deepEqual(seen, [
    [2, 4, 50],
    [4, 4, 100],
  ]);
});

test('saving every N updates within an epoch does not change the results', async () => {
  const often = await run({}, { checkpointUpdates: 2 });
  assert.deepEqual(
    often.saves.map(({ what, state }) => `${what} ${state.epoch}.${state.losses.length}`).slice(0, 4),
    ['mid 1.2', 'best 2.0', 'epoch 2.0', 'mid 2.2'],
  );
  const plain = await run({});
  const losses = (events: TrainEvent[]) =>
    epochsOf(events).map(({ metrics: { trainLoss, curve } }) => ({ trainLoss, curve }));
  assert.deepEqual(losses(often.events), losses(plain.events));
  assert.equal(often.state.updates, plain.state.updates);
});

test('within an epoch the loop saves after the given time', async () => {
  const { saves } = await run({ batchMs: 30 }, { epochs: 1, checkpointMs: 5 });
  assert.ok(saves.some(({ what }) => what === 'mid'));
  assert.equal(saves.at(-1)?.what, 'epoch');
});

test('a loss that is not finite names epoch, update and the last good state, and the settings to change', async () => {
  const loss = (epoch: number, batch: number) => (epoch === 2 && batch === 1 ? Number.NaN : 1);
  await assert.rejects(run({ loss }), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /the loss became NaN in epoch 2, update 2; the last good state is in a file/);
    assert.deepEqual(error.settings, ['learningRate', 'maxNorm']);
    return true;
  });
});

test('when the time is over, the epoch ends after an update, with a validation; a higher limit goes on', async () => {
  const { engine, events, saves, state, reason } = await run({ batchMs: 30 }, { epochs: 50, maxMs: 200 });
  assert.equal(reason, 'max-minutes');
  const epochs = epochsOf(events);
  assert.equal(engine.evaluations.length, epochs.length);
  assert.ok(epochs.length >= 1 && epochs.length < 5, `${epochs.length} epochs`);
  assert.equal(saves.at(-1)?.what, 'epoch');
  assert.ok(state.trainSeconds >= 0.2 && state.trainSeconds < 5);
  const points = epochs.flatMap(({ metrics }) => metrics.curve.map(({ step }) => step));
  assert.equal(new Set(points).size, points.length, 'a step a point');

  const before = state.epoch;
  assert.equal((await run({}, { epochs: 50, maxMs: 200 }, { state })).reason, 'max-minutes');
  assert.equal(state.epoch, before, 'no further epoch');
  const more = await run({}, { epochs: before, maxMs: 1e9 }, { state });
  assert.equal(more.reason, 'epochs');
  assert.equal(more.engine.plans[0].epoch, before);
});

test('a validation that is interrupted after the time is over is made up for', async () => {
  const isValidating = (event: TrainEvent) => event.type === 'progress' && event.phase === 'validation';
  const first = await run({ batchMs: 20 }, { maxMs: 10 }, { stopWhen: isValidating });
  assert.equal(first.reason, 'interrupted');
  assert.equal(first.state.losses.length, 1);
  const again = await run({}, { maxMs: 10 }, { state: first.state });
  assert.equal(again.reason, 'max-minutes');
  assert.deepEqual([again.engine.plans.length, again.engine.evaluations.length], [0, 1]);
});

test('of many answers the sheet has some, and the scores are of all', async () => {
  const [count, classes] = [20_000, 2000];
  const engine = new FakeEngine();
  engine.evaluate = async function* (_part, indices) {
    const logits = new Float32Array(indices.length * classes);
    indices.forEach((index, n) => {
      logits[n * classes + (index % classes)] = 1;
    });
    yield { first: 0, logits, losses: Float32Array.from(indices, (index) => index) };
  };
  const events = evaluatePart({
    engine,
    part: 'test',
    indices: firstIndices(count),
    labels: Array.from({ length: count }, (_, i) => (i < 15_000 ? i % classes : (i + 1) % classes)),
    classes,
    stop: new AbortController().signal,
    event: { phase: 'evaluate', part: 'test', epoch: 0, learningRate: 0 },
    secondsAfter: 0,
  });
  let next = await events.next();
  while (!next.done) next = await events.next();
  assert.ok(next.value);
  const { indices, logits, scores } = next.value;
  assert.deepEqual(scores.score, { correct: 15_000, count });
  assert.equal(scores.loss, (count - 1) / 2);
  assert.ok(indices.length * classes <= 2 ** 24 && indices.length > 5000);
  indices.forEach((index, n) => {
    assert.equal(logits[n * classes + (index % classes)], 1);
  });
});
