/** Protects resuming with a damaged metrics.jsonl: every epoch of the checkpoint is kept once, and nothing is lost. */
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { takeMetrics } from '#src/runs/metrics-repair.js';
import { appendMetrics, readMetrics } from '#src/runs/run-files.js';
import type { EpochMetrics } from '#src/runs/run-folder.js';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'scanstroke-repair-'));
  path = join(folder, 'metrics.jsonl');
});
afterEach(() => fs.rm(folder, { recursive: true }));

const epoch = (n: number, changes: Partial<EpochMetrics> = {}): EpochMetrics => ({
  epoch: n,
  trainLoss: 1 / (n + 2),
  trainAccuracy: 1 / 3,
  validationLoss: 0.5,
  validationAccuracy: 0.9,
  learningRate: 6e-3,
  seconds: 12.5,
  samplesPerSecond: 4000,
  lossScale: null,
  skippedSteps: 0,
  curve: [],
  ...changes,
});
const append = async (...lines: EpochMetrics[]) => {
  for (const line of lines) await appendMetrics(folder, line);
};
const text = () => fs.readFile(path, 'utf8');
const take = (lastEpoch: number, source?: string) => takeMetrics(folder, { lastEpoch, best: null }, source);

test('later epochs and a torn line are dropped without a word, and other lines do not change', async () => {
  await append(epoch(1), epoch(2), epoch(3));
  const newer = (await text()).replace('{"epoch":1,', '{"epoch":1,"of_a_newer_version":true,');
  await fs.writeFile(path, `${newer}{"epoch":4,"tr`);
  assert.deepEqual(await take(2), { metrics: [epoch(1), epoch(2)], notices: [] });
  assert.equal(await text(), `${newer.split('\n').slice(0, 2).join('\n')}\n`);
  await append(epoch(3));
  assert.deepEqual(await readMetrics(folder), [epoch(1), epoch(2), epoch(3)]);
  await take(0);
  assert.equal(await text(), '');
  assert.deepEqual(await fs.readdir(folder), ['metrics.jsonl']);
});

test('a run that goes on in another folder takes the epochs before its checkpoint along', async () => {
  await append(epoch(1), epoch(2), epoch(3));
  const [other, bare] = ['other', 'bare'].map((name) => join(folder, name));
  await fs.mkdir(other);
  await fs.mkdir(bare);
  const known = { lastEpoch: 2, best: null };
  await takeMetrics(other, known, folder);
  assert.deepEqual(await readMetrics(other), [epoch(1), epoch(2)]);
  const { metrics, notices } = await takeMetrics(other, known, bare);
  assert.deepEqual(metrics, [], 'epochs of another run are dropped');
  assert.deepEqual(notices, [
    `${join(bare, 'metrics.jsonl')} has no line of epochs 1 to 2; charts leave them out`,
  ]);
  await takeMetrics(bare, { lastEpoch: 0, best: null }, folder);
  assert.deepEqual(await fs.readdir(bare), [], 'a new run has no epochs');
});

test('lines of two trainings in one folder: each epoch is kept once, the damaged file stays', async () => {
  const [first, second] = [epoch(3, { seconds: 1 }), epoch(3, { seconds: 2 })];
  await append(
    epoch(1),
    epoch(2),
    first,
    second,
    epoch(4, { seconds: 1 }),
    epoch(4, { seconds: 2 }),
    epoch(5),
  );
  const damaged = await text();
  await assert.rejects(
    readMetrics(folder),
    /metrics\.jsonl:4: epoch 3 follows epoch 3; resuming the run repairs the file$/,
  );
  const { metrics, notices } = await take(4);
  assert.deepEqual(metrics, [epoch(1), epoch(2), second, epoch(4, { seconds: 2 })]);
  assert.deepEqual(await readMetrics(folder), metrics);
  assert.deepEqual(notices, [
    `${path}:4: epoch 3 follows epoch 3: the file was repaired; it is kept as ${path}.damaged-1`,
  ]);
  assert.equal(await fs.readFile(`${path}.damaged-1`, 'utf8'), damaged);
  assert.deepEqual((await take(4)).notices, []);

  await fs.writeFile(path, damaged);
  await take(4);
  assert.deepEqual((await fs.readdir(folder)).sort(), ['metrics.jsonl', 'metrics.jsonl.damaged-1']);
  await fs.writeFile(path, `${damaged}\n`);
  assert.match((await take(4)).notices[0], /damaged-2$/, 'another damage has another copy');
});

test('the line of the best epoch is the one that the checkpoint knows', async () => {
  const known = epoch(2, { validationAccuracy: 0.95, validationLoss: 0.25 });
  await append(epoch(1), known, epoch(2), epoch(2, { validationAccuracy: 0.95 }));
  const best = { accuracy: 0.95, loss: 0.25, epoch: 2 };
  assert.deepEqual((await takeMetrics(folder, { lastEpoch: 2, best })).metrics, [epoch(1), known]);
});

test('damaged lines in the middle are left out and named', async () => {
  await append(epoch(1), epoch(2), epoch(3), epoch(4), epoch(5));
  const lines = (await text()).split('\n');
  const damage = lines.with(1, lines[1].slice(0, 40)).with(3, '\0\0\0').with(4, '{}');
  await fs.writeFile(path, damage.join('\n'));
  const { metrics, notices } = await take(6);
  assert.deepEqual(metrics, [epoch(1), epoch(3)]);
  assert.match(notices[0], /metrics\.jsonl:2: not valid JSON: .*: the file was repaired; it is kept as/);
  assert.match(notices[1], /metrics\.jsonl has no line of epoch 2, epochs 4 to 6; charts leave them out$/);
  assert.deepEqual(await readMetrics(folder), metrics);
});

test('a missing file does not end a run, and a count of epochs that is absurd takes no time', async () => {
  const { metrics, notices } = await take(Number.MAX_SAFE_INTEGER - 1);
  assert.deepEqual(metrics, []);
  assert.match(notices[0], /has no line of epochs 1 to 9007199254740990;/);
});
