/**
 * A drawing as the points that the pen passed, as few as keep its form: the form of Quick, Draw!'s simplified drawings
 * (https://github.com/googlecreativelab/quickdraw-dataset). The drawing is moved and scaled into 256 × 256 pixels with its
 * proportions kept, and every stroke is simplified by the algorithm of Ramer (1972), Douglas and Peucker (1973) with a
 * tolerance of 2 pixels. A drawing in this form already stays as it is.
 *
 * Quick, Draw! resamples strokes at a spacing of a pixel before it simplifies them. This is left out here: points between
 * two others on a line are never kept.
 */
import { type Drawing, extentOf, type Stroke } from './drawing.js';
import { STROKE_COLUMNS } from './image-to-strokes.js';

/** Sides in pixels of the picture that contains the points. */
export const POINTS_SIDE = 256;
/** A drawing with more moves is simplified further, until it has no more. */
export const MAX_POINT_MOVES = 256;
/** Increased whenever the same drawing gives other moves than before: it is part of the cache's keys. */
export const POINTS_VERSION = 2;

const LARGEST = POINTS_SIDE - 1;
/** Pixels between a stroke and its simplified form, at most. */
const TOLERANCE = 2;
/**
 * Of a simplified drawing, simplifying with half the tolerance leaves nearly all points, although their rounding has moved
 * them. If it leaves less than this share, the points are as dense as a pen gave them.
 */
const SIMPLE = 0.5;
/** Longer strokes are simplified in pieces of so many points: the time grows with the square of a piece. */
const PIECE = 1000;

/** Points of a stroke, whole pixels from 0. */
interface PixelStroke {
  xs: number[];
  ys: number[];
}

/**
 * The moves of a drawing from point to point, in the order of the pen.
 * @returns [N, 4] moves `dx dy eos eod`, at most 256; coordinates from 1 to 256. The last move `0 0 1 1` alone if nothing
 * was drawn
 * @throws UserError if a coordinate is not a finite number, or a stroke's xs and ys differ in length
 */
export function pointMoves(drawing: Drawing): Int16Array {
  let strokes = inPixels(drawing);
  for (let tolerance = 2 * TOLERANCE; movesIn(strokes) > MAX_POINT_MOVES; tolerance *= 2) {
    if (tolerance > LARGEST) break;
    strokes = strokes.map((stroke) => simplified(stroke, tolerance));
  }
  return written(strokes);
}

/** The strokes in whole pixels, simplified, without those that have no points. */
function inPixels(drawing: Drawing): PixelStroke[] {
  const { left, top, width, height } = extentOf(drawing);
  const strokes = drawing.strokes.filter(({ xs }) => xs.length > 0);
  const longer = Math.max(width, height);
  // The outermost points may be among those that were left out.
  const end = Math.max(left + width, top + height);
  const isPlaced = Math.min(left, top) >= 0 && Math.max(left, top) <= TOLERANCE;
  const isInside = isPlaced && end <= LARGEST && end >= LARGEST - TOLERANCE;
  if (isInside && strokes.every(({ xs, ys }) => [xs, ys].every(areWhole))) {
    const pixels = strokes.map(inWholePixels);
    const simpler = pixels.map((stroke) => simplified(stroke, TOLERANCE / 2));
    if (pointsIn(simpler) >= SIMPLE * pointsIn(pixels)) return pixels;
  }
  const fitting = LARGEST / longer;
  const scale = Number.isFinite(fitting) ? fitting : 0;
  return strokes.map(({ xs, ys }) => {
    const scaled = {
      xs: Array.from(xs, (x) => (x - left) * scale),
      ys: Array.from(ys, (y) => (y - top) * scale),
    };
    return inWholePixels(simplified(scaled, TOLERANCE));
  });
}

function areWhole(values: ArrayLike<number>): boolean {
  return Array.from(values).every(Number.isInteger);
}

/** Rounds; a point in the pixel of the one before is left out. */
function inWholePixels({ xs, ys }: Stroke): PixelStroke {
  const kept: PixelStroke = { xs: [], ys: [] };
  for (let n = 0; n < xs.length; n++) {
    const [x, y] = [Math.round(xs[n]), Math.round(ys[n])];
    if (n > 0 && x === kept.xs[kept.xs.length - 1] && y === kept.ys[kept.ys.length - 1]) continue;
    kept.xs.push(x);
    kept.ys.push(y);
  }
  return kept;
}

/** The points of a stroke without those that are nearer than `tolerance` to the line between points that are kept. */
function simplified({ xs, ys }: PixelStroke, tolerance: number): PixelStroke {
  const last = xs.length - 1;
  if (last < 2) return { xs, ys };
  const isKept = new Uint8Array(xs.length);
  isKept[0] = 1;
  for (let first = 0; first < last; first += PIECE) {
    keepBetween({ xs, ys }, first, Math.min(last, first + PIECE), tolerance, isKept);
  }
  const among = (values: number[]) => values.filter((_, n) => isKept[n] === 1);
  return { xs: among(xs), ys: among(ys) };
}

/** Marks the points to keep of points `from` … `to`; `to` always is. */
function keepBetween(
  { xs, ys }: PixelStroke,
  from: number,
  to: number,
  tolerance: number,
  isKept: Uint8Array,
): void {
  isKept[to] = 1;
  const open: [number, number][] = [[from, to]];
  for (let range = open.pop(); range; range = open.pop()) {
    const [first, end] = range;
    let farthest = -1;
    let most = tolerance;
    for (let n = first + 1; n < end; n++) {
      const distance = distanceToSegment(xs, ys, n, first, end);
      if (distance > most) {
        most = distance;
        farthest = n;
      }
    }
    if (farthest < 0) continue;
    isKept[farthest] = 1;
    open.push([first, farthest], [farthest, end]);
  }
}

/** Distance of point n from the segment between points a and b. */
function distanceToSegment(xs: number[], ys: number[], n: number, a: number, b: number): number {
  const [dx, dy] = [xs[b] - xs[a], ys[b] - ys[a]];
  const [px, py] = [xs[n] - xs[a], ys[n] - ys[a]];
  const length2 = dx * dx + dy * dy;
  const along = length2 > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length2)) : 0;
  const [x, y] = [px - along * dx, py - along * dy];
  return Math.sqrt(x * x + y * y);
}

function pointsIn(strokes: readonly PixelStroke[]): number {
  return strokes.reduce((sum, { xs }) => sum + xs.length, 0);
}

/** Points, a lifted pen between strokes, and the end. */
function movesIn(strokes: readonly PixelStroke[]): number {
  return pointsIn(strokes) + strokes.length;
}

/** What does not fit into the most moves is cut off: more than a hundred strokes. */
function written(strokes: readonly PixelStroke[]): Int16Array {
  const count = Math.max(1, Math.min(MAX_POINT_MOVES, movesIn(strokes)));
  const moves = new Int16Array(count * STROKE_COLUMNS);
  const end = (count - 1) * STROKE_COLUMNS;
  // Coordinates count from 1.
  let [x, y, at] = [-1, -1, 0];
  for (const { xs, ys } of strokes) {
    if (at > 0 && at < end) {
      moves[at + 2] = 1;
      at += STROKE_COLUMNS;
    }
    for (let n = 0; n < xs.length && at < end; n++, at += STROKE_COLUMNS) {
      moves[at] = xs[n] - x;
      moves[at + 1] = ys[n] - y;
      [x, y] = [xs[n], ys[n]];
    }
  }
  moves[end + 2] = 1;
  moves[end + 3] = 1;
  return moves;
}
