/** Protects the way back: a model that was exported for PyTorch, and is imported, is the same model, to the bit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writePytorch } from '#src/exchange/pytorch/write-pytorch.js';
import { readForeignModel } from '#src/exchange/read-model.js';
import { readSafetensors, writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import { ParameterLayout } from '#src/model/parameters.js';
import type { StateDict } from '#src/state-dict.js';
import { UserError } from '#src/user-error.js';
import { ROWS, STROKES } from '../../recognize/checkpoint-bytes.js';
import { everyConfig, exampleOf, OPTIMIZERS, trainedExample } from './exported-models.js';

const FORMATS = ['pytorch', 'safetensors'] as const;
const VALUES = [-0, 2 ** -149, -1.1754943508222875e-38, 3.4028234663852886e38, Math.fround(0.1)];

const read = (bytes: Uint8Array) =>
  readForeignModel(bytes, 'model', () => assert.fail('there is nothing beside the file'));
const bits = (tensors: StateDict) =>
  [...tensors].map(([name, { shape, data }]) => [
    name,
    shape,
    new Uint32Array(data.buffer, data.byteOffset, data.length),
  ]);

const PLACED = { ...STROKES, position: true };

for (const format of FORMATS) {
  test(`ours → ${format} → ours: every head, depth and direction, to the bit`, async () => {
    const inputs = [ROWS, { ...ROWS, permutationSeed: 12 }, { ...STROKES, scale: 0.1 + 0.2 }, PLACED, null];
    for (const [n, config] of everyConfig().entries()) {
      const input = inputs[n % inputs.length];
      const preprocessing = input?.kind === 'strokes' && config.head === 'flatten' ? null : input;
      const own = preprocessing === PLACED ? { inputSize: 6 } : {};
      const sizes = preprocessing?.kind === 'images' ? { inputSize: 28, sequenceLength: 28 } : own;
      const { model } = await exampleOf({ ...config, ...sizes }, 'digits', preprocessing);
      for (const { data } of model.parameters.values()) data.set(VALUES.slice(0, data.length));
      const [{ bytes }] = writePytorch(model, format, {});
      const back = await read(bytes);
      assert.deepEqual(bits(back.tensors), bits(model.parameters));
      assert.deepEqual(back.config, model.config);
      assert.deepEqual(back.preprocessing, model.preprocessing);
      assert.deepEqual(back.classes, model.classes);
      assert.deepEqual([back.head, back.sequenceLength], [model.config.head, model.config.sequenceLength]);
      assert.deepEqual([back.optimizer, back.epoch, back.notices], [null, null, []]);
    }
  });

  test(`ours → ${format} → ours: the optimiser’s vectors, to the bit, its step and its settings`, async () => {
    for (const [name, optimizer] of Object.entries(OPTIMIZERS)) {
      const { model, settings } = await trainedExample(optimizer, 5, name);
      const [{ bytes }] = writePytorch(model, format, { withOptimizer: true, optimizer: settings });
      const back = await read(bytes);
      const names = new ParameterLayout(model.config).places.map((place) => place.name);
      assert.deepEqual([...back.tensors.keys()], names);
      for (const [key, { data }] of back.tensors) assert.deepEqual(data, model.parameters.get(key)?.data);
      assert.equal(back.epoch, 3);
      assert.deepEqual(back.notices, []);
      assert.ok(back.optimizer);
      assert.equal(back.optimizer.states.length, names.length);
      const ours = { exp_avg: 'mean', exp_avg_sq: 'variance', momentum_buffer: 'velocity' };
      for (const [n, { step, vectors }] of back.optimizer.states.entries()) {
        if (settings.name !== 'sgd') assert.equal(step, 5);
        const expected = Object.entries(ours).flatMap(([theirs, vector]) => {
          const tensor = model.training?.optimizer.get(`${vector}.${names[n]}`);
          return tensor ? [[theirs, tensor] as const] : [];
        });
        assert.deepEqual(bits(vectors), bits(new Map(expected)));
      }
      const { lr, betas, momentum, nesterov, weight_decay, decoupled_weight_decay } = back.optimizer.settings;
      assert.deepEqual([lr, weight_decay], [settings.lr, settings.weightDecay]);
      if (settings.name === 'sgd')
        assert.deepEqual([momentum, nesterov], [settings.momentum, settings.nesterov]);
      else assert.deepEqual([betas, decoupled_weight_decay], [settings.betas, settings.name === 'adamw']);
    }
  });
}

test('a .pt whose tensors are not those of its model is refused in one line', async () => {
  const [config] = everyConfig();
  const { model } = await exampleOf(config, 'a');
  const [{ bytes }] = writePytorch(model, 'pytorch', {});
  const text = Buffer.from(bytes).toString('latin1');
  const other = Buffer.from(text.replace('\\"hidden_size\\":7', '\\"hidden_size\\":8'), 'latin1');
  assert.notDeepEqual(other, Buffer.from(bytes));
  await assert.rejects(
    read(new Uint8Array(other)),
    (error) =>
      error instanceof UserError &&
      /^model: the tensors of model are of another architecture: [^\n]*$/.test(error.message),
  );
});

test('exports whose parts contradict each other are refused in one line', async () => {
  const { model, settings } = await trainedExample(OPTIMIZERS.adam, 1, 'a');
  const [{ bytes }] = writePytorch(model, 'safetensors', { withOptimizer: true, optimizer: settings });
  const { tensors, metadata } = readSafetensors(bytes);
  const refused = async (without: string, changes: Record<string, string>, message: RegExp) => {
    const rest = new Map([...tensors].filter(([name]) => name !== without));
    await assert.rejects(
      read(writeSafetensors(rest, { ...metadata, ...changes })),
      (error) => error instanceof UserError && !error.message.includes('\n') && message.test(error.message),
    );
  };
  await refused('fc.bias', {}, /the tensors of model are of another architecture: fc\.bias is missing/);
  await refused('optimizer.exp_avg.fc.bias', {}, /^model: expected a tensor of the optimiser for each of 18/);
  await refused('', { optimizer: '[]' }, /^model: metadata "optimizer" must be a JSON object/);
  await refused('', { classes: '["a"]' }, /names of 1 classes, but the network has 3 outputs/);
  const rows = JSON.stringify(ROWS).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  await refused('', { preprocessing: rows }, /input size 4, but its preprocessing gives 28/);
  await refused('', { model: '{}' }, /^model: model: "input_size": expected a whole number/);
});
