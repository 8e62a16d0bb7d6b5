/** Protects checkpoints: all that is needed to use a model or to resume its training comes back bit for bit. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readSafetensors, writeSafetensors } from '#src/formats/safetensors.js';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint.js';
import { UserError } from '#src/user-error.js';
import { ROWS, STROKES } from '../recognize/checkpoint-bytes.js';

const denormal = 2 ** -149;

function example(): Checkpoint {
  return {
    parameters: new Map([
      ['fc.bias', { shape: [2], data: Float32Array.of(Math.fround(0.1), -0) }],
      ['fc.weight', { shape: [2, 2], data: Float32Array.of(denormal, Infinity, 3, 4) }],
      ['lstm.weight_ih_l0', { shape: [1], data: Float32Array.of(Number.NaN) }],
    ]),
    model: { inputSize: 28, hiddenSize: 4, head: 'final', bidirectional: false, sequenceLength: null },
    preprocessing: { ...ROWS, mean: 0.1 + 0.2 },
    classes: ['zero', 'Ä"\n'],
    training: {
      optimizer: new Map([
        ['mean', Float32Array.of(1, 2, denormal)],
        ['variance', Float32Array.of(4, 5, 6)],
      ]),
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

test('a checkpoint comes back bit for bit', () => {
  const checkpoint = example();
  const read = decodeCheckpoint(encodeCheckpoint(checkpoint), 'last.safetensors');
  assert.deepEqual(read, checkpoint);
  for (const [name, { data }] of checkpoint.parameters) {
    assert.deepEqual(bits(read.parameters.get(name)?.data as Float32Array), bits(data), name);
  }
});

test('a checkpoint without training comes back without', () => {
  const { training: _, ...checkpoint } = example();
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(checkpoint), 'x'), checkpoint);
});

test('plain SGD has a training state and no vectors', () => {
  const checkpoint = example();
  checkpoint.training = { optimizer: new Map(), state: { epoch: 1 } };
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(checkpoint), 'x').training, checkpoint.training);
});

test('the same checkpoint gives the same bytes', () => {
  const reversed = example();
  reversed.parameters = new Map([...reversed.parameters].reverse());
  assert.deepEqual(encodeCheckpoint(reversed), encodeCheckpoint(example()));
});

test('on disk: PyTorch names, snake_case keys', () => {
  const { tensors, metadata } = readSafetensors(encodeCheckpoint(example()));
  assert.deepEqual(
    [...tensors.keys()],
    ['fc.bias', 'fc.weight', 'lstm.weight_ih_l0', 'optimizer.mean', 'optimizer.variance'],
  );
  assert.equal(metadata.format, 'scanstroke');
  assert.equal(metadata.format_version, '1');
  assert.deepEqual(JSON.parse(metadata.model), {
    input_size: 28,
    hidden_size: 4,
    head: 'final',
    bidirectional: false,
    sequence_length: null,
  });
  assert.deepEqual(JSON.parse(metadata.training).best, {
    val_accuracy: 1 / 3,
    history: [{ loss_sum: 1e-300 }],
  });
});

test('on disk: the preprocessing of images has no kind, and one without a kind is of images', () => {
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

test('what a file cannot hold is refused, naming the member', () => {
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

test('undefined members of a configuration are left out', () => {
  const checkpoint = example();
  checkpoint.model.forgetBias = undefined;
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(checkpoint), 'x').model, example().model);
});

test('files that are no checkpoint are refused in plain words', () => {
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
  refused(rewritten({ model: '{"hidden_size":1,"hiddenSize":2}' }), /"model": "hiddenSize" is there twice/);
  refused(rewritten({ model: '['.repeat(1_000_000) }), /metadata "model": nested deeper than 32/);
  refused(rewritten({ classes: '["a", 1]' }), /metadata "classes" must be a JSON list of texts/);
  refused(rewritten({ training: undefined }), /holds optimiser tensors, but its metadata has no "training"/);

  refused(writeSafetensors(new Map(), metadata), /holds no parameters/);
  tensors.set('fc.weight', { dtype: 'F64', shape: [1], data: Float64Array.of(1) });
  refused(rewritten({}), /tensor "fc.weight" has dtype F64, expected F32/);
  tensors.set('fc.weight', { dtype: 'F32', shape: [1], data: Float32Array.of(1) });
  tensors.set('optimizer.mean', { dtype: 'F32', shape: [1, 1], data: Float32Array.of(1) });
  refused(rewritten({}), /tensor "optimizer.mean" has shape \[1, 1\], expected one dimension/);
});

test('a checkpoint cut short anywhere is refused', () => {
  const bytes = encodeCheckpoint(example());
  for (let length = 0; length < bytes.length; length++) refused(bytes.subarray(0, length), /./);
});
