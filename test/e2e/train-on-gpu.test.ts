/**
 * Protects trainings on a GPU from the command line: the process ends with the right code, a killed run goes on with the
 * same bits, a run moves between GPU and processor, and a missing GPU is one line with a way out.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gpuEnvironment } from '../backends/webgpu/software-driver.js';
import { gpuOrSkip, testGpu } from '../backends/webgpu/software-gpu.js';
import { FASTEST, temporaryFolder, writeSmallMnist } from '../train/small-mnist.js';
import { scanstroke as run } from './command.js';

const KILLER = fileURLToPath(new URL('../../../test/e2e/kill-at-rename.mjs', import.meta.url));
const folder = temporaryFolder();
const data = writeSmallMnist(folder, 240, 40);
const small = ['--hidden-size', '8', '--batch-size', '30', '--num-epochs', '2', '--train-split', '0.75'];
const quiet = ['--chart-format', 'none', '--freq-output-train', '1'];

/** The command, where it finds the GPU of the tests. */
const scanstroke: typeof run = (args, options = {}) =>
  run(args, { ...options, env: { ...gpuEnvironment(), ...options.env } });

const train = (run: string, backend = 'webgpu') => {
  const place = ['--data', data, '--saving-path', join(folder, run), '--backend', backend];
  return ['train', ...place, ...small, ...quiet];
};
const resume = (run: string, ...more: string[]) => ['train', '--load-cp', join(folder, run), ...more];
const weights = (run: string) => readFileSync(join(folder, run, 'best.safetensors')).toString('base64');
const json = (run: string, file: string) => JSON.parse(readFileSync(join(folder, run, file), 'utf8'));

after(async () => {
  const gpu = await testGpu();
  if (typeof gpu !== 'string') gpu.close();
});

// The tests after it read its run.
test('a training names the GPU', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const { code, stderr } = await scanstroke(train('whole'));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /seed 0, on webgpu \(.+\)\n/);
});

test('the summary names the GPU, and config.json the backend', async (t) => {
  const gpu = await gpuOrSkip(t);
  if (!gpu) return;
  const summary = json('whole', 'summary.json');
  assert.equal(summary.backend, 'webgpu');
  assert.equal(summary.backend_description, gpu.description);
  assert.equal(summary.threads, 1);
  assert.equal(json('whole', 'config.json').backend, 'webgpu');
});

test('a run that is killed on a GPU goes on there with the same bits', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  // Renames: config, last; best, last, best of epoch 1. Then within epoch 2 by its progress.
  const { signal } = await scanstroke(train('killed'), {
    node: ['--import', KILLER],
    env: { KILL_AT: 'after 5' },
  });
  assert.equal(signal, 'SIGKILL');
  const again = await scanstroke(resume('killed', '--checkpoint-updates', '1'), {
    onError: (text, child) => {
      if (/epoch 2.*\b3\/6/.test(text)) child.kill('SIGKILL');
    },
  });
  assert.equal(again.signal, 'SIGKILL');
  const { code, stderr } = await scanstroke(resume('killed'));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^continues in epoch 2, after update \d/m);
  assert.equal(weights('killed'), weights('whole'));
});

test('Ctrl-C ends a training on a GPU with code 130; the processor goes on, and the GPU again', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const interrupt = { onError: interruptAt(/epoch 1.*\b3\/6/) };
  const first = await scanstroke(train('moved'), interrupt);
  assert.equal(first.code, 130, first.stderr);
  const second = await scanstroke(resume('moved', '--backend', FASTEST), {
    onError: interruptAt(/epoch 2.*\b2\/6/),
  });
  assert.equal(second.code, 130, second.stderr);
  const third = await scanstroke(resume('moved', '--backend', 'webgpu'));
  assert.equal(third.code, 0, third.stderr);
  assert.equal(json('moved', 'summary.json').backend, 'webgpu');
});

function interruptAt(progress: RegExp) {
  let sent = false;
  return (text: string, child: { kill(signal: 'SIGINT'): boolean }) => {
    if (!sent && progress.test(text)) sent = child.kill('SIGINT');
  };
}

test('evaluate gives the same score on a GPU and on the processor', async (t) => {
  if (!(await gpuOrSkip(t))) return;
  const score = async (backend: string) => {
    const { code, stdout, stderr } = await scanstroke([
      ...['evaluate', join(folder, 'whole')],
      ...['--backend', backend, '--json'],
    ]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const [onGpu, onHost] = [await score('webgpu'), await score(FASTEST)];
  assert.ok(Math.abs(onGpu.loss - onHost.loss) < 1e-5);
  assert.deepEqual(onGpu.confusion_matrix, onHost.confusion_matrix);
});

const isLinux = process.platform === 'linux';
test('without a GPU, one line says what to do', { skip: !isLinux && 'needs Vulkan' }, async () => {
  const { code, stderr } = await run(train('none'), {
    // No driver is there.
    env: { VK_ICD_FILENAMES: join(folder, 'none.json'), VK_DRIVER_FILES: join(folder, 'none.json') },
  });
  assert.equal(code, 2, stderr);
  const [line] = stderr.split('\n').filter((each) => each.startsWith('scanstroke:'));
  assert.match(line, /^scanstroke: backend webgpu: .*; or compute on the processor.* \(--backend\)$/);
});
