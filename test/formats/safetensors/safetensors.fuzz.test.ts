/**
 * Protects users who open files of unknown origin: for any bytes, the safetensors reader returns tensors that fit the
 * file or throws a UserError, and its tensors take no more memory than the file.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  readSafetensors,
  type Tensor,
  type TensorValues,
  writeSafetensors,
} from '#src/formats/safetensors/safetensors.js';
import { resolveClassifierConfig } from '#src/model/classifier-config.js';
import { ParameterLayout } from '#src/model/parameters.js';
import { decodeCheckpoint, encodeCheckpoint } from '#src/runs/checkpoint/checkpoint.js';
import { UserError } from '#src/user-error.js';
import { mutate, mutation } from '../mutation.js';
import { safetensorsFile } from './safetensors-file.js';

/** Reads a file. Returns false if it is refused with a UserError. */
function readOrRefuse(bytes: Uint8Array): boolean {
  let read: ReturnType<typeof readSafetensors>;
  try {
    read = readSafetensors(bytes, 'fuzz');
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.ok(error.message.length < 1000 && /^fuzz: /.test(error.message), error.message);
    return false;
  }
  let total = 0;
  for (const { shape, data } of read.tensors.values()) {
    assert.equal(
      data.length,
      shape.reduce((product, n) => product * n, 1),
    );
    total += data.byteLength;
  }
  assert.ok(total <= bytes.length);
  return true;
}

const typedArray: fc.Arbitrary<{ dtype: string; data: TensorValues }> = fc.oneof(
  fc.float32Array({ maxLength: 6 }).map((data) => ({ dtype: 'F32', data })),
  fc.float64Array({ maxLength: 6 }).map((data) => ({ dtype: 'F64', data })),
  fc.bigInt64Array({ maxLength: 6 }).map((data) => ({ dtype: 'I64', data })),
  fc.int32Array({ maxLength: 6 }).map((data) => ({ dtype: 'I32', data })),
  fc.uint16Array({ maxLength: 6 }).map((data) => ({ dtype: 'BF16', data })),
  fc.int16Array({ maxLength: 6 }).map((data) => ({ dtype: 'I16', data })),
  fc.uint8Array({ maxLength: 6 }).map((data) => ({ dtype: 'BOOL', data })),
  fc.int8Array({ maxLength: 6 }).map((data) => ({ dtype: 'I8', data })),
);
const name = fc
  .string({ unit: 'binary', maxLength: 8 })
  .filter((text) => text !== '__proto__' && text !== '__metadata__' && !/\p{Cs}/u.test(text));
const tensor = typedArray.chain(({ dtype, data }) =>
  fc
    .constantFrom([data.length], [1, data.length], [data.length, 1, 1])
    .map((shape) => ({ dtype, shape, data })),
);
const tensors = fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 6 });
const metadata = fc.uniqueArray(fc.tuple(name, name), { selector: ([key]) => key, maxLength: 4 });

test('any names, types and shapes are read back unchanged', () => {
  fc.assert(
    fc.property(tensors, metadata, (entries, texts) => {
      const bytes = writeSafetensors(new Map(entries), Object.fromEntries(texts));
      const read = readSafetensors(bytes);
      assert.deepEqual(read.metadata, Object.fromEntries(texts));
      assert.equal(read.tensors.size, entries.length);
      for (const [key, { dtype, shape, data }] of entries) {
        const found = read.tensors.get(key) as Tensor;
        assert.equal(found.dtype, dtype);
        assert.deepEqual(found.shape, shape);
        assert.deepEqual(
          new Uint8Array(found.data.buffer),
          new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
        );
      }
    }),
    { seed: 1, numRuns: 500 },
  );
});

const golden = readFileSync(
  new URL('../../../../test/fixtures/golden/uni_1layer.safetensors', import.meta.url),
);
const headerEnd = 8 + Number(golden.readBigUInt64LE(0));
const model = resolveClassifierConfig({ inputSize: 4, hiddenSize: 2, numClasses: 2 });
const layout = new ParameterLayout(model);
const parameters = layout.toStateDict(new Float32Array(layout.length).fill(1));
const checkpoint = encodeCheckpoint({
  parameters,
  model,
  preprocessing: { kind: 'strokes', width: 28, height: 28, order: 'tour', scale: 1 },
  classes: ['0', '1'],
  training: {
    optimizer: new Map([...parameters].map(([key, value]) => [`velocity.${key}`, value])),
    state: { epoch: 3, best: { accuracy: 0.5 } },
  },
});

test('a valid file with a few mutations is read or refused', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const bytes = mutations.reduce<Uint8Array>(
        (file, each) => mutate(file, headerEnd, each),
        new Uint8Array(golden),
      );
      if (readOrRefuse(bytes)) read++;
    }),
    { seed: 2, numRuns: 1500 },
  );
  // Both outcomes must occur, or the mutations are too small or too large to test anything.
  assert.ok(read > 20 && read < 1480, `${read} of 1500 read`);
});

test('a checkpoint with a few mutations is decoded or refused', () => {
  let read = 0;
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 2 }), (mutations) => {
      const bytes = mutations.reduce<Uint8Array>((file, each) => mutate(file, file.length, each), checkpoint);
      try {
        const { parameters, classes } = decodeCheckpoint(bytes, 'fuzz');
        assert.ok(parameters.size > 0 && Array.isArray(classes));
        read++;
      } catch (error) {
        assert.ok(error instanceof UserError, String(error));
      }
    }),
    { seed: 3, numRuns: 1500 },
  );
  assert.ok(read > 20 && read < 1480, `${read} of 1500 read`);
});

test('random bytes after a plausible length are read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 220 }), (bytes, length) => {
      if (bytes.length >= 8)
        new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(0, BigInt(length), true);
      readOrRefuse(bytes);
    }),
    { seed: 4, numRuns: 2000 },
  );
});

test('headers with random numbers are read only if the tensors cover the data exactly', () => {
  const number = fc.oneof(
    fc.nat({ max: 3 }),
    fc.constantFrom(4, 8, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -1, 0.5, 1e30),
  );
  const entry = fc.record({
    dtype: fc.constantFrom('U8', 'F32', 'I64', 'BF16'),
    shape: fc.array(number, { maxLength: 3 }),
    data_offsets: fc.oneof(
      { weight: 4, arbitrary: fc.tuple(number, number) },
      fc.array(number, { maxLength: 3 }),
    ),
  });
  let read = 0;
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('a', 'b'), entry),
      fc.constantFrom(0, 1, 2, 4, 8),
      (header, length) => {
        if (readOrRefuse(safetensorsFile(header, length))) read++;
      },
    ),
    { seed: 5, numRuns: 3000 },
  );
  assert.ok(read > 50 && read < 2900, `${read} of 3000 read`);
});

test('reading and refusing files keeps no memory', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 2000; i++) readOrRefuse(golden.subarray(0, golden.length - (i % 7)));
  // 2,000 readings of a 5.6 kB file: 11 MB in all, before anything is collected.
  assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 2 ** 20);
});
