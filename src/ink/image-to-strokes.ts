/**
 * Image to pen strokes, by the method that made the MNIST stroke sequences of Edwin D. de Jong, for images of any size.
 * threshold.ts, thin.ts and tour.ts each implement one stage. This file runs them in turn and writes the tour as moves.
 *
 * A sequence consists of moves `dx dy eos eod` (end of stroke, end of drawing). Coordinates count from 1; x grows to the
 * right, y downwards. The first move is the first point itself; each later move is the difference from the point before.
 * The move `0 0 1 0` lifts the pen. The last move is always `0 0 1 1`.
 */

import { Random } from '../random.js';
import { UserError } from '../user-error.js';
import { removeSpecks, thin } from './thin.js';
import { inkThreshold } from './threshold.js';
import { orderPoints, tourPoints } from './tour.js';

/** Values of a move: dx, dy, eos, eod. */
export const STROKE_COLUMNS = 4;

/** Increased whenever the same image and seed give different moves than before: it is part of the cache's keys. */
export const INK_VERSION = 1;

/** So that every difference fits into 16 bits. */
const MAX_SIDE_PIXELS = 32767;

/** Separates these random numbers from all others of the same seed. */
const TOUR_STREAM = 0x746f7572; // 'tour'

/** Grey pixels: 0 is paper, 255 is ink. */
export type GreyPixels = Uint8Array | Uint8ClampedArray;

/**
 * Turns an image into pen strokes.
 *
 * Every pixel of the thinned image is one point of the strokes. An image without ink, or with only specks of one or
 * two pixels, gives the last move `0 0 1 1` alone.
 * @param pixels [height, width] 0 is paper, 255 is ink
 * @param width in pixels, 1 to 32,767
 * @param height in pixels, 1 to 32,767
 * @param options.seed for breaking ties between tours, default 0; the same seed gives the same strokes
 * @returns [N, 4] moves `dx dy eos eod`: two differences in pixels, end of stroke, end of drawing
 * @throws UserError if width, height and the number of pixels do not match, or the seed is not a whole number from 0
 *
 * @example
 * import { imageToStrokes } from 'scanstroke';
 *
 * const pixels = new Uint8Array(28 * 28);
 * for (let x = 8; x < 20; x++) pixels[14 * 28 + x] = 255; // a horizontal line
 * const moves = imageToStrokes(pixels, 28, 28); // Int16Array [N, 4]
 * console.log(moves.subarray(0, 8)); // the first point, and the move to the second
 */
export function imageToStrokes(
  pixels: GreyPixels,
  width: number,
  height: number,
  options: { seed?: number } = {},
): Int16Array {
  const { seed = 0 } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UserError(`image to strokes: the seed must be a whole number from 0, found ${seed}`);
  }
  const points = tourPoints(thinImage(pixels, width, height), width, height);
  return writeMoves(points, orderPoints(points, new Random(seed, TOUR_STREAM)));
}

/**
 * The thinned image: threshold, thinning, and removal of specks of one or two pixels. Its strokes are one pixel wide
 * unless the ink was very wide.
 * @param pixels [height, width]
 * @returns [height, width] 1 for ink, 0 for paper
 * @throws UserError as imageToStrokes
 */
export function thinImage(pixels: GreyPixels, width: number, height: number): Uint8Array {
  const mask = thresholdImage(pixels, width, height);
  thin(mask, width, height);
  removeSpecks(mask, width, height);
  return mask;
}

/**
 * The ink of an image, by the threshold of inkThreshold.
 * @param pixels [height, width]
 * @returns [height, width] 1 for ink, 0 for paper
 * @throws UserError as imageToStrokes
 */
export function thresholdImage(pixels: GreyPixels, width: number, height: number): Uint8Array {
  checkImage(pixels, width, height);
  const threshold = inkThreshold(pixels, width, height);
  const mask = new Uint8Array(pixels.length);
  for (let i = 0; i < mask.length; i++) mask[i] = pixels[i] > threshold ? 1 : 0;
  return mask;
}

/**
 * The moves [N, 4] along a tour. The pen is lifted between points that are not neighbours, except between the last two.
 * That exception is a bug of the original; it is kept so that the moves match the published data.
 */
function writeMoves({ xs, ys }: { xs: Int32Array; ys: Int32Array }, order: Int32Array): Int16Array {
  const last = order.length - 1;
  const lifted = (n: number) =>
    n < last - 1 && chessboardDistance(xs[order[n]], ys[order[n]], xs[order[n + 1]], ys[order[n + 1]]) > 1;
  let breaks = 0;
  for (let n = 0; n < last; n++) if (lifted(n)) breaks++;

  const moves = new Int16Array((order.length + breaks + 1) * STROKE_COLUMNS);
  let at = 0;
  // Coordinates count from 1.
  let x = -1;
  let y = -1;
  for (let n = 0; n <= last; n++) {
    const point = order[n];
    moves[at] = xs[point] - x;
    moves[at + 1] = ys[point] - y;
    x = xs[point];
    y = ys[point];
    at += STROKE_COLUMNS;
    if (lifted(n)) {
      moves[at + 2] = 1;
      at += STROKE_COLUMNS;
    }
  }
  moves[at + 2] = 1;
  moves[at + 3] = 1;
  return moves;
}

/** Distance in the maximum norm: 1 for neighbours, also diagonal ones. */
function chessboardDistance(x: number, y: number, u: number, v: number): number {
  return Math.max(Math.abs(u - x), Math.abs(v - y));
}

function checkImage(pixels: GreyPixels, width: number, height: number): void {
  for (const [name, side] of Object.entries({ width, height })) {
    if (!Number.isInteger(side) || side < 1 || side > MAX_SIDE_PIXELS) {
      throw new UserError(
        `image to strokes: the ${name} must be a whole number from 1 to ${MAX_SIDE_PIXELS}, found ${side}`,
      );
    }
  }
  if (!(pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray)) {
    throw new UserError('image to strokes: the pixels must be a Uint8Array, 0 for paper and 255 for ink');
  }
  if (pixels.length !== width * height) {
    throw new UserError(
      `image to strokes: expected ${width} × ${height} = ${width * height} pixels, found ${pixels.length}; ` +
        'give one byte per pixel, pixel row after pixel row',
    );
  }
}
