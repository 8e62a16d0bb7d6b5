/** Protects the encoding of protocol buffers: the examples of its specification. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProtobufWriter } from '#src/formats/protobuf-writer.js';

const hex = (writer: ProtobufWriter) => Buffer.from(writer.finish()).toString('hex');

test('numbers, texts and messages', () => {
  // The three examples of https://protobuf.dev/programming-guides/encoding/
  assert.equal(hex(new ProtobufWriter().int(1, 150)), '089601');
  assert.equal(hex(new ProtobufWriter().text(2, 'testing')), '120774657374696e67');
  assert.equal(hex(new ProtobufWriter().message(3, new ProtobufWriter().int(1, 150))), '1a03089601');
});

test('the limits: 0, one and two bytes, more than 32 bits, a field with a tag of two bytes, nothing', () => {
  const one = (value: number) => hex(new ProtobufWriter().int(1, value)).slice(2);
  assert.deepEqual([0, 127, 128, 16_383].map(one), ['00', '7f', '8001', 'ff7f']);
  assert.equal(one(2 ** 32), '8080808010');
  assert.equal(one(Number.MAX_SAFE_INTEGER), 'ffffffffffffff0f');
  assert.equal(hex(new ProtobufWriter().int(20, 1)), 'a00101');
  assert.equal(hex(new ProtobufWriter().text(1, '').bytes(2, new Uint8Array(0))), '0a001200');
  assert.equal(hex(new ProtobufWriter()), '');
  for (const value of [-1, 0.5, Number.NaN, 2 ** 53]) assert.throws(() => new ProtobufWriter().int(1, value));
});

test('messages within messages keep their lengths', () => {
  const inner = new ProtobufWriter().bytes(1, new Uint8Array(200));
  const bytes = new ProtobufWriter().message(1, new ProtobufWriter().message(1, inner)).finish();
  assert.equal(bytes.length, 200 + 3 * 3);
  assert.deepEqual([...bytes.subarray(0, 9)], [0x0a, 206, 1, 0x0a, 203, 1, 0x0a, 200, 1]);
});

test('float32 and float64, the lowest byte first', () => {
  assert.equal(hex(new ProtobufWriter().float(2, 1)), '150000803f');
  assert.equal(hex(new ProtobufWriter().double(1, -2)), '0900000000000000c0');
});
