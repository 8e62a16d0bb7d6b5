/** Random numbers in the forms that drawing needs. */
import type { Random } from '../../random.js';

/** Draws from a stream of random numbers. */
export class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A number in [least, most). */
  between(least: number, most: number): number {
    return least + (most - least) * this.#random.uniform();
  }

  /** A whole number from least to most, both included. */
  whole(least: number, most: number): number {
    return least + this.#random.below(most - least + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.#random.uniform() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)];
  }

  /** One of the keys, each as likely as its weight. */
  weighted<K extends string>(weights: Readonly<Partial<Record<K, number>>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.#random.uniform() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return entries[entries.length - 1][0];
  }

  /** Normally distributed, mean 0 and standard deviation 1 (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random.uniform()));
    return radius * Math.cos(2 * Math.PI * this.#random.uniform());
  }
}
