/**
 * Protects the safetensors reader and writer: files of other programs are read, written files have the bytes that the
 * safetensors library writes, and damaged files are refused.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  readSafetensors,
  type TensorToWrite,
  writeSafetensors,
} from '#src/formats/safetensors/safetensors.js';
import { UserError } from '#src/user-error.js';
import { safetensorsFile } from './safetensors-file.js';

const fixtures = new URL('../../../../test/fixtures/', import.meta.url);
const golden = new URL('golden/', fixtures);
const goldenFiles = readdirSync(golden).filter((name) => name.endsWith('.safetensors'));

function refused(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => readSafetensors(bytes, 'x.safetensors'),
    (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      assert.match(error.message, /^x\.safetensors: /);
      return true;
    },
  );
}

const f32 = (shape: number[], start: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [start, end],
});

test('golden files of PyTorch are read, and keep their tensors when written again', () => {
  assert.ok(goldenFiles.length >= 18);
  for (const name of goldenFiles) {
    const { tensors, metadata } = readSafetensors(readFileSync(new URL(name, golden)), name);
    assert.ok(tensors.size > 0 && typeof metadata.kind === 'string', name);
    const again = readSafetensors(writeSafetensors(tensors, metadata), name);
    assert.deepEqual(new Map([...again.tensors].sort()), new Map([...tensors].sort()), name);
    assert.deepEqual(again.metadata, metadata, name);
  }
});

test('a golden file has the values that PyTorch wrote', () => {
  const { tensors, metadata } = readSafetensors(readFileSync(new URL('sched_step.safetensors', golden)));
  assert.deepEqual([...tensors.keys()], ['lr']);
  const lr = tensors.get('lr');
  assert.ok(lr?.data instanceof Float64Array);
  assert.equal(lr.dtype, 'F64');
  assert.deepEqual([...lr.data.subarray(2, 6)], [0.1, 0.1, 0.05, 0.05]);
  assert.equal(metadata.gamma, '0.5');
  const { labels } = Object.fromEntries(
    readSafetensors(readFileSync(new URL('uni_1layer.safetensors', golden))).tensors,
  );
  assert.ok(labels.data instanceof BigInt64Array);
  assert.deepEqual(labels.shape, [3]);
});

test('a file of the safetensors library has the expected values, and is written again with the same bytes', () => {
  const bytes = new Uint8Array(readFileSync(new URL('safetensors/written_by_library.safetensors', fixtures)));
  const { tensors, metadata } = readSafetensors(bytes);
  const expected: Record<string, [string, number[], TensorToWrite['data']]> = {
    'lstm.weight_hh_l0': ['F32', [2, 3], Float32Array.of(0, 0.25, 0.5, 0.75, 1, 1.25)],
    'lstm.bias_ih_l0': ['F32', [2], Float32Array.of(1.5, -0)],
    f64: ['F64', [1, 1], Float64Array.of(Math.PI)],
    i64: ['I64', [2], BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
    u64: ['U64', [1], BigUint64Array.of(2n ** 64n - 1n)],
    i32: ['I32', [3], Int32Array.of(-5, 7, 9)],
    u32: ['U32', [1], Uint32Array.of(2 ** 32 - 1)],
    i16: ['I16', [1], Int16Array.of(-300)],
    u16: ['U16', [1], Uint16Array.of(65535)],
    f16: ['F16', [2], Uint16Array.of(0x3800, 0xc000)],
    i8: ['I8', [3], Int8Array.of(-1, 2, 3)],
    u8: ['U8', [1], Uint8Array.of(255)],
    bool: ['BOOL', [3], Uint8Array.of(1, 0, 1)],
    empty: ['F32', [0, 4], new Float32Array(0)],
    scalar: ['F32', [], Float32Array.of(2.5)],
    'größe "q"\\\n😀': ['F32', [1], Float32Array.of(1)],
    '\uffee': ['F32', [1], Float32Array.of(2)],
    '😀': ['F32', [1], Float32Array.of(3)],
  };
  assert.equal(tensors.size, Object.keys(expected).length);
  for (const [name, [dtype, shape, data]] of Object.entries(expected)) {
    assert.deepEqual(tensors.get(name), { dtype, shape, data }, name);
  }
  assert.deepEqual(metadata, { note: 'a "quoted" ünïcode line\nand another\u007f' });
  const backwards = new Map([...tensors].reverse());
  assert.deepEqual(writeSafetensors(backwards, metadata), bytes);
});

test('tensors are copies, at any offset of the file in memory', () => {
  const file = writeSafetensors(new Map([['a', { shape: [2], data: Float32Array.of(1, 2) }]]));
  for (let offset = 0; offset < 4; offset++) {
    for (const memory of [new ArrayBuffer(200), new SharedArrayBuffer(200)]) {
      const bytes = new Uint8Array(memory, offset, file.length);
      bytes.set(file);
      const { tensors } = readSafetensors(bytes);
      bytes.fill(0);
      assert.deepEqual(tensors.get('a'), { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) });
    }
  }
});

test('a file without tensors, and white space in the header, are accepted', () => {
  assert.equal(readSafetensors(writeSafetensors(new Map())).tensors.size, 0);
  const { tensors } = readSafetensors(
    safetensorsFile('{ "a" :\n{"data_offsets": [ 0 , 4 ],"shape":[ ] , "dtype":"F32"}\t}  \n', 4),
  );
  assert.deepEqual(tensors.get('a'), { dtype: 'F32', shape: [], data: Float32Array.of(0) });
});

test('names of object members, empty names and byte order marks are ordinary names', () => {
  const names = ['constructor', 'toString', 'hasOwnProperty', '7', '', '\ufeffbom'];
  const tensors = new Map(names.map((name, i) => [name, { shape: [], data: Float32Array.of(i) }]));
  const metadata = Object.fromEntries(names.map((name) => [name, 'text']));
  const read = readSafetensors(writeSafetensors(tensors, metadata));
  names.forEach((name, i) => {
    assert.deepEqual(read.tensors.get(name)?.data, Float32Array.of(i));
  });
  assert.deepEqual(read.metadata, metadata);
  assert.deepEqual(readSafetensors(writeSafetensors(tensors)).metadata, {});
});

test('wrong lengths are refused with both numbers', () => {
  refused(new Uint8Array(0), /expected at least 8 bytes, found 0/);
  refused(new Uint8Array(7), /expected at least 8 bytes, found 7/);
  refused(Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 123, 125), /header of 9 bytes, but only 2 bytes follow/);
  refused(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 123), /header of 18446744073709551615 bytes/);
  const large = new Uint8Array(17 * 2 ** 20 + 8);
  new DataView(large.buffer).setBigUint64(0, BigInt(17 * 2 ** 20), true);
  refused(large, /header is 17825792 bytes long; at most 16777216/);
  refused(
    safetensorsFile('', 0),
    /byte 8: expected '\{' at the start of the header, found the end of the header/,
  );
});

test('offsets that do not cover the data exactly once are refused with the tensor’s name', () => {
  refused(
    safetensorsFile({ a: f32([2], 0, 8) }, 4),
    /tensor "a" ends at byte 8 of the data, but the file holds 4/,
  );
  refused(
    safetensorsFile({ a: f32([2], 8, 0) }, 8),
    /tensor "a" has reversed data_offsets: it starts at 8 and ends at 0/,
  );
  refused(
    safetensorsFile({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12),
    /tensors "a" and "b" overlap: the first ends at byte 8 of the data, the second starts at 4/,
  );
  refused(safetensorsFile({ a: f32([2], 0, 8), b: f32([2], 0, 8) }, 8), /tensors "a" and "b" overlap/);
  refused(
    safetensorsFile({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
    /bytes 4 to 8 of the data, before tensor "b", belong to no tensor/,
  );
  refused(safetensorsFile({ a: f32([1], 4, 8) }, 8), /bytes 0 to 4 of the data, before tensor "a"/);
  refused(safetensorsFile({ a: f32([1], 0, 4) }, 5), /the tensors take 4 bytes, but the file holds 5/);
  refused(safetensorsFile({}, 1), /the tensors take 0 bytes, but the file holds 1/);
});

test('shapes that do not match the range are refused with both sizes', () => {
  refused(
    safetensorsFile({ a: f32([2, 3], 0, 20) }, 20),
    /tensor "a" has shape \[2, 3\] × 4 bytes \(F32\) = 24 bytes, but data_offsets \[0, 20\] span 20/,
  );
  const huge = 2 ** 53 - 1;
  refused(safetensorsFile({ a: f32([huge, huge], 0, 4) }, 4), /= more than 2\^53 bytes/);
  // 2^32 · 2^32 · 4 bytes is 0 in 64-bit arithmetic that wraps.
  refused(safetensorsFile({ a: f32([2 ** 32, 2 ** 32], 0, 0) }, 0), /= more than 2\^53 bytes/);
  refused(safetensorsFile({ a: f32([huge, huge, 0], 0, 0) }, 0), /= more than 2\^53 bytes/);
});

test('numbers that are not whole numbers are refused with the byte', () => {
  for (const number of ['-1', '1.5', '1e2', '2.0', '01', '+1', '9007199254740992', '1'.repeat(400)]) {
    refused(
      safetensorsFile(`{"a":{"dtype":"F32","shape":[${number}],"data_offsets":[0,4]}}`, 4),
      /byte 37: the shape of tensor "a" must hold whole numbers from 0 to 2\^53 - 1, found/,
    );
  }
  for (const [value, found] of Object.entries({
    '"1"': '"\\\\""',
    null: '"n"',
    '[1]': '"\\["',
    NaN: '"N"',
  })) {
    refused(
      safetensorsFile(`{"a":{"dtype":"F32","shape":[${value}],"data_offsets":[0,4]}}`, 4),
      new RegExp(`byte 37: expected a number in the shape of tensor "a", found ${found}`),
    );
  }
  refused(
    safetensorsFile({ a: f32(Array(17).fill(1), 0, 4) }, 4),
    /shape of tensor "a" has more than 16 numbers/,
  );
  refused(
    safetensorsFile('{"a":{"dtype":"F32","shape":[],"data_offsets":[4]}}', 4),
    /must be two numbers, found 1/,
  );
});

test('headers of any other form are refused', () => {
  const cases: [string, RegExp][] = [
    ['[]', /byte 8: expected '\{' at the start of the header, found "\["/],
    [' {}', /expected '\{' at the start of the header/],
    ['{}x', /expected only white space after the header's closing brace, found "x"/],
    ['{"a":1}', /expected '\{' in tensor "a", found "1"/],
    ['{"a"}', /expected ':' in the name "a", found "}"/],
    ['{"a', /a name in the header: the closing quote is missing/],
    ['{"a\\"', /the closing quote is missing/],
    ['{a:1}', /expected a name in the header, found "a"/],
    ['{"a\\x":1}', /has an escape or a control character that JSON does not allow/],
    ['{"a\u0001":1}', /has an escape or a control character that JSON does not allow/],
    ['{"\\ud800":1}', /has an unpaired surrogate/],
    ['{"a":{},}', /tensor "a" needs dtype, shape and data_offsets/],
    ['{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},}', /expected a name in the header, found "}"/],
    ['{"a":{"dtype":"F7","shape":[],"data_offsets":[0,4]}}', /tensor "a" has dtype "F7"; known are BOOL/],
    ['{"a":{"dtype":"toString","shape":[],"data_offsets":[0,4]}}', /tensor "a" has dtype "toString"/],
    ['{"a":{"dtype":3,"shape":[],"data_offsets":[0,4]}}', /expected the dtype of tensor "a", found "3"/],
    ['{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}', /has the field "x"; only dtype/],
    ['{"a":{"dtype":"F32","dtype":"F32"}}', /tensor "a" has the name "dtype" twice/],
    ['{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', /"__proto__", which is not allowed/],
    ['{"__metadata__":{"__proto__":"x"}}', /the metadata has the name "__proto__"/],
    ['{"__metadata__":{"a":1}}', /expected text for the metadata's "a", found "1"/],
    ['{"__metadata__":null}', /expected '\{' in the metadata, found "n"/],
    ['{"__metadata__":{},"__metadata__":{}}', /the header has the name "__metadata__" twice/],
  ];
  for (const [header, message] of cases) refused(safetensorsFile(header, 4), message);
  const tensor = '{"dtype":"F32","shape":[],"data_offsets":[0,4]}';
  refused(safetensorsFile(`{"a":${tensor},"\\u0061":${tensor}}`, 4), /the header has the name "a" twice/);
});

test('text that is not UTF-8 is refused with the byte', () => {
  const file = safetensorsFile('{"aXc":{}}', 0);
  file[8 + 3] = 0xff;
  refused(file, /byte 9: a name in the header is not valid UTF-8/);
});

test('a million brackets are refused quickly', () => {
  const brackets = '['.repeat(1_000_000);
  const started = performance.now();
  refused(safetensorsFile(brackets, 0), /found "\["/);
  refused(safetensorsFile('{"a":'.repeat(1_000_000), 0), /"a" has the field "a"/);
  refused(
    safetensorsFile(`{"a":{"dtype":"F32","shape":${brackets}`, 0),
    /expected a number in the shape of tensor "a"/,
  );
  refused(safetensorsFile(`{"__metadata__":{"a":${brackets}`, 0), /expected text for the metadata's "a"/);
  // A generous limit: this takes a few milliseconds.
  assert.ok(performance.now() - started < 2000);
});

test('a header with too many names is refused', () => {
  const names = Array.from({ length: 70_000 }, (_, i) => `"${i.toString(36)}":""`).join(',');
  refused(safetensorsFile(`{"__metadata__":{${names}}}`, 0), /the metadata has more than 65536 names/);
});

test('messages are short and printable for any names', () => {
  const name = `\u202e\u009b31m${'x'.repeat(100_000)}`;
  assert.throws(
    () => readSafetensors(safetensorsFile({ [name]: f32([1], 0, 8) }, 8)),
    ({ message }: Error) => message.length < 400 && message.includes('"\\u{202e}\\u{9b}31mxxx'),
  );
});

test('no memory is allocated for data that a file only announces', () => {
  const announced = 2 ** 40;
  const file = safetensorsFile({ a: { dtype: 'U8', shape: [announced], data_offsets: [0, announced] } }, 16);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 100; i++) refused(file, /tensor "a" ends at byte 1099511627776 of the data/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});

test('the writer aligns every tensor and derives element types from arrays', () => {
  const tensors = new Map<string, TensorToWrite>([
    ['byte', { shape: [3], data: Uint8Array.of(1, 2, 3) }],
    ['half', { dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3f80) }],
    ['float', { shape: [1], data: Float32Array.of(1) }],
    ['double', { shape: [1], data: Float64Array.of(1) }],
  ]);
  const bytes = writeSafetensors(tensors);
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assert.equal(headerLength % 8, 0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
  assert.deepEqual(Object.keys(header), ['double', 'float', 'half', 'byte']);
  assert.deepEqual(header.half, { dtype: 'BF16', shape: [1], data_offsets: [12, 14] });
  assert.equal(bytes.length, 8 + headerLength + 17);
});

test('a subarray is written without the rest of its buffer', () => {
  const data = Float32Array.of(1, 2, 3, 4).subarray(2);
  const { tensors } = readSafetensors(writeSafetensors(new Map([['a', { shape: [2], data }]])));
  assert.deepEqual(tensors.get('a')?.data, Float32Array.of(3, 4));
});

test('the writer refuses what the reader would refuse', () => {
  const write = (name: string, tensor: TensorToWrite, metadata?: Record<string, string>) =>
    assert.throws(() => writeSafetensors(new Map([[name, tensor]]), metadata), UserError, name);
  const data = Float32Array.of(1, 2);
  write('a', { shape: [3], data });
  write('a', { shape: [], data });
  write('a', { shape: [-2], data });
  write('a', { shape: [0.5, 4], data });
  write('a', { shape: Array(17).fill(1), data: Float32Array.of(1) });
  write('a', { dtype: 'F64', shape: [2], data });
  write('a', { dtype: 'F7', shape: [2], data });
  write('a', { dtype: 'constructor', shape: [2], data });
  write('__metadata__', { shape: [2], data });
  write('__proto__', { shape: [2], data });
  write('\ud800', { shape: [2], data });
  write('a', { shape: [2], data }, { a: '\udc00' });
  write('a', { shape: [2], data }, JSON.parse('{"__proto__": "x"}'));
  write('a', { shape: [2], data }, JSON.parse('{"a": 1}'));
});
