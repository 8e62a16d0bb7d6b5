/** Protects the command line from its environment: streams that are closed or full, folders that are gone. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { COMMAND } from './command.js';

const folder = temporaryFolder();
mkdirSync(join(folder, 'run'));
writeFileSync(join(folder, 'run/best.safetensors'), checkpointBytes(ROWS));

/** Runs a line of shell, in which `S` is the command. */
function shell(line: string, env: NodeJS.ProcessEnv = {}) {
  const S = `"${process.execPath}" "${COMMAND}"`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line.replaceAll('S ', `${S} `)], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

suite('streams', () => {
  test('a full disk behind standard output is one line', () => {
    if (!existsSync('/dev/full')) return; // not on macOS
    for (const command of ['presets', 'info run', 'info run --json', '--help']) {
      const { status, stderr } = shell(`S ${command} >/dev/full`);
      assert.match(stderr, /^scanstroke: cannot write standard output: the disk is full; .*\n$/, command);
      assert.equal(status, 2);
    }
  });
  test('closed ones change nothing', () => {
    assert.equal(shell('S info run >&- <&-').status, 0);
    assert.equal(shell('S info nowhere 2>&-').status, 2);
    assert.equal(shell('S info run | true; echo done').stdout, 'done\n');
  });
  test('a folder or nothing as standard input is one line', () => {
    for (const input of ['<&-', '<.', '</dev/null']) {
      const { status, stdout, stderr } = shell(`S predict run - ${input}`);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, /^scanstroke: .*standard input.*\n$/);
    }
  });
});

suite('folders that are gone', () => {
  test('the working folder', () => {
    mkdirSync(join(folder, 'gone'));
    for (const command of ['train', 'info x', 'page ../run --out site', 'data strokes --out x']) {
      mkdirSync(join(folder, 'gone'), { recursive: true });
      const { status, stderr } = shell(`cd gone && rmdir ../gone && S ${command}`);
      assert.match(stderr, /^scanstroke: .*\n$/, command);
      assert.equal(status, 2, command);
    }
    mkdirSync(join(folder, 'gone'));
    const { stderr } = shell('cd gone && rmdir ../gone && S train');
    assert.equal(
      stderr,
      'scanstroke: the working folder does not exist any more; change to another folder (cd)\n',
    );
  });
  test('the cache: commands that need none work, and the others name the variable', () => {
    for (const env of [
      { SCANSTROKE_CACHE: '/dev/null/x' },
      { SCANSTROKE_CACHE: '', XDG_CACHE_HOME: '', HOME: '' },
    ]) {
      assert.equal(shell('S info run', env).status, 0);
      const { status, stderr } = shell('S data strokes', env);
      assert.match(stderr, /^scanstroke: .*; SCANSTROKE_CACHE names .*\n$/);
      assert.equal(status, 2);
    }
  });
});
