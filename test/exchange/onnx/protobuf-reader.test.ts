/** Protects the first layer of reading ONNX: numbers are exact, and a damaged message is refused with its byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtobufReader } from '#src/exchange/onnx/read/protobuf-reader.js';
import { bytes, float, int, joined, text, varint } from './onnx-bytes.js';

const open = (message: Uint8Array) => new ProtobufReader(message, 'file', 'the message');

test('whole numbers of 64 bits, signed', () => {
  const numbers = [
    0,
    1,
    127,
    128,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 31,
    2 ** 32,
    2 ** 35 + 1,
    2 ** 53 - 1,
    -1,
    -128,
    -(2 ** 40),
  ];
  for (const number of numbers) {
    const reader = open(int(3, number));
    assert.ok(reader.next());
    assert.equal(reader.field, 3);
    assert.equal(reader.whole(), number);
    assert.equal(reader.next(), false);
  }
  const extreme = open(joined(int(1, 2n ** 63n - 1n), int(1, -(2n ** 63n))));
  assert.ok(extreme.next());
  assert.equal(extreme.whole(), 2 ** 63);
  assert.ok(extreme.next());
  assert.equal(extreme.whole(), -(2 ** 63));
});

test('lists, packed and one by one', () => {
  const reader = open(
    joined(int(1, 5), bytes(1, joined(varint(6), varint(-7))), bytes(1, new Uint8Array()), int(1, 300)),
  );
  const values: number[] = [];
  while (reader.next()) reader.wholesInto(values, 4);
  assert.deepEqual(values, [5, 6, -7, 300]);
  const tooMany = open(bytes(1, joined(...[1, 2, 3].map(varint))));
  tooMany.next();
  assert.throws(() => tooMany.wholesInto([], 2), {
    name: 'UserError',
    message: /field 1 has more than 2 numbers/,
  });
});

test('floats, texts, nested messages, and fields of every encoding that are skipped', () => {
  const fixed64 = joined(varint(5 * 8 + 1), new Uint8Array(8));
  const reader = open(joined(fixed64, float(2, 1.5), text(3, 'ü'), int(9, 1), bytes(4, int(1, 7))));
  assert.ok(reader.next());
  reader.skip();
  assert.ok(reader.next());
  assert.equal(reader.float(), 1.5);
  assert.ok(reader.next());
  assert.equal(reader.text(10), 'ü');
  assert.ok(reader.next());
  reader.skip();
  assert.ok(reader.next());
  const nested = reader.message('the nested message');
  assert.ok(nested.next());
  assert.equal(nested.whole(), 7);
  assert.equal(nested.next(), false);
  assert.equal(reader.next(), false);
});

test('damaged messages are refused with their byte', () => {
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(11).fill(255), /at byte 10: the message: a number has more than 10 bytes/],
    [Uint8Array.of(8, 128), /at byte 2: the message: a number is cut short/],
    [joined(varint(10), varint(5), Uint8Array.of(1)), /field 1 announces 5 bytes, but 1 are left/],
    [joined(varint(10), varint(-1)), /field 1 announces -1 bytes/],
    [joined(varint(10), varint(2n ** 62n)), /field 1 announces 4611686018427388000 bytes/],
    [Uint8Array.of(13, 0, 0), /field 1 needs 4 bytes, but 2 are left/],
    [Uint8Array.of(11), /field 1 has the unknown encoding 3/],
    [Uint8Array.of(0), /a field has the number 0/],
    [varint(2n ** 40n), /a field has the number/],
  ];
  for (const [message, expected] of cases) {
    assert.throws(
      () => {
        const reader = open(message);
        while (reader.next()) reader.skip();
      },
      { name: 'UserError', message: expected },
    );
  }
  const wrong = open(int(1, 1));
  wrong.next();
  assert.throws(() => wrong.text(10), {
    name: 'UserError',
    message: /field 1 has the encoding 0, expected 2/,
  });
  const broken = open(bytes(1, Uint8Array.of(255)));
  broken.next();
  assert.throws(() => broken.text(10), { name: 'UserError', message: /no valid UTF-8/ });
  const long = open(text(1, 'abc'));
  long.next();
  assert.throws(() => long.text(2), { name: 'UserError', message: /a text of 3 bytes; at most 2/ });
});
