/**
 * Image to pen strokes: the way in which the MNIST stroke sequences of Edwin D. de Jong were made, for images of any
 * size. A stage a file: threshold, thin, tour; here they are put in a row, and the tour is written as pen moves.
 *
 * A sequence is rows `dx dy eos eod` (end of stroke, end of drawing). Coordinates count from 1, x to the right, y
 * downwards. The first row is the first point itself; then follow differences from the point before. Where the pen is
 * lifted there is a row `0 0 1 0`; the last row is always `0 0 1 1`.
 */

import { Random } from '../random.js';
import { UserError } from '../user-error.js';
import { removeSpecks, thin } from './thin.js';
import { inkThreshold } from './threshold.js';
import { orderPoints, tourPoints } from './tour.js';

/** Values of a row: dx, dy, eos, eod. */
export const STROKE_COLUMNS = 4;

/** Changes when the same image and seed give other rows than before, so that what was stored is made anew. */
export const INK_VERSION = 1;

/** So that every difference fits into 16 bits. */
const MAX_PIXELS_A_SIDE = 32767;

/** Tells these random numbers from all others drawn from the same seed. */
const TOUR_STREAM = 0x746f7572; // 'tour'

/** Grey pixels, 0 for paper and 255 for ink. */
export type GreyPixels = Uint8Array | Uint8ClampedArray;

/**
 * The pen strokes of an image.
 *
 * The strokes cover the thinned image: each of its pixels is one point. An image without ink, or with nothing but
 * specks of one or two pixels, gives the end row alone.
 * @param pixels [height, width] 0 is paper, 255 is ink
 * @param options.seed for the breaking of ties; the same seed gives the same strokes
 * @returns [N, 4] rows `dx dy eos eod`
 * @throws UserError if the size and the number of pixels do not fit together
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
  return writeRows(points, orderPoints(points, new Random(seed, TOUR_STREAM)));
}

/**
 * The lines of an image, one pixel wide where its ink was not broad: threshold, thinning, and specks of one or two
 * pixels removed.
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
 * The ink of an image, by the threshold that keeps its parts together.
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
 * Pen moves along a tour. The pen is lifted between points that are no neighbours, but never between the last two:
 * the original has this slip, and sequences from elsewhere shall be like its own.
 */
function writeRows({ xs, ys }: { xs: Int32Array; ys: Int32Array }, order: Int32Array): Int16Array {
  const last = order.length - 1;
  const lifted = (n: number) =>
    n < last - 1 && stepsBetween(xs[order[n]], ys[order[n]], xs[order[n + 1]], ys[order[n + 1]]) > 1;
  let breaks = 0;
  for (let n = 0; n < last; n++) if (lifted(n)) breaks++;

  const rows = new Int16Array((order.length + breaks + 1) * STROKE_COLUMNS);
  let at = 0;
  // Coordinates count from 1.
  let x = -1;
  let y = -1;
  for (let n = 0; n <= last; n++) {
    const point = order[n];
    rows[at] = xs[point] - x;
    rows[at + 1] = ys[point] - y;
    x = xs[point];
    y = ys[point];
    at += STROKE_COLUMNS;
    if (lifted(n)) {
      rows[at + 2] = 1;
      at += STROKE_COLUMNS;
    }
  }
  rows[at + 2] = 1;
  rows[at + 3] = 1;
  return rows;
}

/** Steps of a king on a chessboard. */
function stepsBetween(x: number, y: number, u: number, v: number): number {
  return Math.max(Math.abs(u - x), Math.abs(v - y));
}

function checkImage(pixels: GreyPixels, width: number, height: number): void {
  for (const [name, side] of Object.entries({ width, height })) {
    if (!Number.isInteger(side) || side < 1 || side > MAX_PIXELS_A_SIDE) {
      throw new UserError(
        `image to strokes: the ${name} must be a whole number from 1 to ${MAX_PIXELS_A_SIDE}, found ${side}`,
      );
    }
  }
  if (!(pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray)) {
    throw new UserError('image to strokes: the pixels must be a Uint8Array, 0 for paper and 255 for ink');
  }
  if (pixels.length !== width * height) {
    throw new UserError(
      `image to strokes: ${width} × ${height} = ${width * height} pixels expected, found ${pixels.length}; ` +
        'one byte a pixel, row by row',
    );
  }
}
