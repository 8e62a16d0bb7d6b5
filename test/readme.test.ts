/** Protects the README: its options are all there are, and its examples run as they stand. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { flagName, OPTION_KEYS } from '#src/train/config/options.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

test('every option of a training is listed, and no other', () => {
  const listed = [...readme.matchAll(/^\| `--([a-z0-9-]+)` +\|/gm)].map((match) => match[1]);
  assert.deepEqual(listed.sort(), OPTION_KEYS.map(flagName).sort());
});

/** Runs the n-th example of the library; gives the lines that it prints. */
function runExample(n: number): string[] {
  const example = [...readme.matchAll(/```js\n([\s\S]*?)```/g)][n][1];
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', example], {
    cwd: root,
    encoding: 'utf8',
  });
  return output.trim().split('\n');
}

test('the example of the library runs and learns', () => {
  const losses = runExample(0).map(Number);
  assert.equal(losses.length, 5);
  assert.ok(losses[4] < losses[0] / 10, `${losses}`);
});

test('the example of training on many examples runs and learns', () => {
  const lines = runExample(1);
  assert.match(lines[0], /^\{ loss: [\d.]+, accuracy: [\d.]+ \}$/);
  assert.match(lines.join(' '), /accuracy: 1[,\s].*count: 64/);
});
