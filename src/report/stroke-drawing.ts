/**
 * Pen strokes as a drawing: lines whose colour runs from the first point to the last, a ring where the pen begins, a
 * dot where it ends, and faint dots across the gaps over which it was lifted. As shapes, which stroke-shapes.ts writes
 * for a page or puts into a chart.
 */

import { light } from './palette.js';
import type { StrokeShape } from './stroke-shapes.js';

/** A line that was drawn without lifting the pen: columns and rows of its points. */
export interface DrawnPath {
  xs: ArrayLike<number>;
  ys: ArrayLike<number>;
}

/** Where points go: that of (0, 0), how far neighbours lie apart, and how broad the pen's line is. */
export interface Placement {
  x: number;
  y: number;
  cell: number;
  pen: number;
}

type Point = readonly [x: number, y: number];

/** Share of a square's side that is left free round a drawing. */
const MARGIN = 0.11;
/** A drawing of fewer points than this across is not enlarged to fill its square. */
const LEAST_POINTS = 10;

/** How broad the pen's line is for points `cell` apart: in a square of this side it is seen, and is no blot. */
export function penWidth(cell: number, side: number): number {
  return Math.min(0.045 * side, Math.max(0.02 * side, 0.6 * cell));
}

/** A drawing of any size in the middle of a square, from (0, 0) to (side, side). */
export function fitSquare(paths: readonly DrawnPath[], side: number): Placement {
  const [left, right] = range(paths.map(({ xs }) => xs));
  const [top, bottom] = range(paths.map(({ ys }) => ys));
  const cell = ((1 - 2 * MARGIN) * side) / Math.max(LEAST_POINTS, right - left, bottom - top);
  return {
    x: side / 2 - (cell * (left + right)) / 2,
    y: side / 2 - (cell * (top + bottom)) / 2,
    cell,
    pen: penWidth(cell, side),
  };
}

/** Lowest and highest value; 0 and 0 of none. */
function range(lists: readonly ArrayLike<number>[]): [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const list of lists) {
    for (let n = 0; n < list.length; n++) [low, high] = [Math.min(low, list[n]), Math.max(high, list[n])];
  }
  return low <= high ? [low, high] : [0, 0];
}

/** The shapes from back to front. The colour changes at equal distances along the lines. */
export function strokeShapes(paths: readonly DrawnPath[], { x, y, cell, pen }: Placement): StrokeShape[] {
  const placed = paths
    .filter(({ xs }) => xs.length > 0)
    .map(({ xs, ys }) => Array.from(xs, (column, n): Point => [x + cell * column, y + cell * ys[n]]));
  if (placed.length === 0) return [];
  const gaps = placed.slice(1).flatMap((points, index) => gapDots(lastOf(placed[index]), points[0], pen));
  const end = light.pen[light.pen.length - 1];
  return [
    ...gaps,
    ...coloredLines(placed, pen),
    { kind: 'dot', at: lastOf(lastOf(placed)), radius: 0.95 * pen, fill: end },
    {
      kind: 'dot',
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

/** Dots between two points, both left out. */
function gapDots(from: Point, to: Point, pen: number): StrokeShape[] {
  const parts = Math.floor(distance(from, to) / (1.6 * pen));
  return Array.from({ length: Math.max(0, parts - 1) }, (_, n) => ({
    kind: 'dot' as const,
    at: between(from, to, (n + 1) / parts),
    radius: 0.22 * pen,
    fill: light.muted,
  }));
}

function coloredLines(placed: readonly Point[][], pen: number): StrokeShape[] {
  const steps = light.pen.length;
  const total = placed.reduce((sum, points) => sum + lengthOf(points), 0);
  const shapes: StrokeShape[] = [];
  let step = 0;
  let drawn = 0;
  for (const points of placed) {
    if (total > 0) step = Math.min(steps - 1, Math.floor((steps * drawn) / total + 1e-9));
    if (points.length === 1) {
      shapes.push({ kind: 'dot', at: points[0], radius: pen / 2, fill: light.pen[step] });
    }
    let line = [points[0]];
    for (let n = 1; n < points.length; n++) {
      const length = distance(points[n - 1], points[n]);
      const before = drawn;
      drawn += length;
      // A long line takes on several colours.
      for (; step < steps - 1 && drawn > ((step + 1) * total) / steps; step++) {
        const cut = between(points[n - 1], points[n], (((step + 1) * total) / steps - before) / length);
        shapes.push({ kind: 'line', points: [...line, cut], color: light.pen[step], width: pen });
        line = [cut];
      }
      line.push(points[n]);
    }
    if (line.length > 1) shapes.push({ kind: 'line', points: line, color: light.pen[step], width: pen });
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
