/** Protects the message about missing memory: the number in it is what a team allocates. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openReference } from '#src/backends/reference/reference.js';
import { NO_AUGMENTATION } from '#src/data/augmentation.js';
import { shareArrays } from '#src/data/sequences/array-sequences.js';
import { shortageOf } from '#src/formats/shortage.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { resolveOptimizer } from '#src/train/optimizer.js';
import { openTeam } from '#src/train/team/team.js';
import { teamBytes } from '#src/train/team/team-memory.js';
import { startCallingThread } from '#src/train/team/threads/threads-page.js';

const model = resolveClassifierConfig({
  inputSize: 3,
  hiddenSize: 5,
  numLayers: 2,
  numClasses: 4,
  head: 'mean',
});
const inputs = Float32Array.from({ length: 2 * 6 * 3 }, (_, i) => Math.sin(i));
const examples = shareArrays(
  { inputs, labels: Int32Array.of(1, 3), steps: 6, batchSize: 2, inputSize: 3 },
  model.numClasses,
);
const training = {
  optimizer: resolveOptimizer({ name: 'adam' }),
  batchSize: 2,
  maxNorm: 1,
  labelSmoothing: 0,
  seed: 0,
  augmentation: NO_AUGMENTATION,
};

test('the memory of a team is known before it is allocated', async (t) => {
  for (const options of [{ training: null }, { training }, { training, precision: 'float16' as const }]) {
    const backend = openReference();
    const allocated = [t.mock.method(backend, 'allocate'), t.mock.method(backend, 'allocateInts')];
    const all = {
      backend,
      model,
      threads: 1,
      parts: { train: { kind: 'arrays' as const, ...examples } },
      ...options,
    };
    const expected = teamBytes(all);
    const team = await openTeam({ ...all, startThread: startCallingThread });
    const values = allocated.flatMap(({ mock }) => mock.calls.map((call) => Number(call.arguments[0])));
    assert.equal(expected, 4 * values.reduce((sum, length) => sum + length));
    await team.close();
  }
});

test('errors of Node.js, V8 and threads that mean a shortage are told from others', () => {
  const error = (message: string, code?: string) => Object.assign(new Error(message), { code });
  for (const [message, code] of [
    ['EMFILE: too many open files, open a'],
    ["train: worker thread 0 failed: EMFILE: too many open files, open 'a.js'"],
    ['file table overflow', 'ENFILE'],
  ])
    assert.equal(shortageOf(error(message, code)), 'files', message);
  for (const [message, code] of [
    ['Worker initialization failure: EAGAIN', 'ERR_WORKER_INIT_FAILED'],
    ['Worker terminated due to reaching memory limit: JS heap out of memory', 'ERR_WORKER_OUT_OF_MEMORY'],
    ['Array buffer allocation failed'],
    ['WebAssembly.Memory(): could not allocate memory'],
    ['backend cpu: cannot allocate 512 MB in one piece'],
  ])
    assert.equal(shortageOf(error(message, code)), 'memory', message);
  for (const other of [error('offset is out of bounds'), error('gone', 'ENOENT'), 'EMFILE', null])
    assert.equal(shortageOf(other), null);
});
