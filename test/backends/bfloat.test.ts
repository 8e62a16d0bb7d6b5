/** Protects the definition of bfloat16 that every backend's conversions are compared with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bfloatToNumber, numberToBfloat } from '#src/backends/bfloat.js';

/** Numbers and their bits: the upper halves of float32. */
const KNOWN: [number, number][] = [
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3f80],
  [-2, 0xc000],
  [1 + 2 ** -7, 0x3f81],
  [255 * 2 ** 120, 0x7f7f],
  [2 ** -126, 0x0080],
  [Number.POSITIVE_INFINITY, 0x7f80],
  [Number.NEGATIVE_INFINITY, 0xff80],
];

test('known numbers and their bits', () => {
  for (const [value, bits] of KNOWN) {
    assert.equal(numberToBfloat(value), bits);
    assert.ok(Object.is(bfloatToNumber(bits), value), `${bits}`);
    // As an Int16Array gives them.
    assert.ok(Object.is(bfloatToNumber((bits << 16) >> 16), value), `${bits}`);
  }
  assert.ok(Number.isNaN(bfloatToNumber(numberToBfloat(Number.NaN))));
});

test('rounds to the nearest, ties to even; subnormal floats become zero', () => {
  const rounded: [number, number][] = [
    [1 + 2 ** -8, 0x3f80], // halfway between 1 and the next bfloat: rounds to the even one
    [1 + 3 * 2 ** -8, 0x3f82],
    [1 + 2 ** -8 + 2 ** -20, 0x3f81],
    [2 - 2 ** -9, 0x4000], // carries into the exponent
    [3.4e38, 0x7f80],
    [2 ** -127, 0x0000],
    [-(2 ** -126) * (1 - 2 ** -23), 0x8000],
  ];
  for (const [value, bits] of rounded) assert.equal(numberToBfloat(value), bits, `${value}`);
});

test('every normal bfloat is its own rounding', () => {
  for (let bits = 0x0080; bits <= 0x7f80; bits++) {
    assert.equal(numberToBfloat(bfloatToNumber(bits)), bits);
    assert.equal(numberToBfloat(-bfloatToNumber(bits)), bits | 0x8000);
  }
});
