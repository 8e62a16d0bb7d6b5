/** Protects checkpoints: a model and its training state are bit-identical after writing and reading. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readSafetensors, writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import type { StateDict } from '#src/state-dict.js';
import { UserError } from '#src/user-error.js';
import { ROWS, STROKES } from '../recognize/checkpoint-bytes.js';

const MODEL = resolveClassifierConfig({ inputSize: 28, hiddenSize: 1, numClasses: 2, dropout: 0.25 });

/** In the order of their names. Values of which the bits must stay. */
function tensors(rename: (name: string) => string): StateDict {
  const denormal = 2 ** -149;
  const values = [Math.fround(0.1), 0, denormal, 3.4028234663852886e38, 1];
  const places = new ParameterLayout(MODEL).places.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(
    places.map(({ name, shape, length }) => {
      return [rename(name), { shape, data: Float32Array.from({ length }, (_, i) => values[i % 5]) }];
    }),
  );
}

function example(): Checkpoint {
  return {
    parameters: tensors((name) => name),
    model: { ...MODEL },
    preprocessing: { ...ROWS, mean: 0.1 + 0.2 },
    classes: ['zero', 'Ä"'],
    training: {
      optimizer: new Map([...tensors((name) => `mean.${name}`), ...tensors((name) => `variance.${name}`)]),
      state: {
        epoch: 3,
        step: 1176,
        seed: 2 ** 53 - 1,
        best: { valAccuracy: 1 / 3, history: [{ lossSum: 1e-300 }] },
      },
    },
  };
}

const bits = (data: Float32Array) => new Uint32Array(data.buffer, data.byteOffset, data.length);
const refused = (bytes: Uint8Array, message: RegExp) =>
  assert.throws(
    () => decodeCheckpoint(bytes, 'last.safetensors'),
    (error) =>
      error instanceof UserError &&
      error.message.startsWith('last.safetensors: ') &&
      message.test(error.message),
  );

test('a checkpoint is bit-identical after writing and reading', () => {
  const checkpoint = example();
  checkpoint.parameters.get('fc.bias')!.data[1] = -0;
  const read = decodeCheckpoint(encodeCheckpoint(checkpoint), 'last.safetensors');
  assert.deepEqual(read, checkpoint);
  for (const [name, { data }] of checkpoint.parameters) {
    assert.deepEqual(bits(read.parameters.get(name)?.data as Float32Array), bits(data), name);
  }
});

test('a checkpoint without a training state is read without one', () => {
  const { training: _, ...checkpoint } = example();
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(checkpoint), 'x'), checkpoint);
});

test('parameters in float16 take half the bytes, and are read as the floats nearest to the given ones', () => {
  const { training: _, ...model } = example();
  for (const { data } of model.parameters.values()) {
    data.forEach((value, i) => {
      if (value > 1) data[i] = 65_504;
    });
  }
  const half = encodeCheckpoint(model, { half: true });
  for (const { dtype } of readSafetensors(half).tensors.values()) assert.equal(dtype, 'F16');
  const read = decodeCheckpoint(half, 'last.safetensors');
  assert.deepEqual([...read.parameters.keys()], [...model.parameters.keys()]);
  for (const [name, { shape, data }] of model.parameters) {
    const found = read.parameters.get(name)!;
    assert.deepEqual(found.shape, shape);
    // 0.1 rounded to 11 bits; the smallest float32 becomes zero.
    assert.deepEqual(
      [...found.data],
      [...data].map((value) => (value === Math.fround(0.1) ? 0.0999755859375 : value < 1e-40 ? 0 : value)),
    );
  }
  assert.deepEqual(encodeCheckpoint(read, { half: true }), half);

  model.parameters.get('fc.bias')!.data[0] = 65_520;
  assert.throws(
    () => encodeCheckpoint(model, { half: true }),
    new UserError('checkpoint: tensor "fc.bias" holds 65520, and float16 reaches 65,504; write float32'),
  );
});

test('a temperature is written as a number, and comes back', () => {
  for (const temperature of [1, 1.37142, 0.01, 100]) {
    const bytes = encodeCheckpoint({ ...example(), temperature });
    assert.equal(readSafetensors(bytes).metadata.temperature, String(temperature));
    assert.deepEqual(decodeCheckpoint(bytes, 'x'), { ...example(), temperature });
  }
  const without = encodeCheckpoint({ ...example(), temperature: undefined });
  assert.deepEqual(without, encodeCheckpoint(example()), 'older checkpoints have no temperature');
  assert.ok(!('temperature' in decodeCheckpoint(without, 'x')));
});

test('a temperature out of range is neither read nor written', () => {
  const { tensors, metadata } = readSafetensors(encodeCheckpoint(example()));
  for (const temperature of ['0', '-1', '0.0099', '100.1', '1e400', 'null', '"1.5"', '[1]', 'true', '{}']) {
    refused(
      writeSafetensors(tensors, { ...metadata, temperature }),
      /: metadata "temperature": expected a number from 0\.01 to 100, found /,
    );
  }
  for (const temperature of ['NaN', '', '1.5 ', '0x1', 'Infinity']) {
    const bytes = writeSafetensors(tensors, { ...metadata, temperature });
    if (temperature === '1.5 ') assert.equal(decodeCheckpoint(bytes, 'x').temperature, 1.5);
    else refused(bytes, /: metadata "temperature": /);
  }
  for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 101]) {
    assert.throws(
      () => encodeCheckpoint({ ...example(), temperature }),
      /^UserError: the checkpoint: temperature: expected a number from 0\.01 to 100, found /,
    );
  }
});

test('plain SGD has a training state without vectors', () => {
  const checkpoint = example();
  checkpoint.training = { optimizer: new Map(), state: { epoch: 1 } };
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(checkpoint), 'x').training, checkpoint.training);
});

test('the losses of an epoch of a million updates are kept bit by bit, as tensors beside the header', () => {
  const checkpoint = example();
  const length = 1_000_000;
  const losses = Array.from({ length }, (_, n) => 1 / (n + 3));
  const correct = Array.from({ length }, (_, n) => n % 32);
  checkpoint.training!.state = { epoch: 2, losses, correct };
  const bytes = encodeCheckpoint(checkpoint);
  assert.deepEqual(decodeCheckpoint(bytes, 'x').training, checkpoint.training);
  const { tensors, metadata } = readSafetensors(bytes);
  assert.deepEqual(JSON.parse(metadata.training), { epoch: 2 });
  assert.deepEqual([...tensors.keys()].slice(0, 2), ['training.correct', 'training.losses']);

  tensors.set('training.losses', { dtype: 'F64', shape: [2, 1], data: new Float64Array(2) });
  refused(
    writeSafetensors(tensors, metadata),
    /"training\.losses" is F64 \[2, 1\], expected F64 \[updates\]/,
  );
  tensors.delete('training.losses');
  const both = { ...metadata, training: '{"correct":[]}' };
  refused(writeSafetensors(tensors, both), /"training\.correct" does not belong to the training state/);
  const { training: _, ...none } = metadata;
  refused(writeSafetensors(tensors, none), /"training\.correct" does not belong to the training state/);
});

test('the losses of a short epoch are in the JSON, as in older checkpoints', () => {
  const checkpoint = example();
  const losses = Array.from({ length: 65_536 }, (_, n) => 1 / (n + 3));
  checkpoint.training!.state = { epoch: 2, losses, correct: losses.map(() => 1) };
  const bytes = encodeCheckpoint(checkpoint);
  assert.deepEqual(JSON.parse(readSafetensors(bytes).metadata.training).losses, losses);
  assert.deepEqual(decodeCheckpoint(bytes, 'x').training, checkpoint.training);
});

test('the same checkpoint gives the same bytes', () => {
  const reversed = example();
  reversed.parameters = new Map([...reversed.parameters].reverse());
  assert.deepEqual(encodeCheckpoint(reversed), encodeCheckpoint(example()));
});

test('on disk: PyTorch names, snake_case keys', () => {
  const { tensors, metadata } = readSafetensors(encodeCheckpoint(example()));
  const names = [
    'fc.bias',
    'fc.weight',
    'lstm.bias_hh_l0',
    'lstm.bias_ih_l0',
    'lstm.weight_hh_l0',
    'lstm.weight_ih_l0',
  ];
  assert.deepEqual(
    [...tensors.keys()],
    ['', 'optimizer.mean.', 'optimizer.variance.'].flatMap((prefix) => names.map((name) => prefix + name)),
  );
  assert.equal(metadata.format, 'scanstroke');
  assert.equal(metadata.format_version, '1');
  assert.deepEqual(JSON.parse(metadata.model), {
    input_size: 28,
    hidden_size: 1,
    num_layers: 1,
    bidirectional: false,
    num_classes: 2,
    head: 'final',
    sequence_length: null,
    dropout: 0.25,
    layer_dropout: 0,
    forget_bias: 0,
    chrono_init: null,
  });
  assert.deepEqual(JSON.parse(metadata.training).best, {
    val_accuracy: 1 / 3,
    history: [{ loss_sum: 1e-300 }],
  });
});

test('on disk: the preprocessing of images has no kind, and a missing kind means images', () => {
  const checkpoint = { ...example(), preprocessing: ROWS };
  const bytes = encodeCheckpoint(checkpoint);
  const { tensors, metadata } = readSafetensors(bytes);
  assert.equal(
    metadata.preprocessing,
    '{"sequence_length":28,"input_size":28,"channels":1,"height":28,"width":28,"mean":0.5,"std":0.5,"permutation_seed":null}',
  );
  assert.deepEqual(decodeCheckpoint(bytes, 'x').preprocessing, ROWS);
  const strokes = encodeCheckpoint({ ...example(), preprocessing: STROKES });
  assert.equal(
    readSafetensors(strokes).metadata.preprocessing,
    '{"kind":"strokes","width":28,"height":28,"order":"tour","scale":1}',
  );
  const unknown = { ...metadata, preprocessing: '{"kind":"toString"}' };
  refused(
    writeSafetensors(tensors, unknown),
    /preprocessing: kind must be one of images, strokes, found "toString"/,
  );
});

test('values that a file cannot store are refused with the name of the member', () => {
  const encode = (change: (checkpoint: Checkpoint) => void, message: RegExp) => {
    const checkpoint = example();
    change(checkpoint);
    assert.throws(
      () => encodeCheckpoint(checkpoint),
      (error) => error instanceof UserError && message.test(error.message),
      String(message),
    );
  };
  encode(
    (c) => Object.assign(c.training?.state ?? {}, { best: { loss: Number.NaN } }),
    /training\.best\.loss: it is NaN/,
  );
  encode(
    (c) => Object.assign(c.model, { dropout: Number.POSITIVE_INFINITY }),
    /model\.dropout: it is Infinity/,
  );
  encode(
    (c) => Object.assign(c.model, { sizes: Int32Array.of(1) }),
    /model\.sizes: JSON cannot hold .* Int32Array/,
  );
  encode(
    (c) => Object.assign(c.model, { sizes: [undefined] }),
    /model\.sizes\[0\]: JSON cannot hold .* undefined/,
  );
  encode((c) => Object.assign(c.model, { step: 3n }), /model\.step: JSON cannot hold .* bigint/);
  encode((c) => Object.assign(c.preprocessing, { Mean: 1 }), /the key "Mean" is not camelCase/);
  encode(
    (c) => c.parameters.set('optimizer.x', { shape: [1], data: Float32Array.of(1) }),
    /"optimizer." is reserved/,
  );
  encode(
    (c) => c.parameters.set('x', { shape: [2], data: Float32Array.of(1) }),
    /shape \[2\] = 2 elements, but 1 values/,
  );
});

test('fields that an older version did not write have their defaults', () => {
  const { tensors, metadata } = readSafetensors(encodeCheckpoint(example()));
  const model = '{"input_size":28,"hidden_size":1,"num_classes":2,"of_a_newer_version":1}';
  assert.deepEqual(
    decodeCheckpoint(writeSafetensors(tensors, { ...metadata, model }), 'x').model,
    resolveClassifierConfig({ inputSize: 28, hiddenSize: 1, numClasses: 2 }),
  );
});

test('every field of the model is checked; errors name the field and the expected value', () => {
  const { tensors, metadata } = readSafetensors(encodeCheckpoint(example()));
  const refuse = (change: Record<string, unknown>, message: string) => {
    const model = JSON.stringify({ ...JSON.parse(metadata.model), ...change });
    assert.throws(
      () => decodeCheckpoint(writeSafetensors(tensors, { ...metadata, model }), 'a'),
      new UserError(`a: model: ${message}`),
    );
  };
  const size = 'expected a whole number from 1 to 268435456';
  refuse({ bidirectional: 'no' }, '"bidirectional": expected true or false, found "no"');
  refuse({ input_size: undefined }, `"input_size": ${size}, found nothing`);
  refuse({ hidden_size: 1.5 }, `"hidden_size": ${size}, found 1.5`);
  refuse({ num_classes: 2 ** 28 + 1 }, `"num_classes": ${size}, found 268435457`);
  refuse({ num_layers: 0 }, '"num_layers": expected a whole number from 1 to 1024, found 0');
  refuse({ num_layers: 1e9 }, '"num_layers": expected a whole number from 1 to 1024, found 1000000000');
  refuse({ head: 'tail' }, '"head": expected one of flatten, final, last, mean, found "tail"');
  refuse(
    { sequence_length: '28' },
    '"sequence_length": expected a whole number from 1 to 1048576, found "28"',
  );
  refuse(
    { head: 'flatten' },
    '"sequence_length": expected a whole number, for the head flatten, found nothing',
  );
  refuse({ dropout: 1 }, '"dropout": expected a number from 0 to below 1, found 1');
  refuse({ layer_dropout: null }, '"layer_dropout": expected a number from 0 to below 1, found null');
  refuse({ forget_bias: true }, '"forget_bias": expected a number from -100 to 100, found true');
  refuse({ chrono_init: 2 }, '"chrono_init": expected a whole number from 3 to 1000000, found 2');
  refuse(
    { chrono_init: 28, forget_bias: 1 },
    '"chrono_init": expected null beside the forget bias 1, found 28',
  );
});

test('other files are refused with a message', () => {
  const golden = readFileSync(
    new URL('../../../test/fixtures/golden/uni_1layer.safetensors', import.meta.url),
  );
  refused(golden, /not a checkpoint of scanstroke's: expected metadata with format "scanstroke", found none/);

  const { tensors, metadata } = readSafetensors(encodeCheckpoint(example()));
  const rewritten = (change: Record<string, string | undefined>) => {
    const texts = Object.entries({ ...metadata, ...change }).filter(([, text]) => text !== undefined);
    return writeSafetensors(tensors, Object.fromEntries(texts) as Record<string, string>);
  };
  refused(rewritten({ format: 'pt' }), /format "scanstroke", found "pt"/);
  refused(
    rewritten({ format_version: '2' }),
    /format version "2", but this .* reads version 1; .* update scanstroke/,
  );
  refused(rewritten({ format_version: undefined }), /format version "none"/);
  refused(rewritten({ model: undefined }), /metadata has no "model"/);
  refused(rewritten({ model: '{' }), /metadata "model": not valid JSON/);
  refused(rewritten({ model: '[]' }), /metadata "model" must be a JSON object/);
  refused(rewritten({ model: '{"hidden_size":1,"hiddenSize":2}' }), /"model": "hiddenSize" occurs twice/);
  refused(rewritten({ model: '['.repeat(1_000_000) }), /metadata "model": nested deeper than 32/);
  refused(rewritten({ classes: '["a", 1]' }), /metadata "classes": "1": expected a text, found 1/);
  refused(rewritten({ training: undefined }), /holds optimiser tensors, but its metadata has no "training"/);

  refused(writeSafetensors(new Map(), metadata), /holds no parameters/);
  tensors.set('fc.weight', { dtype: 'F64', shape: [1], data: Float64Array.of(1) });
  refused(rewritten({}), /tensor "fc.weight" has dtype F64, expected F32 or F16/);
  tensors.set('fc.weight', { dtype: 'F32', shape: [1], data: Float32Array.of(1) });
});

test('a checkpoint cut short at any byte is refused', () => {
  const bytes = encodeCheckpoint(example());
  for (let length = 0; length < bytes.length; length++) refused(bytes.subarray(0, length), /./);
});
