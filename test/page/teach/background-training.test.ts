/** Protects the training in the background, in Node.js: it begins by itself, is paused, and never stays paused unseen. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TeachSummary } from '#src/data/pens/project.js';
import { BackgroundTraining } from '../../../web/teach/project/background-training.js';
import * as edits from '../../../web/teach/project/edits.js';
import { TeachWorker } from '../../../web/teach/project/teach-worker.js';
import { FakeWorker, settled } from './fake-worker.js';

const CALM_MS = 2500;
const RESULT = { checkpoint: new Uint8Array(1), summary: {} as TeachSummary };

/** A project of two classes with two drawings each: enough for a training. */
function newLesson(): edits.Lesson {
  let lesson = edits.EMPTY_LESSON;
  for (const name of ['a', 'b']) {
    lesson = edits.addClass(lesson, { id: name, name, colour: '#000000' });
    for (const n of [1, 2])
      lesson = edits.addDrawing(lesson, { id: `${name}${n}`, class: name, drawing: [] });
  }
  return lesson;
}

function newTraining(t: TestContext): { training: BackgroundTraining; worker: FakeWorker } {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const training = new BackgroundTraining(
    new TeachWorker(),
    () => {},
    () => {},
  );
  return { training, worker: FakeWorker.made.at(-1) as FakeWorker };
}

test('after a stop, as when another project is opened, a paused training begins again by itself', (t) => {
  const { training, worker } = newTraining(t);
  training.want(newLesson());
  t.mock.timers.tick(CALM_MS);
  training.pause();
  assert.equal(training.state, 'paused');
  training.stop();
  training.want(newLesson());
  assert.equal(training.state, 'waiting');
  t.mock.timers.tick(CALM_MS);
  assert.equal(training.state, 'running');
  assert.equal(worker.names.filter((name) => name === 'train').length, 2);
});

test('a training that is paused when it ends has ended: the next change begins another', async (t) => {
  const { training, worker } = newTraining(t);
  training.want(newLesson());
  t.mock.timers.tick(CALM_MS);
  training.pause();
  await worker.answer('train', RESULT);
  assert.equal(training.state, 'idle');
  training.want(newLesson());
  assert.equal(training.state, 'waiting');
});

test('a training that ends while it is paused stays paused if the drawings have changed meanwhile', async (t) => {
  const { training, worker } = newTraining(t);
  training.want(newLesson());
  t.mock.timers.tick(CALM_MS);
  training.pause();
  training.want(newLesson());
  await worker.answer('train', RESULT);
  assert.equal(training.state, 'paused');
  training.continue();
  await settled();
  assert.equal(training.state, 'running');
});

test('a worker that cannot start fails every training with the reason; one that has answered goes on after an error', async (t) => {
  const { training, worker } = newTraining(t);
  worker.onerror?.();
  training.want(newLesson());
  t.mock.timers.tick(CALM_MS);
  await settled();
  assert.deepEqual(
    [training.state, training.problem],
    ['failed', 'The worker cannot start. Reload the page.'],
  );
  training.again();
  await settled();
  assert.equal(training.state, 'failed');

  const running = new TeachWorker();
  const fake = FakeWorker.made.at(-1) as FakeWorker;
  void running.call('starter', { name: 'shapes' });
  await fake.answer('starter', { name: '', classes: [], drawings: [], network: null });
  fake.onerror?.();
  const answer = running.call('features', { checkpoint: '' });
  await fake.answer('features', null);
  assert.equal(await answer, null);
});

test('another colour does not begin a training anew; what has failed is forgotten with its project', async (t) => {
  const { training, worker } = newTraining(t);
  const trainings = () => worker.names.filter((name) => name === 'train').length;
  const lesson = newLesson();
  training.want(lesson);
  t.mock.timers.tick(CALM_MS);
  training.want(edits.changeClass(lesson, 'a', { colour: '#123456' }));
  t.mock.timers.tick(CALM_MS);
  assert.deepEqual([training.state, trainings()], ['running', 1]);
  training.want(edits.changeClass(lesson, 'a', { name: 'c' }));
  t.mock.timers.tick(CALM_MS);
  assert.equal(trainings(), 2);
  await worker.fail('train', 'out of memory');
  assert.equal(training.problem, 'out of memory');
  training.stop();
  assert.equal(training.problem, null);
});
