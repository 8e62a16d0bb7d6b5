/** Random affine maps: rotation, scale, shear and shift, drawn once for each sample, for images and strokes alike. */
import type { Augmentation } from './augmentation.js';
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

export function isMoving({ rotation, scale, shear, shift }: AffineAmounts): boolean {
  return rotation !== 0 || scale !== 0 || shear !== 0 || shift !== 0;
}

/**
 * Draws a map: scaled, then sheared, then turned, then shifted.
 * @param buffer [AFFINE_WORDS] for random words, or longer
 */
export function drawAffine(
  words: SampleWords,
  buffer: Int32Array,
  amounts: AffineAmounts,
  map: Affine,
): void {
  words.fill(STREAM.shape, buffer, AFFINE_WORDS);
  const angle = (amounts.rotation * signedOf(buffer[0]) * Math.PI) / 180;
  const scaleX = factorOf(amounts.scale, buffer[1]);
  const scaleY = factorOf(amounts.scale, buffer[2]);
  const shear = amounts.shear * signedOf(buffer[3]);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  map.xx = cos * scaleX;
  map.xy = (cos * shear - sin) * scaleY;
  map.yx = sin * scaleX;
  map.yy = (sin * shear + cos) * scaleY;
  map.shiftX = amounts.shift * signedOf(buffer[4]);
  map.shiftY = amounts.shift * signedOf(buffer[5]);
}

/** A factor between 1 / (1 + amount) and 1 + amount; larger and smaller are equally likely. */
export function factorOf(amount: number, word: number): number {
  const share = amount * signedOf(word);
  return share >= 0 ? 1 + share : 1 / (1 - share);
}
