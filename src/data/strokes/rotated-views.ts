/**
 * Other views of a picture for a network that reads strokes: test-time augmentation. Thinning and the tour are rough, and
 * a slightly rotated picture gives other strokes of the same digit, so the mean of the answers is right more often.
 */
import { imageToStrokes } from '../../ink/image-to-strokes.js';
import { rotation } from '../affine.js';
import type { Preprocessing } from '../input-kind.js';
import { pictureToRead } from '../inputs/input.js';
import { movedPicture, type Picture } from '../inputs/picture-changes.js';
import type { StrokePreprocessing } from './stroke-preprocessing.js';

/**
 * The moves of a picture rotated by `viewRotation` degrees, to the left and to the right, prepared and thinned anew.
 * @param picture as the network reads it
 * @returns [N, 4] each; none without `viewRotation`, and none of a view without ink
 */
export function rotatedViews(
  picture: Picture,
  { viewRotation = 0, fitted = true }: StrokePreprocessing,
): Int16Array[] {
  if (viewRotation === 0) return [];
  return [-viewRotation, viewRotation].flatMap((degrees) => {
    const rotated = movedPicture(picture, rotation(degrees));
    const read = pictureToRead(rotated, picture, { isFitted: fitted, isThinned: true });
    return read ? [imageToStrokes(read.pixels, read.width, read.height)] : [];
  });
}

/** Preprocessing with one view, for those who read only the first. */
export function withoutViews<P extends Preprocessing>(preprocessing: P): P {
  return preprocessing.kind === 'strokes' ? { ...preprocessing, viewRotation: 0 } : preprocessing;
}
