/**
 * WGSL of the products that a thread computes at each step: its weights, vec4 by vec4, with one value of each sequence.
 * The first weights are in registers, w_0, w_1 …; the others are read from `weights` each time.
 */
import { heldWeights, threadsFor } from './loop-shape.js';

export const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

/** Declares the recurrent weights in registers. `own_weights` is the place of the thread's first one. */
export function loadHeldWeights(units: number): string {
  const loads = Array.from(
    { length: heldWeights(units) },
    (_, n) => `  let w_${n} = ${weightInMemory('own_weights', units, n)};`,
  );
  return loads.join('\n');
}

/** The n-th vec4 of a thread's recurrent weights. */
export function recurrentWeight(units: number, n: number): string {
  return n < heldWeights(units) ? `w_${n}` : weightInMemory('own_weights', units, n);
}

/** The n-th vec4 after a thread's first one. */
export function weightInMemory(first: string, units: number, n: number): string {
  return `weights[${first} + ${n * threadsFor(units)}u]`;
}

/** Adds a vec4 of weights to the sums, times a value of each sequence. */
export function addProduct(weight: string, value0: string, value1: string): string {
  return `    {
      let w = ${weight};
      sum_0 = fma(vec4f(${value0}), w, sum_0);
      sum_1 = fma(vec4f(${value1}), w, sum_1);
    }`;
}
