/** Random affine maps: rotation, scale, shear and shift, drawn once for each sample, for images and strokes alike. */
import type { Augmentation } from './augmentation.js';
import { type Spread, slopeOf } from './deslant.js';
import { type SampleWords, STREAM, signedOf } from './sample-words.js';

/** The amounts that make an affine map. */
export type AffineAmounts = Pick<Augmentation, 'rotation' | 'scale' | 'shear' | 'shift'>;

/** Words that `drawAffine` uses; later words of the stream are free. */
export const AFFINE_WORDS = 6;

/** Maps a place (x, y), relative to the centre, to (xx · x + xy · y + shiftX, yx · x + yy · y + shiftY). */
export interface Affine {
  xx: number;
  xy: number;
  yx: number;
  yy: number;
  shiftX: number;
  shiftY: number;
}

/** @param degrees clockwise */
export function rotation(degrees: number): Affine {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return { xx: cos, xy: -sin, yx: sin, yy: cos, shiftX: 0, shiftY: 0 };
}

export function isMoving({ rotation, scale, shear, shift }: AffineAmounts): boolean {
  return rotation !== 0 || scale !== 0 || shear !== 0 || shift !== 0;
}

/**
 * Draws a map: scaled, then sheared, then turned, then shifted. Where recognition removes slant, `spread` is given, and
 * the map does the same to the turned digit: scaled, then turned, then without slant, then sheared, then shifted. The
 * digit stands upright then, and its other lines stay turned.
 * @param buffer [AFFINE_WORDS] for random words, or longer
 * @param spread how the ink lies before the map; null where slant is not removed
 */
export function drawAffine(
  words: SampleWords,
  buffer: Int32Array,
  amounts: AffineAmounts,
  map: Affine,
  spread: Spread | null,
): void {
  words.fill(STREAM.shape, buffer, AFFINE_WORDS);
  const angle = (amounts.rotation * signedOf(buffer[0]) * Math.PI) / 180;
  const scaleX = factorOf(amounts.scale, buffer[1]);
  const scaleY = factorOf(amounts.scale, buffer[2]);
  const drawnShear = amounts.shear * signedOf(buffer[3]);
  const shear = spread ? 0 : drawnShear;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  map.xx = cos * scaleX;
  map.xy = (cos * shear - sin) * scaleY;
  map.yx = sin * scaleX;
  map.yy = (sin * shear + cos) * scaleY;
  map.shiftX = amounts.shift * signedOf(buffer[4]);
  map.shiftY = amounts.shift * signedOf(buffer[5]);
  if (spread) shearAfter(map, drawnShear - slopeOf(spreadAfter(map, spread)));
}

/** How the ink lies after the map: M Σ Mᵀ. */
function spreadAfter({ xx, xy, yx, yy }: Affine, spread: Spread): Pick<Spread, 'xy' | 'yy'> {
  const [across, down] = [yx * spread.xx + yy * spread.xy, yx * spread.xy + yy * spread.yy];
  return { xy: xx * across + xy * down, yy: yx * across + yy * down };
}

/** Then shears before the shift: x += shear · y. */
function shearAfter(map: Affine, shear: number): void {
  map.xx += shear * map.yx;
  map.xy += shear * map.yy;
}

/** A factor between 1 / (1 + amount) and 1 + amount; larger and smaller are equally likely. */
export function factorOf(amount: number, word: number): number {
  const share = amount * signedOf(word);
  return share >= 0 ? 1 + share : 1 / (1 - share);
}
