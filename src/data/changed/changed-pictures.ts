/**
 * Changes of pictures that people's drawings and photographs show: drawn again with a pen, turned, small, large, slanted
 * or shifted, thin, thick or soft lines, noise and specks; then prepared as recognition prepares every picture. What
 * preparation cannot undo, a network can learn. One to two changes each; a function of the random numbers alone.
 */

import { DRAWING_SIZE } from '../../ink/drawing.js';
import { imageToStrokes } from '../../ink/image-to-strokes.js';
import { movesToStrokes } from '../../ink/render-strokes.js';
import type { Random } from '../../random.js';
import type { Affine } from '../affine.js';
import type { Dice } from '../drawn/dice.js';
import { drawnByHand, type Hand } from '../drawn/handwriting.js';
import { type Pen, pictureByPen } from '../drawn/pen.js';
import {
  inkedAround,
  movedPicture,
  type Picture,
  thickened,
  thinned,
  withNoise,
  withSaltAndPepper,
} from '../inputs/picture-changes.js';
import { preparePicture } from '../inputs/prepare-picture.js';

/** Increased whenever the same random numbers give another picture: it is part of the cache's keys. */
export const CHANGES_VERSION = 7;

/**
 * How often each kind of change is made. Thin lines change more answers of networks that read pixels than any other
 * change; strokes are those of thinned pictures anyway.
 */
const WEIGHTS = {
  images: { redrawn: 5, thin: 14, thick: 3, noise: 2, specks: 1, soft: 1, moved: 4 },
  strokes: { redrawn: 7, thin: 6, thick: 4, noise: 2, specks: 1, soft: 1, moved: 5 },
};
/** How lines of a thinned picture are drawn again: smoothed, bent and moved a little. */
const HAND: Hand = { rounding: 3, rotation: 8, stretch: 0.12, slant: 0.15, bend: 0.4 };
const PEN: Pen = { pages: 0.4, spread: 0.3, thinnest: 0.55, thickest: 1.7 };
const SIDE = DRAWING_SIZE.width;

/**
 * A changed copy of a picture as a network would read it.
 * @param picture [28, 28] grey
 * @param isThinned whether the picture becomes strokes
 * @returns [28, 28]; the unchanged pixels if nothing is left of the figure
 */
export function changedPicture(picture: Picture, dice: Dice, random: Random, isThinned: boolean): Uint8Array {
  const kind = dice.weighted(isThinned ? WEIGHTS.strokes : WEIGHTS.images);
  const moved = kind === 'moved' || dice.chance(0.3) ? movedPicture(picture, someMap(dice)) : picture;
  const changed = inkChanged(moved, kind, dice, random);
  return preparePicture(changed, isThinned) ?? picture.pixels;
}

function inkChanged(
  picture: Picture,
  kind: keyof typeof WEIGHTS.images,
  dice: Dice,
  random: Random,
): Picture {
  switch (kind) {
    case 'redrawn':
      return redrawn(picture, dice);
    case 'soft':
      return softened(softened(picture));
    case 'thin':
      return thinned(picture);
    case 'thick':
      return dice.chance(0.5) ? thickened(picture) : inkedAround(picture);
    case 'noise':
      return withNoise(picture, dice.between(8, 40), random);
    case 'specks':
      return withSaltAndPepper(picture, dice.between(0.02, 0.08), random);
    case 'moved':
      return picture;
  }
}

/** Drawn with a pen along the lines of the thinned picture. */
function redrawn(picture: Picture, dice: Dice): Picture {
  const moves = imageToStrokes(picture.pixels, SIDE, SIDE);
  const lines = movesToStrokes(moves).map(({ xs, ys }) => ({
    xs: Array.from(xs, (x) => x / SIDE),
    ys: Array.from(ys, (y) => y / SIDE),
  }));
  if (lines.length === 0) return picture;
  return { ...picture, pixels: pictureByPen({ strokes: drawnByHand(lines, dice, HAND) }, dice, PEN) };
}

/** Every pixel is the mean of itself and its eight neighbours, as in a picture of few pixels. */
function softened(picture: Picture): Picture {
  const pixels = picture.pixels.map((_, i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    let sum = 0;
    for (let v = Math.max(0, y - 1); v <= Math.min(SIDE - 1, y + 1); v++) {
      for (let u = Math.max(0, x - 1); u <= Math.min(SIDE - 1, x + 1); u++)
        sum += picture.pixels[v * SIDE + u];
    }
    return Math.round(sum / 9);
  });
  return { ...picture, pixels };
}

/** Turned by up to 18°, scaled to 0.65 to 1.4, stretched by up to 15 %, slanted by up to 0.35, shifted by up to 4 pixels. */
function someMap(dice: Dice): Affine {
  const angle = (dice.between(-18, 18) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const size = Math.exp(dice.between(Math.log(0.65), Math.log(1.4)));
  const stretch = Math.exp(dice.between(-0.15, 0.15));
  const [across, down] = [size * stretch, size / stretch];
  const slant = dice.between(-0.35, 0.35);
  return {
    xx: cos * across,
    xy: (cos * slant - sin) * down,
    yx: sin * across,
    yy: (sin * slant + cos) * down,
    shiftX: dice.between(-4, 4),
    shiftY: dice.between(-4, 4),
  };
}
