/** Protects the suite from a test that hangs: the test's file fails by name, and the others still run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../train/small-mnist.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Node.js 20.10 has no time limit for test files. */
const limited = spawnSync(process.execPath, ['--test-timeout=1', '--version']).status === 0;

test('a file that hangs is ended and named', { skip: !limited && 'needs Node.js 20.11' }, () => {
  const folder = temporaryFolder();
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
  const script = join(folder, 'scripts/run-tests.mjs');
  const text = readFileSync(script, 'utf8');
  const quick = text.replace(/(FILE_TIMEOUT_MS = ).*;/, '$1 1500;');
  assert.notEqual(quick, text, 'there is a limit to shorten');
  writeFileSync(script, quick);
  mkdirSync(join(folder, 'build/test'), { recursive: true });
  const write = (name: string, body: string) =>
    writeFileSync(
      join(folder, 'build/test', `${name}.test.js`),
      `require('node:test')('${name} body', () => { ${body} });`,
    );
  write('forever', 'for (;;);');
  write('other', '');
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, [script], {
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 1, stdout);
  assert.match(stdout, /not ok .*forever\.test\.js$/m);
  assert.match(stdout, /test timed out after 1500ms/);
  assert.match(stdout, /^ok .*other body$/m);
});
