/**
 * Protects the suite: a test that hangs fails, and its file is named, while other processes still run; files that need a
 * GPU run in one process, and without a GPU they are skipped with one line.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../train/small-mnist.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** Node.js 20.10 has no time limit for test files. */
const limited = spawnSync(process.execPath, ['--test-timeout=1', '--version']).status === 0;

/** A folder with the scripts, and these files in build/test. */
function projectOf(files: Record<string, string>): string {
  const folder = temporaryFolder();
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, 'build/test', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return folder;
}

function runTests(folder: string, ...args: string[]) {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, SCANSTROKE_NO_SKIPS: ___, ...env } = process.env;
  const run = spawnSync(process.execPath, [join(folder, 'scripts/run-tests.mjs'), ...args], {
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status: run.status, output: run.stdout + run.stderr };
}

test('a file that hangs is ended and named', { skip: !limited && 'needs Node.js 20.11' }, () => {
  const file = (name: string, body: string) =>
    `import { test } from 'node:test'; test('${name} body', () => { ${body} });`;
  const folder = projectOf({
    'before.test.js': file('before', ''),
    'forever.test.js': file('forever', 'for (;;);'),
    'e2e/other.test.js': file('other', ''), // in a process of its own
  });
  const script = join(folder, 'scripts/run-tests.mjs');
  const text = readFileSync(script, 'utf8');
  const quick = text.replace(/(FILE_TIMEOUT_MS = ).*;/, '$1 1500;');
  assert.notEqual(quick, text, 'there is a limit to shorten');
  writeFileSync(script, quick);
  const { status, output } = runTests(folder);
  assert.equal(status, 1, output);
  const begun = [...output.matchAll(/^# Subtest: the tests of (\S+) begin$/gm)].map(([, name]) => name);
  assert.deepEqual(begun, ['before.test.js', 'forever.test.js'], output);
  assert.match(output, /^not ok .*neighbours-1/m);
  assert.match(output, /test timed out after 1500ms/);
  assert.match(output, /^ok .*other body$/m);
});

test('files of a process run one after the other; those with hooks run by themselves', () => {
  const file = (body: string) => `
    import { after, before, test } from 'node:test';
    ${body}`;
  const folder = projectOf({
    'a.test.js': file(
      `process.env.WORD = 'a'; test('a', () => console.log('a', process.env.WORD, process.pid));`,
    ),
    'b.test.js': file(
      `process.env.WORD = 'b'; test('b', () => console.log('b', process.env.WORD, process.pid));`,
    ),
    'hook.test.js': file(`
before(() => console.log('hook', 'hook', process.pid));
test('c', () => {});`),
  });
  const { status, output } = runTests(folder);
  assert.equal(status, 0, output);
  const said = [...output.matchAll(/^# (a|b|hook) (\w+) (\d+)$/gm)].map(([, name, word, id]) => ({
    name,
    word,
    id,
  }));
  assert.deepEqual(said.map(({ name }) => name).sort(), ['a', 'b', 'hook'], output);
  assert.ok(
    said.every(({ name, word }) => name === word),
    output,
  );
  const [a, b, hook] = ['a', 'b', 'hook'].map((name) => said.find((each) => each.name === name)?.id);
  assert.equal(a, b);
  assert.notEqual(a, hook);
});

/** Two files that need a GPU and say their process, and one that needs none. */
function gpuProject(testGpu: string): string {
  const file = (name: string) => `
    import { test } from 'node:test';
    import { testGpu } from './software-gpu.js';
    test('${name}', () => console.log('process', process.pid));`;
  return projectOf({
    'backends/webgpu/software-gpu.js': `export async function testGpu() { ${testGpu} }`,
    'backends/webgpu/one.test.js': file('one'),
    'backends/webgpu/two.test.js': file('two'),
    'other.test.js': `import { test } from 'node:test'; test('other', () => {});`,
  });
}

test('files that need a GPU run in one process', () => {
  const { status, output } = runTests(gpuProject('return { close() {} };'));
  assert.equal(status, 0, output);
  const processes = [...output.matchAll(/process (\d+)/g)].map(([, id]) => id);
  assert.equal(processes.length, 2, output);
  assert.equal(new Set(processes).size, 1);
  assert.match(output, /pass 3\b/);
  assert.doesNotMatch(output, /skipped: /);
});

test('without a GPU one line says why, and --no-skips fails', () => {
  const folder = gpuProject("return 'no driver';");
  const { status, output } = runTests(folder);
  assert.equal(status, 0, output);
  assert.equal(output.split('tests on a GPU are skipped: no driver\n').length - 1, 1, output);
  assert.match(output, /pass 3\b/, 'the tests skip themselves');
  assert.equal(runTests(folder, '--no-skips').status, 1);
});

test('a driver that crashes is named, and is not opened again', () => {
  const crash =
    "process.kill(process.pid, 'SIGSEGV'); setTimeout(() => {}, 60_000); await new Promise(() => {});";
  const folder = gpuProject(`if (process.env.SCANSTROKE_NO_GPU) return console.log('told'); ${crash}`);
  const file = join(folder, 'build/test/backends/webgpu/one.test.js');
  writeFileSync(file, `${readFileSync(file, 'utf8')}; await testGpu();`);
  const { status, output } = runTests(folder);
  assert.equal(status, 0, output);
  assert.match(output, /skipped: the driver does not work \(SIGSEGV\)/);
  assert.match(output, /told/);
});
