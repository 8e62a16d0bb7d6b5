/**
 * Moves back to pictures and to strokes.
 */

import { UserError } from '../user-error.js';
import type { Stroke } from './drawing.js';
import { STROKE_COLUMNS } from './image-to-strokes.js';

/** Pixel values of `renderStrokes`. */
export const RENDERED = {
  paper: 0,
  /** A point of a stroke. */
  point: 1,
  /** The last point of a stroke. The original's pictures show it at half brightness. */
  strokeEnd: 2,
  /** The last point of the drawing. The original's pictures show it at three quarters of full brightness. */
  drawingEnd: 3,
} as const;

/**
 * Draws a sequence as a picture: 1 at points, 2 at the last point of a stroke, 3 at the last point of the drawing, 0
 * elsewhere. The pixels other than 0 are the thinned image from which imageToStrokes made the moves.
 * @param moves [N, 4] `dx dy eos eod`
 * @param size of the picture
 * @param size.width in pixels
 * @param size.height in pixels
 * @returns [height, width]
 * @throws UserError if a size is not a whole number from 1, the number of values is no multiple of 4, or a move leads
 * out of the picture
 *
 * @example
 * import { renderStrokes } from 'scanstroke';
 *
 * // From the first point, column 2 and pixel row 3, two pixels to the right.
 * const moves = Int16Array.of(2, 3, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1);
 * console.log(renderStrokes(moves, { width: 5, height: 3 })); // [15], the last 5: 0, 1, 1, 3, 0
 */
export function renderStrokes(moves: ArrayLike<number>, size: { width: number; height: number }): Uint8Array {
  const { width, height } = size;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1)) {
    throw new UserError(
      `render strokes: width and height must be whole numbers from 1, found ${width} × ${height}`,
    );
  }
  const picture = new Uint8Array(width * height);
  let place = -1;
  eachMove(moves, (move, x, y, lifted, ended) => {
    if (!lifted) {
      if (!(Number.isInteger(x) && Number.isInteger(y) && x >= 0 && y >= 0 && x < width && y < height)) {
        throw new UserError(
          `render strokes: move ${move} leads to column ${x + 1}, pixel row ${y + 1} of a picture that is ` +
            `${width} wide and ${height} high; give a larger width and height`,
        );
      }
      place = y * width + x;
    }
    if (place >= 0) {
      picture[place] = ended ? RENDERED.drawingEnd : lifted ? RENDERED.strokeEnd : RENDERED.point;
    }
  });
  return picture;
}

/**
 * The strokes of a sequence, in the order in which they were drawn.
 * @param moves [N, 4] `dx dy eos eod`
 * @returns strokes of one point or more, coordinates from 0; fractions if the moves have fractions
 * @throws UserError if the number of values is no multiple of 4
 */
export function movesToStrokes(moves: ArrayLike<number>): Stroke<Float64Array>[] {
  const strokes: { xs: number[]; ys: number[] }[] = [];
  let drawing = false;
  eachMove(moves, (_, x, y, lifted) => {
    if (!lifted) {
      if (!drawing) strokes.push({ xs: [], ys: [] });
      const stroke = strokes[strokes.length - 1];
      stroke.xs.push(x);
      stroke.ys.push(y);
    }
    drawing = !lifted;
  });
  return strokes.map(({ xs, ys }) => ({ xs: Float64Array.from(xs), ys: Float64Array.from(ys) }));
}

/** Calls visit for each move, with the pen's position from 0 after it, and its flags eos and eod. */
function eachMove(
  moves: ArrayLike<number>,
  visit: (move: number, x: number, y: number, lifted: boolean, ended: boolean) => void,
): void {
  if (moves.length === 0 || moves.length % STROKE_COLUMNS !== 0) {
    throw new UserError(
      `strokes: expected moves of ${STROKE_COLUMNS} values (dx dy eos eod), found ${moves.length} values`,
    );
  }
  let x = -1;
  let y = -1;
  for (let at = 0; at < moves.length; at += STROKE_COLUMNS) {
    x += moves[at];
    y += moves[at + 1];
    visit(at / STROKE_COLUMNS, x, y, moves[at + 2] !== 0, moves[at + 3] !== 0);
    if (moves[at + 3] !== 0) return;
  }
}
