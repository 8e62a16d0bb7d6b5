/**
 * Protects the texts that hold bytes in a page: letters, planes of floats and parcels give back the same bytes, for all
 * lengths and values, and the letters are harmless in HTML.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesToLetters, lettersToBytes } from '#src/formats/letters.js';
import { packParcel, unpackParcel } from '#src/formats/parcel.js';
import { fromPlanes, toPlanes } from '#src/formats/safetensors/float-planes.js';
import { Random } from '#src/random.js';
import { UserError } from '#src/user-error.js';

function randomBytes(length: number): Uint8Array {
  const random = new Random(length);
  return Uint8Array.from({ length }, () => random.below(256));
}

test('bytes become letters and bytes again, for every length and for extreme values', () => {
  for (let length = 0; length < 100; length++) {
    for (const bytes of [randomBytes(length), new Uint8Array(length), new Uint8Array(length).fill(255)]) {
      assert.deepEqual(lettersToBytes(bytesToLetters(bytes)), bytes);
    }
  }
  const long = randomBytes(200_000); // more than one call of fromCharCode takes
  assert.deepEqual(lettersToBytes(bytesToLetters(long)), long);
});

test('15 bits a letter, all letters between U+3400 and U+B3FF', () => {
  const text = bytesToLetters(randomBytes(15_000));
  assert.equal(text.length, 2 + 8000);
  assert.match(text, /^[\u3400-\ub3ff]+$/);
});

test('a damaged text of letters is refused', () => {
  const text = bytesToLetters(randomBytes(99));
  for (const [damaged, message] of [
    [text.slice(0, -1), /expected 55 letters for 99 bytes, found 54/],
    [`${text}${text}`, /expected 55 letters for 99 bytes, found 110/],
    [`${text.slice(0, 20)}x${text.slice(21)}`, /damaged at letter 20 of 55/],
    [`${text.slice(0, 20)}\ub400${text.slice(21)}`, /damaged at letter 20 of 55/],
    ['', /damaged at letter 0 of 0/],
  ] as const) {
    assert.throws(
      () => lettersToBytes(damaged),
      (error) => error instanceof UserError && message.test(error.message),
    );
  }
});

test('planes of floats give back the same bits: signs, NaN, denormal numbers, and bytes that are no whole float', () => {
  const special = new Uint8Array(Float32Array.of(-0, NaN, -Infinity, 1e-45, 3.5, -1.25e-7).buffer);
  for (const bytes of [special, ...[0, 1, 3, 4, 5, 4095, 4096].map(randomBytes)]) {
    assert.deepEqual(fromPlanes(toPlanes(bytes)), bytes);
  }
  // Also of a part of a buffer.
  assert.deepEqual(fromPlanes(toPlanes(special.subarray(3, 17))), special.slice(3, 17));
});

test('a parcel gives back its pieces, empty ones too', async () => {
  const pieces = [randomBytes(1000), new Uint8Array(0), randomBytes(3)];
  assert.deepEqual(await unpackParcel(await packParcel(pieces)), pieces);
  assert.deepEqual(await unpackParcel(await packParcel([])), []);
});
