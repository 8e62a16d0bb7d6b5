/** Projects and drawings for tests: symbols of the generators, drawn by the made hand. A function of the seed. */
import { Dice } from '#src/data/drawn/dice.js';
import { drawnByHand, type Hand } from '#src/data/drawn/handwriting.js';
import { outlineStrokes } from '#src/data/drawn/outline.js';
import { GLYPHS } from '#src/data/negatives/glyphs.js';
import { columnsOf, type TeachProject } from '#src/data/pens/project.js';
import type { Drawing } from '#src/ink/drawing.js';
import { Random } from '#src/random.js';

const HAND: Hand = { rounding: 2, rotation: 12, stretch: 0.3, slant: 0.3, bend: 1, ends: 0.05 };
const STREAM = 0x68616e64; // 'hand'

/** Drawing n of a letter or sign of GLYPHS, in its first form. */
export function letter(name: string, n: number, seed = 0): Drawing {
  const dice = new Dice(new Random(seed, STREAM, name.codePointAt(0) ?? 0, n));
  return { strokes: drawnByHand(outlineStrokes(GLYPHS[name][0]), dice, HAND) };
}

/** A project of letters. */
export function letterProject(names: readonly string[], perClass: number, seed = 0): TeachProject {
  return {
    name: 'letters',
    classes: names.map((name) => ({ id: name, name, colour: '#0072b2' })),
    drawings: names.flatMap((name) =>
      Array.from({ length: perClass }, (_, n) => ({
        id: `${name}${n}`,
        class: name,
        drawing: columnsOf(letter(name, n, seed)),
      })),
    ),
    network: null,
  };
}
