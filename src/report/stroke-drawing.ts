/**
 * Draws strokes as shapes: polylines whose colour changes from the first point to the last, a ring at the first point, a
 * dot at the last, and faint dots across the gaps where the pen was lifted. stroke-shapes.ts writes the shapes as SVG or
 * as parts of a chart.
 */

import type { Stroke } from '../ink/drawing.js';
import { light } from './palette.js';
import type { StrokeShape } from './stroke-shapes.js';

/** Maps a point (u, v) to (x + cell · u, y + cell · v); `pen` is the width of the pen. */
export interface Placement {
  x: number;
  y: number;
  cell: number;
  pen: number;
}

type Point = readonly [x: number, y: number];

/** Margin around a drawing, as a share of the square's side. */
const MARGIN = 0.11;
/** A drawing that is smaller than this is not enlarged to fill its square. */
const MIN_EXTENT = 10;

/** Width of the pen for points `cell` apart: 60 % of `cell`, limited to 2 to 4.5 % of the square's side. */
export function penWidth(cell: number, side: number): number {
  return Math.min(0.045 * side, Math.max(0.02 * side, 0.6 * cell));
}

/** Places a drawing of any size in the middle of a square from (0, 0) to (side, side). */
export function fitSquare(strokes: readonly Stroke[], side: number): Placement {
  const [left, right] = range(strokes.map(({ xs }) => xs));
  const [top, bottom] = range(strokes.map(({ ys }) => ys));
  const cell = ((1 - 2 * MARGIN) * side) / Math.max(MIN_EXTENT, right - left, bottom - top);
  return {
    x: side / 2 - (cell * (left + right)) / 2,
    y: side / 2 - (cell * (top + bottom)) / 2,
    cell,
    pen: penWidth(cell, side),
  };
}

/** Lowest and highest value; [0, 0] if there are none. */
function range(lists: readonly ArrayLike<number>[]): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const list of lists) {
    for (let n = 0; n < list.length; n++) [low, high] = [Math.min(low, list[n]), Math.max(high, list[n])];
  }
  return low <= high ? [low, high] : [0, 0];
}

/** The shapes of a drawing, from back to front. The colour changes at equal distances along the strokes. */
export function strokeShapes(strokes: readonly Stroke[], { x, y, cell, pen }: Placement): StrokeShape[] {
  const placed = strokes
    .filter(({ xs }) => xs.length > 0)
    .map(({ xs, ys }) => Array.from(xs, (column, n): Point => [x + cell * column, y + cell * ys[n]]));
  if (placed.length === 0) return [];
  const gaps = placed.slice(1).flatMap((points, index) => gapDots(lastOf(placed[index]), points[0], pen));
  const end = light.pen[light.pen.length - 1];
  return [
    ...gaps,
    ...coloredLines(placed, pen),
    { shape: 'dot', at: lastOf(lastOf(placed)), radius: 0.95 * pen, fill: end },
    {
      shape: 'dot',
      at: placed[0][0],
      radius: 1.2 * pen,
      fill: light.surface,
      outline: { color: light.pen[0], width: 0.75 * pen },
    },
  ];
}

function lastOf<T>(list: readonly T[]): T {
  return list[list.length - 1];
}

/** Dots between two points, without the points themselves. */
function gapDots(from: Point, to: Point, pen: number): StrokeShape[] {
  const gaps = Math.floor(distance(from, to) / (1.6 * pen));
  return Array.from({ length: Math.max(0, gaps - 1) }, (_, n) => ({
    shape: 'dot' as const,
    at: between(from, to, (n + 1) / gaps),
    radius: 0.22 * pen,
    fill: light.muted,
  }));
}

function coloredLines(placed: readonly Point[][], pen: number): StrokeShape[] {
  const shades = light.pen.length;
  const total = placed.reduce((sum, points) => sum + lengthOf(points), 0);
  const shapes: StrokeShape[] = [];
  let shade = 0;
  let drawn = 0;
  for (const points of placed) {
    if (total > 0) shade = Math.min(shades - 1, Math.floor((shades * drawn) / total + 1e-9));
    if (points.length === 1) {
      shapes.push({ shape: 'dot', at: points[0], radius: pen / 2, fill: light.pen[shade] });
    }
    let polyline = [points[0]];
    for (let n = 1; n < points.length; n++) {
      const length = distance(points[n - 1], points[n]);
      const before = drawn;
      drawn += length;
      // A long segment gets several colours.
      for (; shade < shades - 1 && drawn > ((shade + 1) * total) / shades; shade++) {
        const cut = between(points[n - 1], points[n], (((shade + 1) * total) / shades - before) / length);
        shapes.push({ shape: 'polyline', points: [...polyline, cut], color: light.pen[shade], width: pen });
        polyline = [cut];
      }
      polyline.push(points[n]);
    }
    if (polyline.length > 1)
      shapes.push({ shape: 'polyline', points: polyline, color: light.pen[shade], width: pen });
  }
  return shapes;
}

function lengthOf(points: readonly Point[]): number {
  return points.reduce((sum, point, n) => (n === 0 ? 0 : sum + distance(points[n - 1], point)), 0);
}

function distance([x, y]: Point, [u, v]: Point): number {
  return Math.hypot(u - x, v - y);
}

function between(a: Point, b: Point, share: number): Point {
  return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
}
