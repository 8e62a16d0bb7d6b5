/** Protects the random words of samples: they equal those of Random, so they depend only on (seed, epoch, sample). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SampleWords, STREAM, signedOf, uniformOf } from '#src/data/sample-words.js';
import { deriveKey, Random, threefry } from '#src/random.js';

const AUGMENT = 0x6175676d;
const SEEDS = [0, 7, 2 ** 40 + 3];

test('stream 0 equals Random with the same key; every other stream has another counter', () => {
  const found = new Int32Array(21);
  for (const seed of SEEDS) {
    const words = new SampleWords(seed);
    for (const [epoch, sample] of [
      [1, 0],
      [1, 59_999],
      [300, 12],
      [1, 0],
    ]) {
      words.begin(epoch, sample);
      words.fill(0, found, 20);
      const random = new Random(seed, AUGMENT, epoch, sample);
      for (let n = 0; n < 20; n++) assert.equal(found[n] >>> 0, random.word());
      const key = deriveKey(seed, AUGMENT, epoch, sample);
      words.fill(STREAM.jitter, found, 6);
      for (let n = 0; n < 6; n += 2) {
        assert.deepEqual(
          [found[n] >>> 0, found[n + 1] >>> 0],
          threefry(key[0], key[1], n / 2, STREAM.jitter),
        );
      }
    }
    assert.equal(found[20], 0, 'no word is written after the count');
  }
});

test('numbers from words cover their range', () => {
  assert.deepEqual(
    [0, -1, 1].map(uniformOf),
    [0, 1 - 2 ** -32, 2 ** -32], //
  );
  assert.deepEqual(
    [-(2 ** 31), 0, 2 ** 31 - 1].map(signedOf),
    [-1, 0, 1 - 2 ** -31], //
  );
});
