/** Protects the definition of 16-bit floats that every backend's conversions are compared with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfToNumber, numberToHalf } from '#src/half.js';

/** Numbers and their bits, from IEEE 754. */
const KNOWN: [number, number][] = [
  [0, 0x0000],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [1 + 2 ** -10, 0x3c01],
  [65504, 0x7bff],
  [2 ** -14, 0x0400],
  [1023 * 2 ** -24, 0x03ff],
  [2 ** -24, 0x0001],
  [Number.POSITIVE_INFINITY, 0x7c00],
  [Number.NEGATIVE_INFINITY, 0xfc00],
];

test('known numbers and their bits', () => {
  for (const [value, bits] of KNOWN) {
    assert.equal(numberToHalf(value), bits);
    assert.ok(Object.is(halfToNumber(bits), value), `${bits}`);
  }
  assert.ok(Number.isNaN(halfToNumber(numberToHalf(Number.NaN))));
});

test('rounds to the nearest, ties to even, and overflows to infinity', () => {
  const rounded: [number, number][] = [
    [1 + 2 ** -11, 0x3c00], // halfway between 1 and the next half: rounds to the even one
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [2 - 2 ** -12, 0x4000], // carries into the exponent
    [65519.9, 0x7bff],
    [65520, 0x7c00],
    [2 ** -25, 0x0000],
    [1.0001 * 2 ** -25, 0x0001],
    [1.5 * 2 ** -24, 0x0002],
    [-1e-30, 0x8000],
  ];
  for (const [value, bits] of rounded) assert.equal(numberToHalf(value), bits, `${value}`);
});

test('every half is its own rounding, and they grow with their bits', () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    assert.equal(numberToHalf(halfToNumber(bits)), bits);
    assert.ok(halfToNumber(bits + 1) > halfToNumber(bits));
  }
});
