/** Protects metrics and summary of a run: both are read as written, also after a kill; damaged files are refused. */

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { MAX_EPOCHS, MAX_METRICS_BYTES } from '#src/runs/limits.js';
import { appendMetrics, readMetrics, readSummary, writeSummary } from '#src/runs/run-files.js';
import { type EpochMetrics, RUN_FILES, type RunSummary } from '#src/runs/run-folder.js';
import { UserError } from '#src/user-error.js';
import { HOSTILE_VALUES, withMember } from './hostile-values.js';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'scanstroke-run-'));
  path = join(folder, RUN_FILES.metrics);
});
afterEach(() => fs.rm(folder, { recursive: true }));

const epoch = (n: number): EpochMetrics => ({
  epoch: n,
  trainLoss: 1 / (n + 2),
  trainAccuracy: 1 / 3,
  validationLoss: 1e-300,
  validationAccuracy: 0.1 + 0.2,
  learningRate: 6e-3,
  seconds: 12.5,
  samplesPerSecond: 4000,
  lossScale: null,
  skippedSteps: 0,
  curve: [{ step: 10, loss: 2, accuracy: 0.25, learningRate: 1e-4 }],
});

test('the metrics of the longest run can be read', async () => {
  const long = 1.2345678901234567e-100;
  const point = { step: Number.MAX_SAFE_INTEGER, loss: long, accuracy: long, learningRate: long };
  const bytesOf = async (points: number) => {
    await fs.rm(path, { force: true });
    const numbers = { trainLoss: long, trainAccuracy: long, validationLoss: long, validationAccuracy: long };
    const others = { seconds: long, samplesPerSecond: long, lossScale: long, learningRate: long };
    const counts = { epoch: MAX_EPOCHS, skippedSteps: Number.MAX_SAFE_INTEGER };
    const curve = new Array(points).fill(point);
    await appendMetrics(folder, Object.assign({ curve }, numbers, others, counts));
    return (await fs.stat(path)).size;
  };
  const detailed = 5000; // see loop.ts
  const all = detailed * (await bytesOf(50)) + (MAX_EPOCHS - detailed) * (await bytesOf(1));
  assert.ok(all < MAX_METRICS_BYTES, `${all} bytes`);
});

const summary: RunSummary = {
  preset: null,
  testAccuracy: 0.9764,
  testLoss: 0.1,
  bestValAccuracy: 0.98,
  bestEpoch: 2,
  trainScore: { correct: 49_000, count: 50_000 },
  validationScore: { correct: 9800, count: 10_000 },
  testScore: { correct: 9764, count: 10_000 },
  trainSeconds: 50,
  totalSeconds: 60.5,
  epochs: 3,
  samplesPerSecond: 4000,
  gflops: 110,
  peakRssMb: 400,
  energyJoules: 1234.5,
  backend: 'cpu',
  backendDescription: 'AVX-512',
  threads: 2,
  parameters: 3_883_018,
  seed: 0,
  useAmp: false,
  skippedSteps: 0,
  stoppedBy: 'epochs',
  refusals: {
    test: { refused: 92, count: 10_000 },
    negatives: { refused: 19, count: 20 },
    kinds: [{ kind: 'letters', refused: 19, count: 20 }],
  },
  reversedScore: null,
  reorderedScore: { correct: 7, count: 10 },
  confusionMatrix: [
    [1, 2],
    [3, 4],
  ],
  classes: ['0', '1'],
  version: '0.1.0',
  node: 'v20.20.2',
};

const refused = (promise: Promise<unknown>, message: RegExp) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  });

test('metrics are read as they were appended, one line per epoch, in snake_case', async () => {
  for (const n of [1, 2]) await appendMetrics(folder, epoch(n));
  assert.deepEqual(await readMetrics(folder), [epoch(1), epoch(2)]);
  const lines = (await fs.readFile(path, 'utf8')).split('\n');
  assert.equal(lines.length, 3);
  const first = JSON.parse(lines[0]);
  assert.equal(first.validation_accuracy, 0.1 + 0.2);
  assert.equal(first.curve[0].learning_rate, 1e-4);
});

test('a last line torn at any byte is ignored', async () => {
  await appendMetrics(folder, epoch(1));
  const first = await fs.readFile(path, 'utf8');
  await appendMetrics(folder, epoch(2));
  const both = await fs.readFile(path, 'utf8');
  for (let length = first.length; length < both.length - 1; length++) {
    await fs.writeFile(path, both.slice(0, length));
    assert.deepEqual(await readMetrics(folder), [epoch(1)], `cut at ${length}`);
  }
  // Only the line break is missing: the line is complete.
  await fs.writeFile(path, both.slice(0, -1));
  assert.deepEqual(await readMetrics(folder), [epoch(1), epoch(2)]);
});

test('any other damage is refused with file and line', async () => {
  for (const n of [1, 2, 3]) await appendMetrics(folder, epoch(n));
  const lines = (await fs.readFile(path, 'utf8')).split('\n');
  const damaged = async (change: (lines: string[]) => string[], message: RegExp) => {
    await fs.writeFile(path, change([...lines]).join('\n'));
    await refused(readMetrics(folder), message);
  };
  await damaged((l) => l.with(1, l[1].slice(0, 40)), /metrics\.jsonl:2: not valid JSON/);
  await damaged((l) => l.with(1, ''), /metrics\.jsonl:2: not valid JSON/);
  await damaged(
    (l) => l.with(2, '{}'),
    /metrics\.jsonl:3: "epoch": expected a whole number from 1, found nothing/,
  );
  await damaged(
    (l) => l.with(0, l[0].replace('"step":10', '"step":"10"')),
    /:1: "curve\.0\.step": expected a whole number from 0, found "10"/,
  );
  await damaged(
    (l) => l.with(1, l[1].replace('"train_loss":0.25', '"train_loss":1e999')),
    /:2: "train_loss"/,
  );
  await damaged((l) => [l[0], l[2], l[1], ''], /metrics\.jsonl:3: epoch 2 follows epoch 3/);
  await damaged((l) => l.with(0, '['.repeat(1_000_000)), /metrics\.jsonl:1: nested deeper than 32/);
  await refused(readMetrics(join(folder, 'missing')), /cannot read the run's metrics .* it does not exist/);
});

test('a number that JSON cannot represent is refused before anything is written', async () => {
  await refused(
    appendMetrics(folder, { ...epoch(1), validationLoss: Number.NaN }),
    /validation_loss: it is NaN/,
  );
  await refused(
    writeSummary(folder, { ...summary, gflops: Number.POSITIVE_INFINITY }),
    /gflops: it is Infinity/,
  );
  assert.deepEqual(await fs.readdir(folder), []);
});

test('any value in place of any field of metrics or summary is refused, or has the form of the field', async () => {
  await appendMetrics(folder, epoch(1));
  await writeSummary(folder, summary);
  const metrics: object = JSON.parse(await fs.readFile(path, 'utf8'));
  const end: object = JSON.parse(await fs.readFile(join(folder, RUN_FILES.summary), 'utf8'));
  const shares = /Accuracy$/;
  let refusals = 0;
  for (const [file, content, read] of [
    [RUN_FILES.metrics, metrics, async () => (await readMetrics(folder))[0]],
    [RUN_FILES.summary, end, () => readSummary(folder)],
  ] as const) {
    const form = await read();
    for (const key of Object.keys(content)) {
      for (const value of [undefined, ...HOSTILE_VALUES]) {
        await fs.writeFile(join(folder, file), `${withMember(content, key, value)}\n`);
        try {
          for (const [name, found] of Object.entries(await read())) {
            const expected = form[name as keyof typeof form] as unknown;
            const what = `${file}: ${key} = ${value?.slice(0, 40)}`;
            if (expected !== null && found !== null) assert.equal(typeof found, typeof expected, what);
            if (typeof found === 'number') assert.ok(Number.isFinite(found), what);
            if (shares.test(name)) assert.ok(Number(found) >= 0 && Number(found) <= 1, what);
          }
        } catch (error) {
          assert.ok(error instanceof UserError, `${key} = ${value}: ${error}`);
          assert.ok(error.message.startsWith(join(folder, file)) && error.message.length < 1000);
          refusals++;
        }
      }
    }
  }
  assert.ok(refusals > 700, String(refusals));
});

test('a confusion matrix that does not fit the classes, and more correct answers than answers, are refused', async () => {
  const cases: [Partial<RunSummary>, RegExp][] = [
    [{ confusionMatrix: [[1, 2]] }, /a row and a column for each of its classes/],
    [{ confusionMatrix: [[1], [2]] }, /a row and a column for each of its classes/],
    [{ testScore: { correct: 3, count: 2 } }, /"test_score": expected a score with correct at most count/],
    [{ testAccuracy: 1.5 }, /"test_accuracy": expected a number from 0 to 1, found 1\.5/],
  ];
  for (const [change, message] of cases) {
    await writeSummary(folder, { ...summary, ...change });
    await refused(readSummary(folder), message);
  }
});

test('the summary is read as written, in snake_case on disk', async () => {
  await writeSummary(folder, summary);
  assert.deepEqual(await readSummary(folder), summary);
  const onDisk = JSON.parse(await fs.readFile(join(folder, 'summary.json'), 'utf8'));
  assert.equal(onDisk.best_val_accuracy, 0.98);
  assert.equal(onDisk.peak_rss_mb, 400);
  assert.deepEqual(onDisk.test_score, { correct: 9764, count: 10_000 });
});

test('a missing or damaged summary is refused with the file name', async () => {
  await refused(readSummary(folder), /cannot read the run's summary .*summary\.json: it does not exist/);
  await fs.writeFile(join(folder, 'summary.json'), '{"preset": 3}');
  await refused(readSummary(folder), /summary\.json: "preset": expected a text, found 3/);
  await fs.writeFile(join(folder, 'summary.json'), '{"preset": ');
  await refused(readSummary(folder), /summary\.json: not valid JSON: .*; resuming the run writes it again/);
});
