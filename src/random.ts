/**
 * Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers:
 * as easy as 1, 2, 3", SC 2011). A word is a function of key and counter alone. So random numbers depend neither on the
 * number of threads nor on where a run was interrupted. The kernels compute the same function (kernels/dropout.h).
 */

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];

/** One block: two words for key (k0, k1) and counter (c0, c1). All are unsigned 32-bit integers. */
export function threefry(k0: number, k1: number, c0: number, c1: number): [number, number] {
  const key = [k0 | 0, k1 | 0, 0x1bd11bda ^ k0 ^ k1];
  let x0 = (c0 + key[0]) | 0;
  let x1 = (c1 + key[1]) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round % 8];
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x0 = (x0 + key[injection % 3]) | 0;
      x1 = (x1 + key[(injection + 1) % 3] + injection) | 0;
    }
  }
  return [x0 >>> 0, x1 >>> 0];
}

/**
 * The key of a purpose: each word is hashed into the key with Threefry, with its position as part of the counter.
 * @param seed a whole number in [0, 2⁵³)
 * @param words identify the purpose, for example stream, epoch and sample; 32 bits of each are used
 */
export function deriveKey(seed: number, ...words: number[]): [number, number] {
  let key: [number, number] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  words.forEach((word, position) => {
    key = threefry(key[0], key[1], word >>> 0, position + 1);
  });
  return key;
}

/** A stream of random numbers from one key. */
export class Random {
  readonly #key: [number, number];
  #counter = 0;
  #spare: number | undefined;

  /** @param words as for deriveKey */
  constructor(seed: number, ...words: number[]) {
    this.#key = deriveKey(seed, ...words);
  }

  /** A whole number in [0, 2³²). */
  word(): number {
    if (this.#spare !== undefined) {
      const word = this.#spare;
      this.#spare = undefined;
      return word;
    }
    const [first, second] = threefry(this.#key[0], this.#key[1], this.#counter++, 0);
    this.#spare = second;
    return first;
  }

  /** A number in [0, 1) with 32 random bits. */
  uniform(): number {
    return this.word() / 2 ** 32;
  }

  /**
   * A whole number in [0, limit), uniformly distributed: the remainder of a word. Words from the largest multiple of
   * `limit` up are rejected, because their remainders would make small numbers more likely.
   * @param limit a whole number in [1, 2³²]
   */
  below(limit: number): number {
    const reject = 2 ** 32 - (2 ** 32 % limit);
    let word = this.word();
    while (word >= reject) word = this.word();
    return word % limit;
  }

  /** Shuffles in place (Fisher–Yates) and returns the array. */
  shuffle<A extends Int32Array | number[]>(array: A): A {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = array[i];
      array[i] = array[j];
      array[j] = held;
    }
    return array;
  }
}

/** Two independent numbers with mean 0 and standard deviation 1, normally distributed (Box & Muller 1958). */
export function normalPair(random: Random): [number, number] {
  // 1 − uniform is in (0, 1], so the logarithm is finite.
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
  const angle = 2 * Math.PI * random.uniform();
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
