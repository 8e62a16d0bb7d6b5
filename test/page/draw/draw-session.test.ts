/** Protects the state of the Draw view without a browser: which networks are shown, and what one that fails costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEntry } from '#src/serve/api.js';
import { DrawSession } from '../../../web/draw/draw-session.js';
import { drawingJson } from '../../../web/draw/save.js';
import { RecognitionClient } from '../../../web/recognition/client.js';
import type { Reply, Request } from '../../../web/workers/protocol.js';

/** A worker in which the model `refuses` reads no drawings, `damaged` does not open, and others open slowly. */
class FakeWorker {
  onmessage: ((event: { data: Reply }) => void) | null = null;
  /** The models that were to be opened, in order. */
  readonly opened: string[] = [];

  postMessage(request: Request): void {
    if (request.type === 'open') this.opened.push(request.model);
    setImmediate(() => this.onmessage?.({ data: replyTo(request) }));
  }
}

function replyTo(request: Request): Reply {
  if (request.type === 'open') {
    const error = request.model === 'damaged' ? 'damaged: not a checkpoint' : null;
    return { type: 'opened', model: request.model, error };
  }
  assert.ok(request.type === 'recognize');
  const points = request.strokes.reduce((sum, { xs }) => sum + xs.length, 0);
  const answers = request.models.map((model) => ({
    model,
    // Not shares: they tell the answers apart.
    probabilities: model === 'refuses' ? null : Float32Array.of(points, 0),
    backend: 'wasm' as const,
    error: model === 'refuses' ? 'the network reads no drawings' : null,
  }));
  return { type: 'recognized', id: request.id, answers, shown: null, milliseconds: 1 };
}

const entryOf = (id: string): ModelEntry => ({
  id,
  name: id,
  shipped: false,
  kind: 'images',
  preset: null,
  classes: ['0', '1'],
  parameters: 100,
  test_accuracy: null,
  file: `${id}.safetensors`,
  bytes: 1000,
  version: '1',
});

async function startSession(ids: readonly string[], worker = new FakeWorker()): Promise<DrawSession> {
  const client = new RecognitionClient(worker);
  const session = new DrawSession(client, {
    list: async () => ({ models: ids.map(entryOf), default: null, api: true }),
    checkpointOf: ({ id }) => id,
  });
  await session.start();
  return session;
}

function drawLine({ ink }: DrawSession): void {
  ink.begin('mouse', 100, 100, 0.5, 0);
  ink.extend(100, 300, 0.5, 10);
  ink.extended();
  ink.end();
}

/** Waits for what the fake worker has been asked. */
async function answered(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
}

test('a network that refuses drawings says so in its answer; the other answers, and the view stays ready', async () => {
  const session = await startSession(['refuses', 'reads']);
  drawLine(session);
  await answered();
  assert.equal(session.phase.state, 'ready');
  const [refuses, reads] = session.moment()!.answers;
  assert.equal(refuses.error, 'the network reads no drawings');
  assert.ok(reads.probabilities);
});

test('after the worker has failed, another try loads the page again: nothing would answer it', async (t) => {
  const reload = t.mock.fn();
  Object.assign(globalThis, { location: { reload } });
  const session = await startSession(['a']);
  session.fail('The recognition worker cannot start.');
  assert.ok(session.phase.state === 'failed');
  session.phase.retry();
  assert.equal(reload.mock.callCount(), 1);
});

test('of two choices the newest counts, however long the other takes; a choice elsewhere stays', async () => {
  const worker = new FakeWorker();
  const session = await startSession(['a', 'b', 'c', 'd'], worker);
  assert.deepEqual(session.chosen, ['a', 'b']);
  // c must be opened first; a is open.
  await Promise.all([session.choose('c', 0), session.choose('a', 0)]);
  assert.deepEqual(session.chosen, ['a', 'b']);
  await session.choose('b', 0);
  assert.deepEqual(session.chosen, ['b', 'a'], 'a network that is shown changes places');
  await Promise.all([session.choose('d', 0), session.choose('c', 1)]);
  assert.deepEqual(session.chosen, ['d', 'c']);
  assert.deepEqual(worker.opened, ['a', 'b', 'c', 'd'], 'each network is opened once');
});

test('a network that cannot be opened changes nothing, says why, and is tried again', async () => {
  const worker = new FakeWorker();
  const session = await startSession(['a', 'b', 'damaged'], worker);
  await session.choose('damaged', 1);
  assert.deepEqual(session.chosen, ['a', 'b']);
  assert.equal(session.problem, 'damaged: not a checkpoint');
  await session.choose('damaged', 0);
  assert.deepEqual(worker.opened, ['a', 'b', 'damaged', 'damaged']);
  await session.choose('b', 0);
  assert.deepEqual(session.chosen, ['b', 'a']);
  assert.equal(session.problem, null);
});

test('a network that is newer than the page is shown; one that there is not is named', async () => {
  const ids: string[] = [];
  const session = await startSession(ids);
  assert.equal(session.phase.state, 'ready');
  for (const id of ['first', 'second']) {
    ids.unshift(id);
    await session.show(id);
    assert.deepEqual(session.chosen, [id]);
  }
  await session.show('third');
  assert.equal(session.problem, 'There is no network third.');
  assert.deepEqual(session.chosen, ['second']);
});

test('a run that has gone on is shown with its newest weights; without the list, with those that are known', async () => {
  const worker = new FakeWorker();
  let list = async () => ({ models: [entryOf('run'), entryOf('other')], default: null, api: true });
  const session = new DrawSession(new RecognitionClient(worker), {
    list: () => list(),
    checkpointOf: ({ id, version }) => `${id}?v=${version}`,
  });
  await session.start();
  drawLine(session);
  await answered();
  await session.show('run');
  assert.deepEqual(worker.opened, ['run', 'other'], 'nothing has changed');
  assert.ok(session.moment());
  list = async () => ({
    models: ['run', 'other'].map((id) => ({ ...entryOf(id), version: '2', classes: ['a', 'b'] })),
    default: null,
    api: true,
  });
  await session.show('run');
  assert.deepEqual(worker.opened, ['run', 'other', 'run']);
  assert.deepEqual(session.chosen, ['run', 'other']);
  assert.deepEqual(session.entry('run').classes, ['a', 'b']);
  assert.deepEqual(session.entry('other').classes, ['0', '1'], 'what is shown keeps its names');
  assert.equal(session.moment(), undefined, 'answers of the weights before are forgotten');
  list = () => Promise.reject(new Error('no connection'));
  await session.show('other');
  assert.deepEqual([session.problem, worker.opened.length], [null, 3]);
});

test('the file has the answers to the whole drawing, also while the slider shows its beginning', async () => {
  const session = await startSession(['a']);
  drawLine(session);
  await answered();
  session.seek(1);
  const { strokes, answers } = JSON.parse(drawingJson(session));
  assert.equal(strokes[0].x.length, 2);
  assert.deepEqual(answers[0].probabilities, [2, 0]);
});
