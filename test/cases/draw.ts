/** Seeded inputs for the cases: exact float32 values, the same for every backend. */

import type { Random } from '#src/random.js';

/** `length` values, uniformly distributed in [-limit, limit). */
export function uniform(random: Random, length: number, limit = 1): Float32Array {
  const values = new Float32Array(length);
  for (let n = 0; n < length; n++) values[n] = limit * (2 * random.uniform() - 1);
  return values;
}

/** A random one of the options. */
export function pick<T>(random: Random, options: readonly T[]): T {
  return options[random.below(options.length)];
}

/** [T] number of sequences running at each step, for lengths sorted longest first. */
export function batchSizesOf(lengths: readonly number[]): Int32Array {
  return Int32Array.from({ length: lengths[0] }, (_, t) => lengths.filter((length) => length > t).length);
}
