/**
 * Changes of pictures that people's drawings and photographs show: turned, small, large, slanted or shifted, thin or
 * thick lines, noise and specks; then prepared as recognition prepares every picture. What preparation cannot undo, a
 * network can learn. One to two changes each; a function of the random numbers alone.
 */

import type { Random } from '../../random.js';
import type { Affine } from '../affine.js';
import type { Dice } from '../drawn/dice.js';
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
export const CHANGES_VERSION = 1;

const WEIGHTS = { thin: 4, thick: 3, noise: 2, specks: 1, moved: 4 };

/**
 * A changed copy of a picture as a network would read it.
 * @param picture [28, 28] grey
 * @param isThinned whether the picture becomes strokes
 * @returns [28, 28]; the unchanged pixels if nothing is left of the figure
 */
export function changedPicture(picture: Picture, dice: Dice, random: Random, isThinned: boolean): Uint8Array {
  const kind = dice.weighted(WEIGHTS);
  const moved = kind === 'moved' || dice.chance(0.3) ? movedPicture(picture, someMap(dice)) : picture;
  const changed = inkChanged(moved, kind, dice, random);
  return preparePicture(changed, isThinned) ?? picture.pixels;
}

function inkChanged(picture: Picture, kind: keyof typeof WEIGHTS, dice: Dice, random: Random): Picture {
  switch (kind) {
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

/** Turned by up to 22°, scaled to 0.65 to 1.4, stretched by up to 15 %, slanted by up to 0.35, shifted by up to 4 pixels. */
function someMap(dice: Dice): Affine {
  const angle = (dice.between(-22, 22) * Math.PI) / 180;
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
