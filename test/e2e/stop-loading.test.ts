/** Protects Ctrl-C while the data are loaded: one ends the training at once, and nothing is written. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../train/small-mnist.js';
import { COMMAND } from './command.js';

/** Making the strokes of MNIST takes longer on one thread; the threads of a busy machine need some time to end. */
const MAX_MS = 5000;

/** Whether a process handles SIGINT: bit 1 of SigCgt (proc(5)). */
function catchesSigint(pid: number | undefined): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number.parseInt(/^SigCgt:\s*\w*(\w)$/m.exec(status)?.[1] ?? '0', 16) & 2) !== 0;
}

test('one Ctrl-C while strokes are made ends train with 130', async () => {
  const folder = temporaryFolder();
  const run = join(folder, 'run');
  const env = { ...process.env, SCANSTROKE_CACHE: join(folder, 'cache'), NO_COLOR: '1' };
  const child = spawn(process.execPath, [COMMAND, 'train', '--data', 'strokes', '--saving-path', run], {
    env,
  });
  let stderr = '';
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const closed = new Promise((resolve) => child.on('close', resolve));
  while (!catchesSigint(child.pid)) await setTimeout(20);
  // The strokes of MNIST take seconds.
  await setTimeout(300);
  const pressed = performance.now();
  child.kill('SIGINT');
  const code = await closed;
  assert.equal(code, 130, stderr);
  assert.ok(performance.now() - pressed < MAX_MS, `${performance.now() - pressed} ms`);
  assert.match(stderr, /stopping while the data are loaded\n/);
  assert.match(stderr, /stopped before the first update; nothing was written\n$/);
  assert.equal(existsSync(run), false);
  assert.equal(existsSync(join(folder, 'cache')), false, 'half-made strokes are not cached');
});
