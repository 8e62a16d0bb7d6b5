/** Drawn digits, one by one. */
import type { DigitsRecipe, Making } from '../drawn/making.js';
import { DigitGenerator } from './generator.js';

/** The examples of a recipe; class k is the digit k. */
export function digitsOf({ seed, count, strokes }: DigitsRecipe): Making {
  const generator = new DigitGenerator({ seed, strokes });
  return {
    count,
    labelOf: (i) => generator.labelOf(i),
    at: (i, attempt) => generator.at(i, undefined, attempt),
  };
}
