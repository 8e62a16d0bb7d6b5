/** Protects the README: its options are all there are, and its example runs as it stands. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { flagName, OPTION_KEYS } from '#src/train/options.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

test('every option of a training is listed, and no other', () => {
  const listed = [...readme.matchAll(/^\| `--([a-z0-9-]+)` +\|/gm)].map((match) => match[1]);
  assert.deepEqual(listed.sort(), OPTION_KEYS.map(flagName).sort());
});

test('the example of the library runs and learns', () => {
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', example], {
    cwd: root,
    encoding: 'utf8',
  });
  const losses = output.trim().split('\n').map(Number);
  assert.equal(losses.length, 5);
  assert.ok(losses[4] < losses[0] / 10, output);
});
