/** Protects the events of a run, without a server: their number, damaged files, and listeners that come late. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunEvents } from '#src/serve/runs/run-events.js';
import { RunStore } from '#src/serve/runs/run-store.js';
import { makeRuns, metricsOf, metricsText } from './served-runs.js';

const made = makeRuns();

function openEvents(): { store: RunStore; events: RunEvents } {
  const store = new RunStore([], made.runs);
  return { store, events: new RunEvents(store, (error) => assert.fail(String(error))) };
}

test('events end with their listeners, whose number is limited', async () => {
  const { store, events } = openEvents();
  const place = { id: 'rows', folder: join(made.runs, 'rows'), checkpoint: '' };
  const streams = Array.from({ length: 256 }, () => events.listen(place, 0));
  assert.throws(() => events.listen(place, 0), /256 connections listen to runs already/);
  streams[7].destroy();
  await sleep(10);
  streams[7] = events.listen(place, 0);
  for (const stream of streams) stream.destroy();
  await sleep(10);
  events.listen(place, 0).destroy();
  await store.close();
});

test('events of a damaged run read it once, and again when it changes', async () => {
  made.write('broken', 'config.json', '{}');
  made.write('broken', 'metrics.jsonl', `${metricsText(metricsOf(1))}no line\n`);
  const { store, events } = openEvents();
  const reads: boolean[] = [];
  const progress = store.progress.bind(store);
  store.progress = async (...given) => {
    const news = await progress(...given);
    reads.push(news !== null);
    return news;
  };
  const stream = events.listen(await store.find('broken'), 0);
  while (reads.length < 3) await sleep(50);
  assert.deepEqual(reads.slice(0, 3), [true, false, false]);
  made.write('broken', 'metrics.jsonl', metricsText(metricsOf(2)));
  let text = '';
  for await (const piece of stream) {
    text += piece;
    if (text.includes('event: state')) break;
  }
  assert.deepEqual(text.match(/^id: \d+$/gm), ['id: 1', 'id: 2']);
  events.close();
  await store.close();
  rmSync(join(made.runs, 'broken'), { recursive: true });
});

test('events are complete for who comes while the files are read', async () => {
  made.write('late', 'config.json', '{}');
  made.write('late', 'metrics.jsonl', metricsText(metricsOf(2)));
  const { store, events } = openEvents();
  const place = await store.find('late');
  const progress = store.progress.bind(store);
  const idsOf = async (stream: AsyncIterable<unknown>, last: number) => {
    let text = '';
    for await (const piece of stream) {
      text += piece;
      if (text.includes(`id: ${last}\n`)) break;
    }
    return text.match(/^id: \d+$/gm);
  };
  const first = events.listen(place, 0);
  assert.deepEqual(await idsOf(first.iterator({ destroyOnReturn: false }), 2), ['id: 1', 'id: 2']);
  let late: Promise<RegExpMatchArray | null> | undefined;
  store.progress = async (...given) => {
    const news = await progress(...given);
    if (news !== null) late ??= idsOf(events.listen(place, 0), 3);
    return news;
  };
  made.write('late', 'metrics.jsonl', metricsText(metricsOf(3)));
  assert.deepEqual(await idsOf(first, 3), ['id: 3']);
  assert.deepEqual(await late, ['id: 1', 'id: 2', 'id: 3']);
  events.close();
  await store.close();
  rmSync(join(made.runs, 'late'), { recursive: true });
});

test('events are those of the run that an id means now', async () => {
  for (const [run, epochs] of [
    ['before', 1],
    ['after', 2],
  ] as const) {
    made.write(run, 'config.json', '{}');
    made.write(run, 'metrics.jsonl', metricsText(metricsOf(epochs)));
  }
  const { store, events } = openEvents();
  const [before, after] = [await store.find('before'), await store.find('after')];
  const old = events.listen(before, 0);
  let text = '';
  for await (const piece of events.listen({ ...after, id: before.id }, 0)) {
    text += piece;
    if (text.includes('event: state')) break;
  }
  assert.deepEqual(text.match(/^id: \d+$/gm), ['id: 1', 'id: 2']);
  old.destroy();
  events.close();
  await store.close();
  for (const run of ['before', 'after']) rmSync(join(made.runs, run), { recursive: true });
});
