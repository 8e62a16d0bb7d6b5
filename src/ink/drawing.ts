/**
 * A drawing by a pen, from a page, a tablet or a file, to a picture like MNIST's: scaled into a box of 20 × 20 pixels
 * with its proportions kept, drawn with a pen as wide as MNIST's and with soft edges, and moved by whole pixels so that
 * its centre of mass comes to the centre of 28 × 28. From there on it is an image like any other, so that direction,
 * order and sampling rate of the pen do not matter. Or, in native order, to strokes as the pen drew them.
 */

import { UserError } from '../user-error.js';
import { imageToStrokes, STROKE_COLUMNS } from './image-to-strokes.js';

/** A line drawn without lifting the pen: its points, x to the right, y downwards, in any unit. */
export interface PenLine {
  xs: ArrayLike<number>;
  ys: ArrayLike<number>;
}

/** What was drawn, line by line, in the order of drawing. Lines without points mean nothing. */
export interface Drawing {
  lines: readonly PenLine[];
}

/** MNIST's picture, the box that its digits are scaled into, and where their centre of mass comes. */
const SIDE = 28;
const BOX = 20;
const CENTRE = 14;
/**
 * Width of MNIST's pen in pixels: with it, digits of MNIST that are drawn anew along their strokes have as much ink as
 * before, within a hundredth.
 */
const PEN_WIDTH = 2.4;
/** A scribble that covers the picture twenty times over. */
const MAX_PEN_ROWS = 16_384;
/** Changes when the same drawing gives another picture than before. */
export const DRAWING_VERSION = 1;

/** Sides of the pictures that drawings become. */
export const DRAWING_SIZE = { width: SIDE, height: SIDE } as const;

/** How strokes are made of drawings. */
export interface DrawingOptions {
  /** `tour`: whichever way it was drawn; `pen`: as it was drawn. */
  order?: 'tour' | 'pen';
  /** For `tour`: breaks ties. */
  seed?: number;
}

/**
 * The strokes of a drawing.
 *
 * In order `pen`, each line is followed pixel by pixel through the picture (neighbours or diagonal neighbours), so that
 * the sampling rate does not matter; the pen is lifted between lines and nowhere else.
 * @returns [N, 4] rows `dx dy eos eod`; the end row alone if nothing was drawn
 * @throws UserError if a coordinate is no finite number
 */
export function drawingToStrokes(drawing: Drawing, options: DrawingOptions = {}): Int16Array {
  const { order = 'tour', seed = 0 } = options;
  if (order === 'tour') return imageToStrokes(drawingToImage(drawing), SIDE, SIDE, { seed });
  return penRows(drawing);
}

/**
 * The picture of a drawing.
 * @returns [28, 28] 0 is paper, 255 is ink
 * @throws UserError if a coordinate is no finite number
 */
export function drawingToImage(drawing: Drawing): Uint8Array {
  const { box, shiftX, shiftY } = place(drawing);
  const image = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < BOX; y++) {
    for (let x = 0; x < BOX; x++) {
      image[(y + shiftY) * SIDE + x + shiftX] = Math.round(255 * box[y * BOX + x]);
    }
  }
  return image;
}

/** A drawing in the box, and where the box goes in the picture. */
interface Placed {
  /** [20, 20] share of each pixel that is ink, 0 to 1. */
  box: Float64Array;
  shiftX: number;
  shiftY: number;
  /** From the drawing's coordinates to those of the box: (x − offsetX) · scale, pixel (0, 0) from 0 to 1. */
  scale: number;
  offsetX: number;
  offsetY: number;
}

function place(drawing: Drawing): Placed {
  const { left, top, width, height } = extent(drawing);
  const longer = Math.max(width, height);
  const scale = longer > 0 ? (BOX - PEN_WIDTH) / longer : 0;
  // The drawing with the pen's width round it stands in the middle of the box.
  const offsetX = left + width / 2;
  const offsetY = top + height / 2;
  const box = new Float64Array(BOX * BOX);
  const toBox = (value: number, offset: number) => (value - offset) * scale + BOX / 2;
  for (const { xs, ys } of drawing.lines) {
    // A line of a single point is a dot.
    for (let n = Math.min(1, xs.length - 1); n >= 0 && n < xs.length; n++) {
      const from = Math.max(0, n - 1);
      drawSegment(
        box,
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

function extent({ lines }: Drawing): { left: number; top: number; width: number; height: number } {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  lines.forEach(({ xs, ys }, line) => {
    if (xs.length !== ys.length) {
      throw new UserError(
        `drawing: line ${line} has ${xs.length} x and ${ys.length} y; give as many of each`,
      );
    }
    for (let n = 0; n < xs.length; n++) {
      if (!Number.isFinite(xs[n]) || !Number.isFinite(ys[n])) {
        throw new UserError(
          `drawing: point ${n} of line ${line} is at (${xs[n]}, ${ys[n]}); coordinates must be finite numbers`,
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
    throw new UserError('drawing: its points are too far apart; coordinates must be below 1e300');
  }
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * Draws a line with round ends: a pixel is covered by as much of a pixel's width as lies within the pen's edge. The
 * ends are put in order first, so that a line drawn backwards gives the very same pixels.
 */
function drawSegment(box: Float64Array, ax: number, ay: number, bx: number, by: number): void {
  const swap = ax > bx || (ax === bx && ay > by);
  const [x1, y1, x2, y2] = swap ? [bx, by, ax, ay] : [ax, ay, bx, by];
  const reach = PEN_WIDTH / 2 + 0.5;
  const firstX = Math.max(0, Math.floor(Math.min(x1, x2) - reach - 0.5));
  const lastX = Math.min(BOX - 1, Math.ceil(Math.max(x1, x2) + reach - 0.5));
  const firstY = Math.max(0, Math.floor(Math.min(y1, y2) - reach - 0.5));
  const lastY = Math.min(BOX - 1, Math.ceil(Math.max(y1, y2) + reach - 0.5));
  const [dx, dy] = [x2 - x1, y2 - y1];
  const length2 = dx * dx + dy * dy;
  for (let y = firstY; y <= lastY; y++) {
    for (let x = firstX; x <= lastX; x++) {
      // From the pixel's centre to the nearest place on the line.
      const [px, py] = [x + 0.5 - x1, y + 0.5 - y1];
      const along = length2 > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
      const distance = Math.hypot(px - along * dx, py - along * dy);
      const covered = Math.min(1, reach - distance);
      const i = y * BOX + x;
      if (covered > box[i]) box[i] = covered;
    }
  }
}

/** The pen's own way through the pixels of the picture. */
function penRows(drawing: Drawing): Int16Array {
  const { shiftX, shiftY, scale, offsetX, offsetY } = place(drawing);
  const rows: number[] = [];
  // Coordinates count from 1.
  let [lastX, lastY] = [-1, -1];
  const moveTo = (x: number, y: number) => {
    if (rows.length >= MAX_PEN_ROWS * STROKE_COLUMNS) {
      throw new UserError(
        `drawing: more than ${MAX_PEN_ROWS} steps in the order of the pen; draw less, or use the order of a tour`,
      );
    }
    rows.push(x - lastX, y - lastY, 0, 0);
    lastX = x;
    lastY = y;
  };
  for (const { xs, ys } of drawing.lines) {
    if (xs.length === 0) continue;
    if (rows.length > 0) rows.push(0, 0, 1, 0);
    for (let n = 0; n < xs.length; n++) {
      const x = Math.floor((xs[n] - offsetX) * scale + BOX / 2) + shiftX;
      const y = Math.floor((ys[n] - offsetY) * scale + BOX / 2) + shiftY;
      if (n === 0) moveTo(x, y);
      else eachPixelBetween(lastX, lastY, x, y, moveTo);
    }
  }
  rows.push(0, 0, 1, 1);
  return Int16Array.from(rows);
}

/** The pixels from one to another without the first: single steps, also diagonal (Bresenham 1965). */
function eachPixelBetween(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  visit: (x: number, y: number) => void,
): void {
  const steps = Math.max(Math.abs(x2 - x1), Math.abs(y2 - y1));
  for (let k = 1; k <= steps; k++) {
    visit(x1 + Math.round(((x2 - x1) * k) / steps), y1 + Math.round(((y2 - y1) * k) / steps));
  }
}
