/** Opens a recipe: what makes its examples. */
import { changesOf } from '../changed/changes-of.js';
import { digitsOf } from '../digits/digits-of.js';
import { negativesOf } from '../negatives/negatives-of.js';
import type { Making, Recipe } from './making.js';

export function openRecipe(recipe: Recipe): Making {
  switch (recipe.of) {
    case 'negatives':
      return { ...negativesOf(recipe), recipe };
    case 'digits':
      return { ...digitsOf(recipe), recipe };
    case 'changes':
      return { ...changesOf(recipe), recipe };
  }
}
