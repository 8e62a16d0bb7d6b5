/** Protects imports of safetensors files: every floating-point type, and what scanstroke's own files say. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readForeignSafetensors } from '#src/exchange/safetensors/read-foreign-safetensors.js';
import { readSafetensors, writeSafetensors } from '#src/formats/safetensors/safetensors.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { checkpointBytes, ROWS } from '../../recognize/checkpoint-bytes.js';

describe('files of any origin', () => {
  test('give float32; whole numbers are left out with a notice', () => {
    const bytes = writeSafetensors(
      new Map([
        ['double', { shape: [2], data: Float64Array.of(0.1, -1e300) }],
        ['float', { shape: [1, 2], data: Float32Array.of(1, Number.NaN) }],
        ['half', { shape: [4], dtype: 'F16', data: Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00) }],
        ['brain', { shape: [2], dtype: 'BF16', data: Uint16Array.of(0x3f80, 0xc0a0) }],
        ['count', { shape: [], data: BigInt64Array.of(5n) }],
      ]),
    );
    const { tensors, notices, config, classes } = readForeignSafetensors(bytes, 'm');
    assert.deepEqual([...(tensors.get('double')?.data ?? [])], [Math.fround(0.1), Number.NEGATIVE_INFINITY]);
    assert.deepEqual(tensors.get('float'), { shape: [1, 2], data: Float32Array.of(1, Number.NaN) });
    assert.deepEqual([...(tensors.get('half')?.data ?? [])], [1, -2, 2 ** -24, Number.POSITIVE_INFINITY]);
    assert.deepEqual([...(tensors.get('brain')?.data ?? [])], [1, -5]);
    assert.deepEqual(notices, ['left out, because they hold no floating-point numbers: "count"']);
    assert.deepEqual([config, classes], [null, null]);
  });

  test('without floating-point numbers, or damaged, are refused', () => {
    const integers = writeSafetensors(new Map([['n', { shape: [1], data: Int32Array.of(1) }]]));
    assert.throws(() => readForeignSafetensors(integers, 'm'), /UserError: m: none of its 1 tensors/);
    assert.throws(
      () => readForeignSafetensors(integers.subarray(0, -1), 'm'),
      /UserError: m: tensor "n" ends/,
    );
  });

  test('may have metadata of another tool', () => {
    const tensors = new Map([['w', { shape: [1], data: Float32Array.of(1) }]]);
    const { config } = readForeignSafetensors(writeSafetensors(tensors, { format: 'pt', model: '{' }), 'm');
    assert.equal(config, null);
  });
});

describe('files of scanstroke', () => {
  const checkpoint = decodeCheckpoint(checkpointBytes(ROWS, { hiddenSize: 3, numLayers: 1 }), 'seed');

  test('bring their configuration, preprocessing and classes', () => {
    const found = readForeignSafetensors(encodeCheckpoint(checkpoint), 'm');
    assert.deepEqual(found.tensors, checkpoint.parameters);
    assert.deepEqual(found.config, checkpoint.model);
    assert.deepEqual(found.preprocessing, checkpoint.preprocessing);
    assert.deepEqual(found.classes, checkpoint.classes);
    assert.equal(found.head, checkpoint.model.head);
    assert.deepEqual(found.notices, []);
  });

  test('leave the state of the training out, with a notice', () => {
    const optimizer = new Map([...checkpoint.parameters].map(([name, tensor]) => [`mean.${name}`, tensor]));
    const bytes = encodeCheckpoint({ ...checkpoint, training: { optimizer, state: { epoch: 1 } } });
    const { tensors, notices } = readForeignSafetensors(bytes, 'm');
    assert.deepEqual([...tensors.keys()], [...checkpoint.parameters.keys()]);
    assert.match(notices.join(), /^the state of the training is left out/);
  });

  test('with wrong metadata are refused', () => {
    const { tensors, metadata } = readSafetensors(encodeCheckpoint(checkpoint));
    const withMetadata = (changes: Record<string, string>) =>
      readForeignSafetensors(writeSafetensors(tensors, { ...metadata, ...changes }), 'm');
    assert.throws(() => withMetadata({ model: '{' }), /UserError: m: metadata "model": not valid JSON/);
    assert.throws(
      () => withMetadata({ model: '[]' }),
      /UserError: m: metadata "model" must be a JSON object/,
    );
    assert.throws(() => withMetadata({ model: '{"input_size":-1}' }), /UserError: m: model: "input_size"/);
    assert.throws(
      () => withMetadata({ classes: '[1]' }),
      /UserError: m: metadata "classes": "0": expected a text/,
    );
  });
});
