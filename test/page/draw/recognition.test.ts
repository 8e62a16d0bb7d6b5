/**
 * Protects the client of the recognition worker (no growing queue, newest drawing first), moments, and charts' texts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classHue, formatChance, sizeOf, verdictOf } from '../../../web/charts/classes.js';
import { RecognitionClient } from '../../../web/recognition/client.js';
import { Moments } from '../../../web/recognition/moments.js';
import type { Reply, Request } from '../../../web/workers/protocol.js';

/** A fake worker that answers when the test calls `answer`. */
class SlowWorker {
  onmessage: ((event: { data: Reply }) => void) | null = null;
  readonly posted: Request[] = [];

  postMessage(request: Request): void {
    this.posted.push(request);
  }

  /** Answers the newest request. */
  answer(): void {
    const request = this.posted[this.posted.length - 1];
    const reply: Reply =
      request.type === 'recognize'
        ? { type: 'recognized', id: request.id, answers: [], shown: null, milliseconds: 1 }
        : request.type === 'inspect'
          ? { type: 'inspected', id: request.id, inspection: null, error: null }
          : { type: 'opened', model: request.model, error: 'no such file' };
    this.onmessage?.({ data: reply });
  }
}

function open(): { worker: SlowWorker; client: RecognitionClient } {
  const worker = new SlowWorker();
  return { worker, client: new RecognitionClient(worker as unknown as Worker) };
}

/** A job that is identified by its number of points. */
function job(points: number, answered: number[]) {
  const xs = Array.from({ length: points }, (_, n) => n);
  return { models: ['m'], strokes: [{ xs, ys: xs }], answered: () => void answered.push(points) };
}

const pointsOf = (request: Request) => (request.type === 'recognize' ? request.strokes[0].xs.length : null);

test('with a fast pen, one request is being processed and only the newest drawing waits', () => {
  const { worker, client } = open();
  const answered: number[] = [];
  for (let points = 1; points <= 1000; points++) {
    client.recognize(job(points, answered));
    if (points % 100 === 0) worker.answer();
  }
  worker.answer();
  assert.deepEqual(answered, [1, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  assert.equal(worker.posted.length, 11);
});

test('background jobs wait for the pen and run one at a time', () => {
  const { worker, client } = open();
  const answered: number[] = [];
  let left = 3;
  client.background = () => (left > 0 ? job(left--, answered) : null);
  client.sendNext();
  assert.equal(worker.posted.length, 1);
  client.recognize(job(50, answered));
  worker.answer();
  assert.deepEqual(worker.posted.map(pointsOf), [3, 50]);
  worker.answer();
  worker.answer();
  worker.answer();
  assert.deepEqual(answered, [3, 50, 2, 1]);
});

test('open and inspect requests are always sent, also while the pen moves', async () => {
  const { worker, client } = open();
  client.recognize(job(1, []));
  const inspected = client.inspect('m', []);
  client.recognize(job(2, []));
  worker.answer();
  assert.equal(worker.posted[1].type, 'inspect');
  worker.answer();
  assert.equal(await inspected, null);
  assert.deepEqual(worker.posted.map(pointsOf), [1, null, 2]);
});

test('skipped points are recognised later, evenly spaced, each once', () => {
  const moments = new Moments();
  const count = 1000;
  for (const points of [17, 400, count]) moments.keep({ points, answers: [], shown: null });
  let asked = 0;
  for (let points = moments.missing(count); points !== null; points = moments.missing(count)) {
    assert.ok(!moments.has(points));
    moments.keep({ points, answers: [], shown: null });
    asked++;
  }
  assert.ok(asked > 150 && asked <= 200, `${asked}`);
  const places = moments.list().map(({ points }) => points);
  assert.ok(places.every((points, n) => n === 0 || points - places[n - 1] <= 10));
  assert.equal(moments.at(20)!.points, 17);
  moments.truncate(399);
  assert.ok(moments.at(1000)!.points < 400);
});

test('formatted probabilities are short and never round to 0 % or 100 %', () => {
  const cases: [number, string][] = [
    [1, '100 %'],
    [0.99996, '>99.9 %'],
    [0.9999, '>99.9 %'],
    [0.994, '99.4 %'],
    [0.875, '88 %'],
    [0.004, '0.4 %'],
    [0.0004, '<0.1 %'],
  ];
  for (const [chance, text] of cases) assert.equal(formatChance(chance).replace('\u00a0', ' '), text);
});

test('the likeliest classes come first, ties in class order; neighbouring classes have distant hues', () => {
  assert.deepEqual(verdictOf(Float32Array.of(0.2, 0.4, 0.4), 0.7), { top: [1, 2, 0], unsure: true });
  assert.deepEqual(verdictOf(Float32Array.of(0.1, 0.9), 0.7), { top: [1, 0], unsure: false });
  for (const count of [2, 3, 10, 26, 47]) {
    for (let k = 1; k < count; k++) {
      const apart = Math.abs(classHue(k, count) - classHue(k - 1, count));
      assert.ok(Math.min(apart, 360 - apart) > 20, `classes ${k - 1} and ${k} of ${count}`);
    }
  }
});

test('a short name is shown large, also in browsers that do not tell letters from code points', (t) => {
  const family = '👨‍👩‍👧';
  assert.deepEqual(['7', 'ab', 'circle', 'a long name', family].map(sizeOf), [
    'letter',
    'letter',
    'word',
    'phrase',
    'letter',
  ]);
  const { Segmenter } = Intl;
  t.after(() => Object.assign(Intl, { Segmenter }));
  Object.assign(Intl, { Segmenter: undefined });
  assert.deepEqual(['7', 'ab', 'circle', family].map(sizeOf), ['letter', 'letter', 'word', 'word']);
});
