/** Protects recognition on a GPU from the command line: `predict` and `serve` give the answers of the processor. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gpuEnvironment } from '../backends/webgpu/software-driver.js';
import { gpuOrSkip } from '../backends/webgpu/software-gpu.js';
import { checkpointBytes, STROKES } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../train/small-mnist.js';
import { COMMAND, scanstroke } from './command.js';

const folder = temporaryFolder();
const checkpoint = join(folder, 'best.safetensors');
writeFileSync(checkpoint, checkpointBytes(STROKES));
const DRAWING = {
  strokes: [
    [
      [10, 52, 30, 80],
      [8, 9, 71, 60],
    ],
  ],
};
const file = join(folder, 'drawing.json');
writeFileSync(file, JSON.stringify(DRAWING));

/** The answers are within 1e-5. */
function assertNear(got: number[], want: number[]): void {
  assert.equal(got.length, want.length);
  for (const [k, probability] of want.entries()) assert.ok(Math.abs(got[k] - probability) < 1e-5);
}

async function predict(backend: string): Promise<number[]> {
  const { code, stdout, stderr } = await scanstroke(
    ['predict', checkpoint, file, '--json', '--backend', backend],
    { env: gpuEnvironment() },
  );
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout)[0].probabilities;
}

test('predict gives the answers of the processor', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  assertNear(await predict('webgpu'), await predict('reference'));
});

test('serve answers on a GPU in all its threads, and ends', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const options = ['--port', '0', '--json', '--runs', join(folder, 'none'), '--threads', '2'];
  const child = spawn(process.execPath, [COMMAND, 'serve', checkpoint, ...options, '--backend', 'webgpu'], {
    env: { ...process.env, ...gpuEnvironment() },
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  let errors = '';
  child.stderr.on('data', (piece) => {
    errors += piece;
  });
  let text = '';
  for await (const piece of child.stdout) {
    text += piece;
    if (text.includes('}')) break;
  }
  const { url } = JSON.parse(text) as { url: string };
  const want = await predict('reference');
  const ask = async () => {
    const response = await fetch(`${url}api/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(DRAWING),
    });
    const body = await response.text();
    assert.equal(response.status, 200, body);
    assertNear(JSON.parse(body).results[0].probabilities, want);
  };
  await Promise.all(Array.from({ length: 6 }, ask));
  child.kill('SIGTERM');
  assert.equal(await ended, 0, errors);
});
