/** Protects the reading of metrics.jsonl as it grows: at every moment the result equals that of reading it anew. */
import assert from 'node:assert/strict';
import { appendFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EpochMetrics } from '#src/runs/run-folder.js';
import { MetricsFile } from '#src/serve/runs/metrics-file.js';
import { UserError } from '#src/user-error.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { metricsOf, metricsText } from './served-runs.js';

const path = join(temporaryFolder(), 'metrics.jsonl');

test('a file that grows byte by byte is read as if anew', () => {
  const text = metricsText(metricsOf(3));
  const growing = new MetricsFile(path);
  for (let length = 0; length <= text.length; length += 37) {
    writeFileSync(path, text.slice(0, length));
    const taken: EpochMetrics[] = [];
    const anew = new MetricsFile(path).update((line) => taken.push(line));
    assert.deepEqual(growing.update(), anew);
    assert.equal(anew.epochs, taken.length);
    const whole = text.slice(0, length).split('\n').length - 1;
    assert.ok(anew.epochs === whole || anew.epochs === whole + 1, `${anew.epochs} of ${whole}`);
  }
});

test('only what was appended is read', () => {
  const lines = metricsText(metricsOf(5)).split(/(?<=\n)/);
  writeFileSync(path, lines.slice(0, 3).join(''));
  const file = new MetricsFile(path);
  const epochs: number[] = [];
  const take = ({ epoch }: EpochMetrics) => epochs.push(epoch);
  file.update(take);
  appendFileSync(path, lines[3]);
  file.update(take);
  appendFileSync(path, lines[4].trimEnd());
  const tally = file.update(take);
  assert.deepEqual(epochs, [1, 2, 3, 4, 5]);
  const accuracies = metricsOf(5).map(({ validationAccuracy }) => validationAccuracy);
  assert.equal(tally.bestAccuracy, Math.max(...accuracies));
  assert.equal(tally.last?.epoch, 5);
});

test('a file that was shortened, replaced or written anew in place is read from the start', () => {
  const three = metricsText(metricsOf(3));
  const [one, two] = [1, 2].map((epochs) =>
    three
      .split(/(?<=\n)/)
      .slice(0, epochs)
      .join(''),
  );
  const file = new MetricsFile(path);
  const epochsAfter = (change: () => void) => {
    change();
    return file.update().epochs;
  };
  assert.equal(
    epochsAfter(() => writeFileSync(path, two)),
    2,
  );
  assert.equal(
    epochsAfter(() => truncateSync(path, one.length)),
    1,
  );
  const other = three.replaceAll('"seconds":', '"seconds":1');
  assert.equal(
    epochsAfter(() => writeFileSync(path, other)),
    3,
  );
  const seconds = file.update().seconds;
  writeFileSync(`${path}.new`, three);
  assert.equal(
    epochsAfter(() => renameSync(`${path}.new`, path)),
    3,
  );
  assert.ok(file.update().seconds < seconds);
});

test('damage names the line, and is over when the file is repaired', () => {
  const good = metricsText(metricsOf(2));
  const file = new MetricsFile(path);
  const damages: [string, RegExp][] = [
    [`${good}{"epoch": 3}\n`, /metrics\.jsonl:3: "train_loss": expected a number, found nothing/],
    [good + good, /metrics\.jsonl:3: epoch 1 follows epoch 2/],
    [`\n${good}`, /metrics\.jsonl:1: not valid JSON/],
    [`${good}${'x'.repeat(2 ** 19)}\n`, /metrics\.jsonl:3: (longer than 262144 bytes|not valid JSON)/],
    [good + 'x'.repeat(2 ** 19 + 2 ** 18), /metrics\.jsonl:3: longer than 262144 bytes/],
  ];
  for (const [text, message] of damages) {
    writeFileSync(path, text);
    for (let n = 0; n < 2; n++) {
      assert.throws(
        () => file.update(),
        (error) => error instanceof UserError && message.test(error.message),
      );
    }
    writeFileSync(path, good);
    assert.equal(file.update().epochs, 2);
  }
  // Costs no room on the disk, and must cost no memory and no time.
  truncateSync(path, 0);
  truncateSync(path, 2 ** 26);
  const began = performance.now();
  assert.throws(() => file.update(), /:1: longer than/);
  assert.ok(performance.now() - began < 1000);
  truncateSync(path, 2 ** 26 + 1);
  assert.throws(() => file.update(), /at most 67108864 are accepted/);
  const link = `${path}.link`;
  symlinkSync(path, link);
  assert.throws(() => new MetricsFile(link).update(), UserError);
});
