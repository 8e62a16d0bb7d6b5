/**
 * Turns a drawing (from a page, a tablet or a file) into a picture like MNIST's. The drawing is scaled into a box of
 * 20 × 20 pixels with its proportions kept, drawn with a pen of MNIST's width and soft edges, and moved by whole pixels
 * so that its centre of mass is at the centre of 28 × 28. The picture is then handled like any image, so the pen's
 * direction, order and sampling rate do not matter.
 *
 * With order `pen`, the drawing becomes moves in the pen's own order instead.
 */

import { UserError } from '../user-error.js';
import { imageToStrokes, STROKE_COLUMNS } from './image-to-strokes.js';

/** A polyline from pen down to pen up: its points, x to the right, y downwards, in any unit. */
export interface Stroke<Coordinates extends ArrayLike<number> = ArrayLike<number>> {
  /** [N] x of each point. */
  xs: Coordinates;
  /** [N] y of each point. */
  ys: Coordinates;
}

/** A list of strokes, in the order of drawing. Strokes without points are ignored. */
export interface Drawing {
  /** In the order in which they were drawn. */
  strokes: readonly Stroke[];
}

/** Side of MNIST's pictures, side of the box into which digits are scaled, and coordinate of their centre of mass. */
const SIDE = 28;
const BOX = 20;
const CENTRE = 14;
/**
 * Width of MNIST's pen in pixels. With this width, MNIST digits that are redrawn along their strokes have the same
 * amount of ink as before, within one hundredth.
 */
export const PEN_WIDTH = 2.4;
/**
 * Points nearer to the one before than this, in pixels, are left out: a hand that rests at the edge of a pixel would
 * otherwise go to and fro with every report of the pen.
 */
const TREMBLING = 0.3;
/** Enough to visit every pixel of the picture twenty times. */
const MAX_PEN_MOVES = 16_384;
/** Increased whenever the same drawing gives a different picture than before: it is part of the cache's keys. */
export const DRAWING_VERSION = 2;

/** Size of a drawing's picture in pixels. */
export const DRAWING_SIZE = { width: SIDE, height: SIDE } as const;

/** Options of drawingToStrokes. */
export interface DrawingOptions {
  /** `tour` (default): by a tour of the picture, independent of how it was drawn. `pen`: as the pen drew it. */
  order?: 'tour' | 'pen';
  /** For `tour`: seed for breaking ties between tours. Default 0. */
  seed?: number;
}

/**
 * The moves of a drawing.
 *
 * With order `pen`, each stroke is followed pixel by pixel through the picture, also diagonally, so the sampling rate
 * does not matter; a pen that trembles by less than a third of a pixel stays where it is. The pen is lifted between strokes only.
 * @returns [N, 4] moves `dx dy eos eod`; the last move `0 0 1 1` alone if nothing was drawn
 * @throws UserError if a coordinate is not a finite number, a stroke's xs and ys differ in length, or order `pen` gives
 * more than 16,384 moves
 */
export function drawingToStrokes(drawing: Drawing, options: DrawingOptions = {}): Int16Array {
  const { order = 'tour', seed = 0 } = options;
  if (order === 'tour') return imageToStrokes(drawingToImage(drawing), SIDE, SIDE, { seed });
  return penMoves(drawing);
}

/**
 * The picture of a drawing.
 * @returns [28, 28] 0 is paper, 255 is ink
 * @throws UserError if a coordinate is not a finite number, or a stroke's xs and ys differ in length
 */
export function drawingToImage(drawing: Drawing): Uint8Array {
  return drawingWithPen(drawing, PEN_WIDTH);
}

/** The picture of a drawing as drawingToImage makes it, with another pen. @param pen its width in pixels, above 0 */
export function drawingWithPen(drawing: Drawing, pen: number): Uint8Array {
  const { box, shiftX, shiftY } = place(drawing, pen);
  const image = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < BOX; y++) {
    for (let x = 0; x < BOX; x++) {
      image[(y + shiftY) * SIDE + x + shiftX] = Math.round(255 * box[y * BOX + x]);
    }
  }
  return image;
}

/** A drawing in the box, and the position of the box in the picture. */
interface Placed {
  /** [20, 20] share of each pixel that is covered by ink, 0 to 1. */
  box: Float64Array;
  shiftX: number;
  shiftY: number;
  /** (x − offsetX) · scale + BOX / 2 maps a coordinate of the drawing to one of the box, in pixels. */
  scale: number;
  offsetX: number;
  offsetY: number;
}

function place(drawing: Drawing, pen: number): Placed {
  const { left, top, width, height } = extentOf(drawing);
  const longer = Math.max(width, height);
  const scale = longer > 0 ? (BOX - pen) / longer : 0;
  // Maps the centre of the drawing to the centre of the box.
  const offsetX = left + width / 2;
  const offsetY = top + height / 2;
  const box = new Float64Array(BOX * BOX);
  const toBox = (value: number, offset: number) => (value - offset) * scale + BOX / 2;
  for (const { xs, ys } of drawing.strokes) {
    // A stroke of a single point is a dot.
    for (let n = Math.min(1, xs.length - 1); n >= 0 && n < xs.length; n++) {
      const from = Math.max(0, n - 1);
      drawSegment(
        box,
        pen,
        toBox(xs[from], offsetX),
        toBox(ys[from], offsetY),
        toBox(xs[n], offsetX),
        toBox(ys[n], offsetY),
      );
    }
  }
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < BOX; y++) {
    for (let x = 0; x < BOX; x++) {
      mass += box[y * BOX + x];
      sumX += x * box[y * BOX + x];
      sumY += y * box[y * BOX + x];
    }
  }
  const shift = (sum: number) =>
    mass === 0 ? 0 : Math.min(SIDE - BOX, Math.max(0, Math.round(CENTRE - sum / mass)));
  return { box, shiftX: shift(sumX), shiftY: shift(sumY), scale, offsetX, offsetY };
}

/** The box around a drawing; zeros if there are no points. @throws UserError as drawingToImage */
export function extentOf({ strokes }: Drawing): { left: number; top: number; width: number; height: number } {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  strokes.forEach(({ xs, ys }, stroke) => {
    if (xs.length !== ys.length) {
      throw new UserError(
        `drawing: stroke ${stroke} has ${xs.length} x and ${ys.length} y; expected the same number of both`,
      );
    }
    for (let n = 0; n < xs.length; n++) {
      if (!Number.isFinite(xs[n]) || !Number.isFinite(ys[n])) {
        throw new UserError(
          `drawing: point ${n} of stroke ${stroke} is at (${xs[n]}, ${ys[n]}); coordinates must be finite numbers`,
        );
      }
      left = Math.min(left, xs[n]);
      right = Math.max(right, xs[n]);
      top = Math.min(top, ys[n]);
      bottom = Math.max(bottom, ys[n]);
    }
  });
  if (left > right) return { left: 0, top: 0, width: 0, height: 0 };
  if (!Number.isFinite(right - left) || !Number.isFinite(bottom - top)) {
    throw new UserError('drawing: the points are too far apart; coordinates must be below 1e300');
  }
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * Draws a segment with round ends. A pixel's coverage falls linearly from 1 to 0 over one pixel at the pen's edge. The
 * two ends are sorted first, so both directions give the same bits.
 */
function drawSegment(box: Float64Array, pen: number, ax: number, ay: number, bx: number, by: number): void {
  const swap = ax > bx || (ax === bx && ay > by);
  const [x1, y1, x2, y2] = swap ? [bx, by, ax, ay] : [ax, ay, bx, by];
  const reach = pen / 2 + 0.5;
  const firstX = Math.max(0, Math.floor(Math.min(x1, x2) - reach - 0.5));
  const lastX = Math.min(BOX - 1, Math.ceil(Math.max(x1, x2) + reach - 0.5));
  const firstY = Math.max(0, Math.floor(Math.min(y1, y2) - reach - 0.5));
  const lastY = Math.min(BOX - 1, Math.ceil(Math.max(y1, y2) + reach - 0.5));
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length2 = dx * dx + dy * dy;
  for (let y = firstY; y <= lastY; y++) {
    for (let x = firstX; x <= lastX; x++) {
      // Distance from the pixel's centre to the nearest point of the segment.
      const [px, py] = [x + 0.5 - x1, y + 0.5 - y1];
      const along = length2 > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
      const distance = Math.hypot(px - along * dx, py - along * dy);
      const covered = Math.min(1, reach - distance);
      const i = y * BOX + x;
      if (covered > box[i]) box[i] = covered;
    }
  }
}

/** The moves of the pen through the pixels of the picture, in the pen's own order. */
function penMoves(drawing: Drawing): Int16Array {
  const { shiftX, shiftY, scale, offsetX, offsetY } = place(drawing, PEN_WIDTH);
  const moves: number[] = [];
  // Coordinates count from 1.
  let [lastX, lastY] = [-1, -1];
  const moveTo = (x: number, y: number) => {
    if (moves.length >= MAX_PEN_MOVES * STROKE_COLUMNS) {
      throw new UserError(
        `drawing: more than ${MAX_PEN_MOVES} moves in the order of the pen; draw less, or use order tour`,
      );
    }
    moves.push(x - lastX, y - lastY, 0, 0);
    lastX = x;
    lastY = y;
  };
  for (const { xs, ys } of drawing.strokes) {
    if (xs.length === 0) continue;
    if (moves.length > 0) moves.push(0, 0, 1, 0);
    let [keptX, keptY] = [0, 0];
    for (let n = 0; n < xs.length; n++) {
      const atX = (xs[n] - offsetX) * scale + BOX / 2;
      const atY = (ys[n] - offsetY) * scale + BOX / 2;
      if (n > 0 && n + 1 < xs.length && Math.hypot(atX - keptX, atY - keptY) < TREMBLING) continue;
      [keptX, keptY] = [atX, atY];
      const [x, y] = [Math.floor(atX) + shiftX, Math.floor(atY) + shiftY];
      if (n === 0) moveTo(x, y);
      else eachPixelBetween(lastX, lastY, x, y, moveTo);
    }
  }
  moves.push(0, 0, 1, 1);
  return Int16Array.from(moves);
}

/** Visits the pixels of a line from (x1, y1), excluded, to (x2, y2): neighbours, also diagonal (Bresenham 1965). */
function eachPixelBetween(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  visit: (x: number, y: number) => void,
): void {
  const length = Math.max(Math.abs(x2 - x1), Math.abs(y2 - y1));
  for (let k = 1; k <= length; k++) {
    visit(x1 + Math.round(((x2 - x1) * k) / length), y1 + Math.round(((y2 - y1) * k) / length));
  }
}
