/** Protects the table that `evaluate --robustness` prints, and which samples a limit takes. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { robustnessTable, spread, writeFiles } from '#src/cli/robustness.js';
import { sampleRobustness } from '../report/sample.js';
import { temporaryFolder } from '../train/small-mnist.js';

test('the table has a line for each change, and inputs without an answer only if there are any', () => {
  const { rows } = sampleRobustness();
  const text = robustnessTable(rows);
  assert.ok(!text.includes('\u001b'), 'class names cannot control the terminal');
  const [header, unchanged, , rotated, salt, inverted] = text.split('\n');
  assert.match(header, /inputs +unread$/);
  assert.match(unchanged, /^unchanged +98\.00 % +95\.0 – 100\.0 % +.\[2J9 49\.0 % +200$/);
  assert.match(rotated, /^drawing: rotated 10° +85\.00 % +−13\.00 +.* right 75\.00 % .* 400$/);
  assert.match(salt, /^picture: salt and pepper 5 % +100\.00 % +\+2\.00 /);
  assert.match(inverted, / 200 +40$/);
  const [shorter] = robustnessTable(rows.slice(0, 3)).split('\n');
  assert.match(shorter, /inputs$/);
});

test('names of rows have a form only where there are several', () => {
  const { rows } = sampleRobustness();
  const pictures = rows.filter(({ form }) => form !== 'drawing');
  assert.match(robustnessTable(pictures), /\nsalt and pepper 5 % /);
});

test('a limit takes evenly spaced samples', () => {
  const indices = Int32Array.from({ length: 10 }, (_, n) => 100 + n);
  assert.deepEqual([...spread(indices, 4)], [100, 102, 105, 107]);
  assert.deepEqual([...spread(indices, 1)], [100]);
  assert.deepEqual(spread(indices), indices);
  assert.deepEqual(spread(indices, 11), indices);
});

test('a measurement is not lost where its files cannot be written', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'charts', 'robustness.svg'), { recursive: true });
  const { files, notices } = await writeFiles(folder, sampleRobustness());
  assert.deepEqual([files.length, notices.length], [1, 1]);
  assert.match(notices[0], /^no chart: .*robustness\.svg/);
  mkdirSync(join(folder, 'whole', 'robustness.json'), { recursive: true });
  const none = await writeFiles(join(folder, 'whole'), sampleRobustness());
  assert.deepEqual(none.files, []);
  assert.match(none.notices[0], /^no robustness\.json and no chart: cannot write .*robustness\.json/);
});
