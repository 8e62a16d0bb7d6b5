/** Protects the following of a live run, in Node.js: a new stream of events costs only what is new. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

/** The stream of events that was opened last. */
let events: FakeEvents;

class FakeEvents extends EventTarget {
  static readonly CLOSED = 2;
  readonly readyState = 1;

  constructor() {
    super();
    events = this;
  }
  close(): void {}
  epoch(line: unknown): void {
    this.dispatchEvent(new MessageEvent('epoch', { data: JSON.stringify(line) }));
  }
}

const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
Object.assign(globalThis, { EventSource: FakeEvents, document: page });
const { RunFeed } = await import('../../../web/runs/run-feed.js');

/** A line of metrics.jsonl. */
const lineOf = (epoch: number, accuracy = 0.5) => ({
  epoch,
  train_loss: 1,
  train_accuracy: accuracy,
  validation_loss: 1,
  validation_accuracy: accuracy,
  learning_rate: 0.001,
  seconds: 1,
  samples_per_second: 1,
  curve: [],
});

test('epochs that a new stream repeats change nothing; new ones, and ones with other values, do', async (t) => {
  const details = { id: 'run', state: 'live', summary: null, metrics: [lineOf(1), lineOf(2)] };
  t.mock.method(globalThis, 'fetch', async () => Response.json(details));
  let changes = 0;
  const feed = new RunFeed('run', true, () => changes++);
  while (changes === 0) await new Promise((resolve) => setImmediate(resolve));
  for (const epoch of [1, 2]) events.epoch(lineOf(epoch));
  assert.equal(changes, 1);
  events.epoch(lineOf(3));
  events.epoch(lineOf(2, 0.75));
  assert.equal(changes, 3);
  assert.deepEqual(
    feed.run?.metrics.map(({ validationAccuracy }) => validationAccuracy),
    [0.5, 0.75, 0.5],
  );
  feed.close();
});

test('events do not tell of the first weights: until the run has some, it is loaded again when the list changes', async (t) => {
  const details = { id: 'run', state: 'live', model: false, summary: null, metrics: [] as unknown[] };
  t.mock.method(globalThis, 'fetch', async () => Response.json(details));
  const feed = new RunFeed('run', true, () => {});
  while (!feed.run) await new Promise((resolve) => setImmediate(resolve));
  events.epoch(lineOf(1));
  assert.equal(feed.isFollowed, false);
  Object.assign(details, { model: true, metrics: [lineOf(1)] });
  await feed.refresh();
  assert.deepEqual([feed.isFollowed, feed.run.metrics.length], [true, 1]);
  feed.close();
});
