/**
 * Random words for augmentation: the words of `Random` (random.ts) for the key (seed, 'augm', epoch, sample), drawn many
 * at a time and without allocating, because every sample of every epoch needs about a hundred. Each purpose has a
 * separate stream, so switching one on does not change the words of the others.
 */

import { deriveKey } from '../random.js';

/** Separates the random numbers of augmentation from all others of the same seed. */
export const AUGMENT_STREAM = 0x6175676d; // 'augm'

/** The purposes of words. */
export const STREAM = {
  shape: 0,
  order: 1,
  jitter: 2,
  drop: 3,
  elastic: 4,
  thickness: 5,
  shuffle: 16,
} as const;

/** 2⁻³² */
const UNIT = 1 / 2 ** 32;

/** A number in [0, 1) from a word. */
export function uniformOf(word: number): number {
  return (word >>> 0) * UNIT;
}

/** A number in [−1, 1) from a word. */
export function signedOf(word: number): number {
  return word * (2 * UNIT);
}

/** Draws the words of one sample after the other. */
export class SampleWords {
  readonly #seed: number;
  #epoch: number | undefined;
  readonly #epochKey = new Int32Array(2);
  readonly #sampleKey = new Int32Array(2);

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Starts the words of a sample in an epoch. */
  begin(epoch: number, sample: number): void {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#epochKey.set(deriveKey(this.#seed, AUGMENT_STREAM, epoch));
    }
    // The last step of deriveKey(seed, AUGMENT_STREAM, epoch, sample).
    drawWords(this.#epochKey, sample, 3, this.#sampleKey, 2);
  }

  /**
   * Words 0 … count − 1 of a stream, as signed integers.
   * @param target [count rounded up to even] at least
   */
  fill(stream: number, target: Int32Array, count: number): void {
    drawWords(this.#sampleKey, 0, stream, target, count);
  }
}

/**
 * Words of Threefry-2x32 for counters (c0, c1), (c0 + 1, c1) …: `threefry` of random.ts with its 20 rounds written out,
 * so that they run in registers.
 */
function drawWords(key: Int32Array, c0: number, c1: number, target: Int32Array, count: number): void {
  const k0 = key[0];
  const k1 = key[1];
  const k2 = 0x1bd11bda ^ k0 ^ k1;
  const start = (c1 + k1) | 0;
  for (let at = 0, counter = c0; at < count; at += 2, counter++) {
    let a = (counter + k0) | 0;
    let b = start;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((((b << 6) | (b >>> 26)) ^ a) + k2 + 1) | 0;
    a = (a + k1 + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((((b << 24) | (b >>> 8)) ^ a) + k0 + 2) | 0;
    a = (a + k2 + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((((b << 6) | (b >>> 26)) ^ a) + k1 + 3) | 0;
    a = (a + k0 + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((((b << 24) | (b >>> 8)) ^ a) + k2 + 4) | 0;
    a = (a + k1 + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    target[at] = (a + k2) | 0;
    target[at + 1] = (b + k0 + 5) | 0;
  }
}
