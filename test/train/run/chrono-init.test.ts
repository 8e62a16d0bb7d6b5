/** Protects `--chrono-init` in runs: the training begins with these biases, and the setting is kept wherever it goes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ParameterLayout } from '#src/model/parameters.js';
import { decodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { readConfigFile } from '#src/train/config/config-file.js';
import { resolveConfig } from '#src/train/config/run-config.js';
import type { TrainEvent } from '#src/train/events.js';
import { readNetwork, writeImportedRun } from '#src/train/run/begin/imported-run.js';
import { trainRun } from '#src/train/run/run.js';
import { smallConfig, temporaryFolder, writeSmallMnist } from '../small-mnist.js';

const folder = temporaryFolder();
const data = writeSmallMnist(folder, 160, 40);
const at = (name: string) => join(folder, name);
const CHRONO = { chronoInit: 28, head: 'mean', threads: 1 };

async function train(config: ReturnType<typeof smallConfig>, stopWhen = (_: TrainEvent) => false) {
  const stop = new AbortController();
  for await (const event of trainRun(config, { stop: stop.signal })) if (stopWhen(event)) stop.abort();
}

const checkpoint = (run: string, file = 'last.safetensors') =>
  decodeCheckpoint(readFileSync(join(at(run), file)), run);
const settingsOf = async (run: string) =>
  resolveConfig({ file: await readConfigFile(join(at(run), 'config.json')) });

test('a training begins with chrono biases; checkpoint and config.json keep the setting', async () => {
  // Updates of 1e-12 are too small to change a bias in float32.
  const still = { ...CHRONO, numEpochs: 1, learningRate: 1e-12, seedNumber: 3 };
  await train(smallConfig(data, at('still'), still));
  const { model, parameters } = checkpoint('still');
  assert.equal(model.chronoInit, 28);
  assert.equal((await settingsOf('still')).chronoInit, 28);
  const layout = new ParameterLayout(model);
  const vector = new Float32Array(layout.length);
  layout.initialize(model, vector, 3);
  for (const suffix of ['l0', 'l0_reverse']) {
    const forget = parameters.get(`lstm.bias_ih_${suffix}`)!.data.subarray(12, 24);
    assert.ok(forget.every((bias) => bias > 0));
    assert.deepEqual(forget, layout.view(vector, `lstm.bias_ih_${suffix}`).slice(12, 24));
  }
});

test('a resumed training ends with the same bits', async () => {
  await train(smallConfig(data, at('whole'), CHRONO));
  const config = smallConfig(data, at('cut'), CHRONO);
  await train(config, (event) => event.type === 'progress' && event.epoch === 2 && event.batch === 1);
  await train({ ...config, loadCp: join(at('cut'), 'last.safetensors') });
  const [cut, whole] = [checkpoint('cut'), checkpoint('whole')];
  assert.equal(cut.model.chronoInit, 28);
  assert.deepEqual([cut.parameters, cut.training?.optimizer], [whole.parameters, whole.training?.optimizer]);
});

test('a run that is imported keeps the setting', async () => {
  await train(smallConfig(data, at('trained'), { ...CHRONO, numEpochs: 1 }));
  const network = await readNetwork(join(at('trained'), 'best.safetensors'), {});
  await writeImportedRun(network, { out: at('imported'), name: 'imported', data });
  assert.equal(checkpoint('imported', 'best.safetensors').model.chronoInit, 28);
  assert.equal((await settingsOf('imported')).chronoInit, 28);
});
