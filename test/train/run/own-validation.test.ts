/** Protects data whose files say what is for validation: a share that is asked for is left aside, and the run says so. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { trainRun } from '#src/train/run/run.js';
import { FASTEST, smallConfig, temporaryFolder } from '../small-mnist.js';

const sketches = fileURLToPath(new URL('../../../../test/fixtures/sketch-rnn/', import.meta.url));

test("sketch-rnn's files with --train-split", async () => {
  const folder = temporaryFolder();
  const data = join(folder, 'sketches');
  mkdirSync(data);
  copyFileSync(join(sketches, 'python2.npz'), join(data, 'cat.npz'));
  copyFileSync(join(sketches, 'protocol4.npz'), join(data, 'dog.npz'));
  const start = async (name: string, flags: Record<string, unknown>) => {
    const strokes = { strokeOrder: 'points', inputSize: 4, head: 'mean', numEpochs: 1, backend: FASTEST };
    const config = smallConfig(data, join(folder, name), { ...strokes, trainSplit: 5 / 6, ...flags });
    for await (const event of trainRun(config, { stop: new AbortController().signal })) {
      if (event.type === 'start') return event;
    }
    return assert.fail('no training');
  };
  const plain = await start('plain', {});
  assert.deepEqual([plain.trainCount, plain.validationCount], [24, 8]);
  assert.deepEqual(
    (plain.notices ?? []).filter((line) => line.includes('train-split')),
    [],
  );
  const given = await start('given', { trainSplit: 0.5 });
  assert.deepEqual([given.trainCount, given.validationCount], [24, 8]);
  assert.deepEqual(
    (given.notices ?? []).filter((line) => line.includes('train-split')),
    ['--train-split 0.5 changes nothing: the files of sketches say which 8 samples are for validation'],
  );
});
