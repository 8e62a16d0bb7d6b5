/**
 * The one way from a picture that somebody drew, photographed or cut out to a picture like MNIST's, for every entrance and
 * both kinds of networks. Undoes polarity, noise, place, size and extreme thickness. A picture made as MNIST's passes
 * unchanged, byte for byte.
 */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { fitFigure, isInPlace } from './fit.js';
import { boxOf, cropped, type GreyPicture, type Ink, inkOf } from './ink.js';
import { withUsualLines } from './line-width.js';
import { withoutNoise } from './noise.js';
import { resampled } from './resample.js';

/** 4096 × 4096. */
export const MAX_PICTURE_PIXELS = 2 ** 24;
/** Limit for photos: the largest of phones have 50 million pixels. */
export const MAX_PHOTO_PIXELS = 2 ** 26;

/** Larger pictures are searched for the figure in a smaller copy. */
const SEARCHED = 512;
/** Pixels with at least this share of ink belong to the figure. */
const FIGURE = 0.25;

/**
 * @param picture grey; nominally 0 is paper and 255 is ink, but dark figures on light paper are read, too
 * @param isThinned whether the picture becomes strokes: thin lines are then not made thicker, which could close gaps
 * @returns [28, 28] 0 is paper, 255 is ink; null if there is no figure
 */
export function preparePicture(picture: GreyPicture, isThinned = false): Uint8Array | null {
  const { width, height, pixels } = picture;
  const isOwnSize = width === DRAWING_SIZE.width && height === DRAWING_SIZE.height;
  if (isOwnSize) {
    if (isInPlace(pixels)) return pixels;
    const negative = pixels.map((value) => 255 - value);
    if (isInPlace(negative)) return negative;
  }
  const ink = inkOf(picture);
  if (ink === null) return null;
  const part = searched(ink);
  const isOwnAndInPlace = (ink: Ink) => isOwnSize && isInPlace(bytesOf(ink));
  const usual = isOwnAndInPlace(part) ? part : withUsualLines(part, isThinned);
  const { ink: clean, wasNoisy } = usual === part ? withoutNoise(part) : { ink: usual, wasNoisy: false };
  if (isOwnAndInPlace(clean)) return bytesOf(clean);
  return fitFigure(clean, wasNoisy, isThinned);
}

function bytesOf({ values }: Ink): Uint8Array {
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(255 * values[i]);
  return bytes;
}

/** The part of a large picture that holds the figure, at most 512 pixels long. */
function searched(ink: Ink): Ink {
  const longer = Math.max(ink.width, ink.height);
  if (longer <= SEARCHED) return ink;
  const small = resampled(ink, SEARCHED);
  const box = boxOf(withoutNoise(small).ink, FIGURE);
  if (box === null) return small;
  const factor = longer / SEARCHED;
  // A margin of paper, from which the grain is measured.
  const part = {
    left: Math.max(0, Math.floor((box.left - 3) * factor)),
    top: Math.max(0, Math.floor((box.top - 3) * factor)),
    right: Math.min(ink.width, Math.ceil((box.right + 3) * factor)),
    bottom: Math.min(ink.height, Math.ceil((box.bottom + 3) * factor)),
  };
  const found = cropped(ink, part);
  return Math.max(found.width, found.height) > SEARCHED ? resampled(found, SEARCHED) : found;
}
