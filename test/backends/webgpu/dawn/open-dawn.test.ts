/** Protects that a process has one Dawn, whoever opens it, and as long as anything of it is used. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { gpuEnvironment } from '../software-driver.js';
import { gpuOrSkip } from '../software-gpu.js';

/** Opens two GPUs at once, collects what nothing holds, and uses both. Without one Dawn for both the process crashes. */
const PROGRAM = `
import { openBackend, SequenceClassifier } from 'scanstroke';
const opened = await Promise.all([openBackend('webgpu'), openBackend('webgpu')]);
for (let n = 0; n < 5; n++) {
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 50));
}
for (const gpu of opened) {
  const model = new SequenceClassifier({ inputSize: 1, hiddenSize: 2, numClasses: 2 }, gpu);
  const { logits } = await model.forward({ inputs: new Float32Array(4), batchSize: 2, steps: 2 });
  console.log(logits.length);
  model.close();
  gpu.close();
}`;

test('GPUs that are opened at the same time live as long as they are used', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', '--input-type=module', '--eval', PROGRAM],
    { encoding: 'utf8', timeout: 60_000, env: { ...process.env, ...gpuEnvironment() } },
  );
  assert.equal(stdout, '4\n4\n', stderr);
  assert.equal(status, 0, stderr);
});
