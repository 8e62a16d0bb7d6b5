/** Protects machines without a browser: the page's tests are skipped quickly, with one line, and nothing fails. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs Node.js without a browser. On a hang, `signal` is not null. */
function runWithout(...args: string[]) {
  const { NODE_TEST_CONTEXT: _, SCANSTROKE_NO_SKIPS: __, ...env } = process.env;
  const run = spawnSync(process.execPath, args, {
    cwd: root,
    env: { ...env, CHROMIUM: '/nonexistent/chromium' },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status: run.status, signal: run.signal, output: run.stdout + run.stderr };
}
const LINE = 'no Chromium runs here; install it (Debian: apt-get install chromium)';
const FILES = ['page/draw/draw', 'page/look', 'page/library/library', 'page/views'];

test('npm test skips the tests that need a browser, with one line, and does not fail', () => {
  const parts = [...FILES, 'page/draw/ink'].map((file) => `${file}.test`);
  const { status, signal, output } = runWithout('scripts/run-tests.mjs', ...parts);
  assert.deepEqual([status, signal], [0, null], output);
  assert.equal(output.split(LINE).length - 1, 1, output);
  assert.match(output, /pass 8\b/, 'the others run');
});

test('with --no-skips, npm test fails', () => {
  const { status, output } = runWithout('scripts/run-tests.mjs', '--no-skips', ...FILES);
  assert.equal(status, 1, output);
  assert.equal(output.split(LINE).length - 1, 1, output);
});

for (const file of FILES) {
  test(`${file}.test.js alone ends too, skipped`, () => {
    const { status, signal, output } = runWithout('--test', `build/test/${file}.test.js`);
    assert.deepEqual([status, signal], [0, null], output);
    assert.match(output, /skipped 1\b/);
    assert.ok(output.includes(LINE), output);
  });
}
