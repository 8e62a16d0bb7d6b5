/** Protects a worker's open networks: a damaged checkpoint is read once in each version, a link is not followed. */
import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { HttpError } from '#src/serve/http-error.js';
import { OpenModels } from '#src/serve/predict/open-models.js';
import type { Risk } from '#src/serve/workers/worker-pool.js';
import { UserError } from '#src/user-error.js';
import { checkpointBytes, ROWS } from '../recognize/checkpoint-bytes.js';
import { temporaryFolder } from '../train/small-mnist.js';

const folder = temporaryFolder();
const path = join(folder, 'best.safetensors');

test('a damaged checkpoint is read once in each version', async () => {
  const risks: Risk[] = [];
  const models = new OpenModels('reference', (risk, work) => {
    risks.push(risk);
    return work();
  });
  const source = { id: 'my-run', path, version: '1' };
  writeFileSync(path, checkpointBytes(ROWS).subarray(0, 900));
  await assert.rejects(models.get(source), UserError);
  writeFileSync(path, checkpointBytes(ROWS));
  await assert.rejects(models.get(source), UserError, 'the error is remembered');
  assert.equal(risks.length, 1);
  const recognizer = await models.get({ ...source, version: '2' });
  assert.equal(await models.get({ ...source, version: '2' }), recognizer);
  assert.deepEqual(risks, [
    { key: `1 ${path}`, problem: 'the network "my-run" cannot be opened' },
    { key: `2 ${path}`, problem: 'the network "my-run" cannot be opened' },
  ]);
});

test('a checkpoint that is missing or became a link is asked for again', async () => {
  const models = new OpenModels('reference');
  const link = join(folder, 'link.safetensors');
  symlinkSync(path, link);
  for (const missing of [link, join(folder, 'none')]) {
    const get = () => models.get({ id: 'my-run', path: missing, version: '1' });
    await assert.rejects(get(), (error) => error instanceof HttpError && error.status === 404);
  }
});
