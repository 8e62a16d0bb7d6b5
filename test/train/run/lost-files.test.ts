/** Protects runs with lost or damaged files: they go on with what is left, and a notice says what was lost. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { test } from 'node:test';
import { UserError } from 'scanstroke';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { readMetrics } from '#src/runs/run-files.js';
import { smallConfig } from '../small-mnist.js';
import { lastOf, train, trainedRuns } from './trained-runs.js';

const { at, data, checkpoint } = trainedRuns();

/** The lines for the user at the start of a run. */
function noticesOf({ events }: Awaited<ReturnType<typeof train>>): string[] {
  return events.flatMap((event) => (event.type === 'start' ? (event.notices ?? []) : []));
}

test('a best checkpoint with which the run could not end is kept aside, and replaced', async () => {
  await train(smallConfig(data, at('beside'), { numEpochs: 1 }));
  await train(smallConfig(data, at('larger'), { numEpochs: 1, hiddenSize: 13 }));
  const best = at('beside/best.safetensors');
  const [before, foreign] = [readFileSync(best), readFileSync(at('larger/best.safetensors'))];
  writeFileSync(best, foreign);
  const again = await train({
    ...smallConfig(data, at('beside'), { numEpochs: 1 }),
    loadCp: at('beside/last.safetensors'),
  });
  assert.match(
    noticesOf(again)[0],
    /best\.safetensors is of another architecture: hidden size 13, not \d+; it is kept as .*damaged-1; it was/,
  );
  assert.deepEqual(readFileSync(best), before);
  assert.deepEqual(readFileSync(at('beside/best.safetensors.damaged-1')), foreign);
});

test('a best checkpoint that is lost is written again, or replaced by the best that is left, with a notice', async (t) => {
  await train(smallConfig(data, at('lost')));
  const before = checkpoint('lost', 'best.safetensors');
  const again = { ...smallConfig(data, at('lost')), loadCp: at('lost/last.safetensors') };
  rmSync(at('lost/best.safetensors'));
  assert.match(
    noticesOf(await train(again))[0],
    /best\.safetensors is missing; it was written again from last\.safetensors, which has the same weights$/,
  );
  assert.equal(checkpoint('lost', 'best.safetensors'), before);

  const torn = Buffer.from(before, 'base64').subarray(0, 5000);
  writeFileSync(at('lost/best.safetensors'), torn);
  const [notice] = noticesOf(await train({ ...again, savingPath: at('found') }));
  assert.match(notice, /lost.best\.safetensors.*; it was written again/);
  assert.equal(checkpoint('found', 'best.safetensors'), before);
  await train(again);
  assert.deepEqual(readFileSync(at('lost/best.safetensors.damaged-1')), torn);
  assert.equal(checkpoint('lost', 'best.safetensors'), before);

  const whole = decodeCheckpoint(readFileSync(at('lost/last.safetensors')), 'lost');
  const state = { ...whole.training?.state, best: { accuracy: 0.99, loss: 0.1, epoch: 1 } };
  const optimizer = whole.training?.optimizer ?? new Map();
  writeFileSync(at('lost/last.safetensors'), encodeCheckpoint({ ...whole, training: { optimizer, state } }));
  rmSync(at('lost/best.safetensors'));
  const { rename } = fs;
  const full = Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'rename' });
  const disk = t.mock.method(fs, 'rename', (from: string, to: string) =>
    to.endsWith('last.safetensors') ? Promise.reject(full) : rename(from, to),
  );
  await assert.rejects(train(again), UserError);
  disk.mock.restore();
  // If a best checkpoint had been written before the last one, it would now be taken for that of epoch 1.
  const run = await train(again);
  assert.match(
    noticesOf(run)[0],
    /is missing; the weights of epoch 1, the best so far, are lost; epoch 2, whose weights are in last/,
  );
  assert.equal(lastOf(run).summary.bestEpoch, 2);

  const config = smallConfig(data, at('half lost'), { numEpochs: 3 });
  await train(config, (event) => event.type === 'progress' && event.epoch === 2 && event.batch === 2);
  rmSync(at('half lost/best.safetensors'));
  const rest = await train({ ...config, loadCp: at('half lost/last.safetensors') });
  assert.match(noticesOf(rest)[0], /are lost; the best of the epochs that follow is kept$/);
  assert.ok(lastOf(rest).summary.bestEpoch >= 2);
});

test('a network that was never validated takes its best checkpoint along, also if nothing is left to train', async () => {
  await train(smallConfig(data, at('imported')));
  const { training, ...network } = decodeCheckpoint(readFileSync(at('imported/last.safetensors')), 'last');
  assert.ok(training);
  const state = { ...training.state, best: null };
  writeFileSync(
    at('imported/last.safetensors'),
    encodeCheckpoint({ ...network, training: { ...training, state } }),
  );
  const config = {
    ...smallConfig(data, at('went on'), { numEpochs: 1 }),
    loadCp: at('imported/last.safetensors'),
  };
  const { bestEpoch, epochs } = lastOf(await train(config)).summary;
  assert.deepEqual([bestEpoch, epochs], [0, 2]);
  assert.equal(checkpoint('went on', 'best.safetensors'), checkpoint('imported', 'best.safetensors'));

  rmSync(at('imported/best.safetensors'));
  const [notice] = noticesOf(await train({ ...config, savingPath: at('without') }));
  assert.match(notice, /best\.safetensors is missing; it was written again from last\.safetensors/);

  const anew = { ...config, loadCp: at('went on/best.safetensors'), savingPath: at('anew') };
  await train(anew, (event) => event.type === 'progress');
  assert.equal(existsSync(at('anew/best.safetensors')), false);
});

test('a run whose metrics two trainings wrote, or that lost them, can be resumed', async () => {
  await train(smallConfig(data, at('mixed up')));
  const path = at('mixed up/metrics.jsonl');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text + text);
  const more = {
    ...smallConfig(data, at('mixed up'), { numEpochs: 3 }),
    loadCp: at('mixed up/last.safetensors'),
  };
  const [notice] = noticesOf(await train(more));
  assert.match(notice, /:3: epoch 1 follows epoch 2: the file was repaired; it is kept as .*\.damaged-1$/);
  assert.deepEqual(
    (await readMetrics(at('mixed up'))).map(({ epoch }) => epoch),
    [1, 2, 3],
  );
  assert.equal(readFileSync(`${path}.damaged-1`, 'utf8'), text + text);
  rmSync(path);
  assert.match(noticesOf(await train(more))[0], /has no line of epochs 1 to 3; charts leave them out$/);
});

test('a run that has lost its last checkpoint is not taken for a new one', async () => {
  await train(smallConfig(data, at('headless')));
  rmSync(at('headless/last.safetensors'));
  const config = { ...smallConfig(data, at('headless')), loadCp: at('headless/last.safetensors') };
  await assert.rejects(
    train(config),
    /headless has lost last\.safetensors, so this run cannot go on; begin a new run from the weights in .*best/,
  );
  rmSync(at('headless/best.safetensors'));
  await assert.rejects(train(config), /cannot go on; begin a new run$/);
});
