/**
 * Pen strokes back to pictures: as pixels, and as the lines that were drawn.
 */

import { UserError } from '../user-error.js';
import { STROKE_COLUMNS } from './image-to-strokes.js';

/** What the pixels of `renderStrokes` are. */
export const RENDERED = {
  paper: 0,
  /** A point of a stroke. */
  point: 1,
  /** The last point of a stroke; the original's pictures show it at half the brightness. */
  strokeEnd: 2,
  /** The last point of the drawing; the original's pictures show it at three quarters of the brightness. */
  drawingEnd: 3,
} as const;

/** A line that the pen drew without being lifted. */
export interface PenPath {
  /** [P] columns and rows of its points, from 0; between the pixels, if the rows lead there. */
  xs: Float64Array;
  ys: Float64Array;
}

/**
 * Draws a sequence as a picture: 1 where a point is, 2 where a stroke ends, 3 where the drawing ends, 0 elsewhere.
 * What is not 0 is the thinned image that the strokes were made of.
 * @param rows [N, 4] `dx dy eos eod`, as from imageToStrokes
 * @returns [height, width]
 * @throws UserError if the rows are cut short, or lead out of the picture
 */
export function renderStrokes(rows: ArrayLike<number>, size: { width: number; height: number }): Uint8Array {
  const { width, height } = size;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1)) {
    throw new UserError(
      `render strokes: width and height must be whole numbers from 1, found ${width} × ${height}`,
    );
  }
  const picture = new Uint8Array(width * height);
  let place = -1;
  eachRow(rows, (row, x, y, lifted, ended) => {
    if (!lifted) {
      if (!(Number.isInteger(x) && Number.isInteger(y) && x >= 0 && y >= 0 && x < width && y < height)) {
        throw new UserError(
          `render strokes: row ${row} leads to column ${x + 1}, row ${y + 1} of a picture that is ` +
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
 * The lines of a sequence, in the order in which they were drawn.
 * @param rows [N, 4] `dx dy eos eod`
 * @throws UserError if the rows are cut short
 */
export function penPaths(rows: ArrayLike<number>): PenPath[] {
  const paths: { xs: number[]; ys: number[] }[] = [];
  let drawing = false;
  eachRow(rows, (_, x, y, lifted) => {
    if (!lifted) {
      if (!drawing) paths.push({ xs: [], ys: [] });
      const path = paths[paths.length - 1];
      path.xs.push(x);
      path.ys.push(y);
    }
    drawing = !lifted;
  });
  return paths.map(({ xs, ys }) => ({ xs: Float64Array.from(xs), ys: Float64Array.from(ys) }));
}

/** Follows the pen: its place after each row, counted from 0, and whether the row says that it was lifted. */
function eachRow(
  rows: ArrayLike<number>,
  visit: (row: number, x: number, y: number, lifted: boolean, ended: boolean) => void,
): void {
  if (rows.length === 0 || rows.length % STROKE_COLUMNS !== 0) {
    throw new UserError(
      `strokes: expected rows of ${STROKE_COLUMNS} values (dx dy eos eod), found ${rows.length} values`,
    );
  }
  let x = -1;
  let y = -1;
  for (let at = 0; at < rows.length; at += STROKE_COLUMNS) {
    x += rows[at];
    y += rows[at + 1];
    visit(at / STROKE_COLUMNS, x, y, rows[at + 2] !== 0, rows[at + 3] !== 0);
    if (rows[at + 3] !== 0) return;
  }
}
