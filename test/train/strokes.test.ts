/** Protects training on pen strokes: batches by length, scores of other orders, resuming, errors. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'scanstroke';
import { loadDataset } from '#src/data/open-dataset.js';
import { epochOrder, epochOrderByLength, firstIndices } from '#src/data/split.js';
import { preprocessingOf } from '#src/train/config/plan.js';
import { resolveConfig } from '#src/train/config/run-config.js';
import type { TrainEvent } from '#src/train/events.js';
import { evaluateRun } from '#src/train/run/evaluate/evaluate-run.js';
import { trainRun } from '#src/train/run/run.js';
import { FASTEST, smallConfig, temporaryFolder, writeSmallMnist } from './small-mnist.js';

process.env.SCANSTROKE_CACHE = temporaryFolder();
const folder = temporaryFolder();
const images = writeSmallMnist(folder, 400, 50);
const small = { preset: 'strokes', hiddenSize: 8, batchSize: 30, numEpochs: 2 };
const config = (run: string, flags: Record<string, unknown> = {}) =>
  smallConfig(`strokes:${images}`, join(folder, run), { ...small, ...flags });

async function train(
  settings: ReturnType<typeof config>,
  stopWhen: (event: TrainEvent) => boolean = () => false,
) {
  const stop = new AbortController();
  const events: TrainEvent[] = [];
  const run = trainRun(settings, { stop: stop.signal });
  let next = await run.next();
  for (; !next.done; next = await run.next()) {
    events.push(next.value);
    if (stopWhen(next.value)) stop.abort();
  }
  return { events, end: next.value };
}

test('an order by length has every sequence once, shuffled batches, and similar lengths in each batch', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 40 }), fc.nat(), (of, batchSize, seed) => {
      const order = epochOrderByLength(firstIndices(of.length), (i) => of[i], batchSize, seed, 1);
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        [...firstIndices(of.length)],
      );
      const rest = of.length % batchSize;
      const shuffled = epochOrder(firstIndices(of.length), seed, 1);
      assert.deepEqual(
        order.slice(of.length - rest),
        shuffled.slice(of.length - rest),
        'the incomplete batch',
      );
    }),
    { seed: 3, numRuns: 200 },
  );
  const of = Array.from({ length: 3200 }, (_, i) => 13 + ((i * 7919) % 105));
  const order = epochOrderByLength(firstIndices(3200), (i) => of[i], 100, 5, 1);
  const spreads = Array.from({ length: 32 }, (_, batch) => {
    const inBatch = [...order.subarray(batch * 100, (batch + 1) * 100)].map((i) => of[i]);
    return Math.max(...inBatch) - Math.min(...inBatch);
  });
  assert.ok(Math.max(...spreads) <= 5, `${spreads}`);
  const firsts = Array.from({ length: 32 }, (_, batch) => of[order[batch * 100]]);
  assert.notDeepEqual(
    firsts,
    [...firsts].sort((a, b) => a - b),
  );
  assert.notDeepEqual(
    order,
    epochOrderByLength(firstIndices(3200), (i) => of[i], 100, 5, 2),
  );
});

test('the scores of reversed and reordered strokes, the evaluation and the mistakes agree', async () => {
  const { events, end } = await train(config('scores', { numEpochs: 1 }));
  assert.equal(events[0].type, 'loading', 'converting images to strokes reports progress');
  const done = events.at(-1);
  assert.ok(done?.type === 'done');
  const { testScore, reversedScore, reorderedScore } = done.summary;
  assert.equal(reversedScore?.count, 50);
  assert.equal(reorderedScore?.count, 50);
  assert.deepEqual(
    (await evaluateRun(join(folder, 'scores'), { data: null, part: 'test', backend: 'wasm', threads: 1 }))
      .score,
    testScore,
  );
  assert.equal(end.mistakes.length, Math.min(30, 50 - testScore.correct));
  assert.ok(end.mistakes.every(({ picture }) => 'moves' in picture && picture.moves.length % 4 === 0));
});

test('an interrupted training on augmented strokes ends with the same bits', async () => {
  await train(config('whole'));
  await train(config('cut'), (event) => event.type === 'progress' && event.epoch === 2 && event.batch === 3);
  await train({ ...config('cut'), loadCp: join(folder, 'cut', 'last.safetensors') });
  const best = (run: string) => readFileSync(join(folder, run, 'best.safetensors')).toString('base64');
  assert.equal(best('cut'), best('whole'));
  const again = (flags: Record<string, unknown>) =>
    train({ ...config('cut', flags), loadCp: join(folder, 'cut', 'last.safetensors') });
  await assert.rejects(
    again({ strokeScale: 0.5 }),
    /was trained with stroke-scale 1, not 0\.5; go on as it was/,
  );
  await again({ viewRotation: 12 }); // Of recognition alone.
});

test('strokes of larger images are varied about the centre of their picture', async () => {
  const dataset = await loadDataset(`strokes:${images}`, { channelsImg: 1, order: 'tour' });
  const larger = { ...dataset, width: 60, height: 40 };
  const preprocessing = preprocessingOf(config('larger'), larger);
  assert.ok(preprocessing.kind === 'strokes');
  assert.deepEqual([preprocessing.width, preprocessing.height], [60, 40]);
  assert.ok(dataset.kind === 'strokes');
  assert.deepEqual([dataset.width, dataset.height], [28, 28], 'also from the cache');
});

test('training on drawings from a file or a folder, with order tour or pen', async () => {
  const drawings = join(folder, 'drawings');
  mkdirSync(drawings);
  for (const word of ['upright', 'level']) {
    const lines = Array.from({ length: 28 }, (_, n) => {
      const [along, across] = [
        [10, 60, 200 + n],
        [50 + n, 52, 50],
      ];
      return JSON.stringify({ word, drawing: [word === 'level' ? [along, across] : [across, along]] });
    });
    writeFileSync(join(drawings, `${word}.ndjson`), `${lines.join('\n')}\n`);
  }
  const both =
    readFileSync(join(drawings, 'upright.ndjson'), 'utf8') +
    readFileSync(join(drawings, 'level.ndjson'), 'utf8');
  writeFileSync(join(folder, 'both.ndjson'), both);
  for (const [data, strokeOrder] of [
    [drawings, 'tour'],
    [drawings, 'pen'],
    [join(folder, 'both.ndjson'), 'tour'],
  ]) {
    const run = join(folder, `drawn-${strokeOrder}-${data.endsWith('ndjson')}`);
    const settings = smallConfig(data, run, { ...small, batchSize: 8, strokeOrder });
    const { events } = await train(settings);
    const done = events.at(-1);
    assert.ok(done?.type === 'done');
    assert.deepEqual(done.summary.classes, ['level', 'upright']);
    const again = await evaluateRun(run, { data: null, part: 'test', backend: FASTEST, threads: 1 });
    assert.deepEqual(again.score, done.summary.testScore);
  }
});

test('strokes have a default preset; options without an effect on strokes are refused', async () => {
  assert.equal(resolveConfig({ flags: { data: 'strokes' } }).preset, 'strokes');
  assert.equal(resolveConfig({ flags: { data: 'some/sequences.tar.gz' } }).inputSize, 4);
  assert.equal(resolveConfig({ flags: { data: 'some/cats.ndjson' } }).preset, 'strokes');
  assert.equal(resolveConfig({ flags: { data: 'some/folder' } }).preset, 'quick');
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ head: 'flatten' }, /preset strokes/],
    [{ inputSize: 28 }, /input size 28/],
    [{ permute: 1 }, /--permute has no effect on strokes/],
    [{ augmentElastic: 1 }, /--augment-elastic has no effect on strokes/],
  ];
  for (const [flags, message] of refused) {
    await assert.rejects(
      train(config('refused', flags)),
      (e) => e instanceof UserError && message.test(e.message),
    );
  }
  await assert.rejects(
    train(smallConfig(images, join(folder, 'refused'), { augmentFlip: 0.5 })),
    (e) => e instanceof UserError && /--augment-flip has no effect on images/.test(e.message),
  );
  await assert.rejects(
    train(smallConfig(images, join(folder, 'refused'), { preset: 'strokes' })),
    (e) =>
      e instanceof UserError &&
      /the preset strokes is for strokes, but .* has images; name the data as strokes:.*scanstroke/.test(
        e.message,
      ),
  );
});
