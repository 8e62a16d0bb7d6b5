/**
 * The pieces of a drawing: its strokes. Strokes that touch and share columns are one piece, such as the two strokes of a
 * cross; grouping decides about all others.
 */
import type { Box } from '../../data/inputs/ink.js';
import type { Drawing, Stroke } from '../../ink/drawing.js';
import { UserError } from '../../user-error.js';
import type { RecognizerInput } from '../prepare-input.js';
import {
  boxAround,
  distanceBetween,
  type InkPart,
  MAX_PIECES,
  type SegmentedInk,
  typicalHeight,
} from './segmented-ink.js';

/** More strokes are no number and no word. */
const MOST_STROKES = 1000;
/** Strokes touch if they are this near, in heights of a symbol. */
const TOUCHING = 0.1;
/** Strokes that touch are one piece if they share this much of the narrower one's columns. */
const SHARED = 0.3;
/** Points of a stroke between which distances are measured. */
const SAMPLED = 48;
/** Where a stroke may be cut, as shares of its points' way. */
const CUTS = [0.5, 0.4, 0.6, 0.3, 0.7];

/** The pieces of a drawing; null if it has no points. @throws UserError for a drawing that is malformed or too large */
export function drawingInk({ strokes }: Drawing): SegmentedInk | null {
  checkStrokes(strokes);
  const whole = strokes.flatMap(({ xs }, index): InkPart[] =>
    xs.length === 0 ? [] : [{ index, from: 0, to: xs.length }],
  );
  if (whole.length === 0) return null;
  const boxOf = (parts: readonly InkPart[]) =>
    boxAround(parts.map((part) => strokeBox(strokes[part.index], part)));
  const boxes = whole.map((part) => boxOf([part]));
  const pieces = joinTouching(strokes, whole, boxes).map(({ parts, touching }) => ({
    parts,
    box: boxOf(parts),
    touching,
  }));
  if (pieces.length > MAX_PIECES) {
    throw new UserError(
      `read symbols: ${pieces.length} separate strokes in the drawing; at most ${MAX_PIECES} are accepted; give a part of the drawing`,
    );
  }
  return {
    of: 'strokes',
    pieces,
    height: typicalHeight(pieces.map(({ box }) => box)),
    partAt: (part) => {
      const { index, from, to } = part;
      const isWhole = [from, to].every(Number.isInteger);
      return isWhole && from >= 0 && from < to && to <= (strokes[index]?.xs.length ?? 0) ? part : null;
    },
    boxOf,
    inputOf: (parts): RecognizerInput => ({
      kind: 'drawing',
      strokes: [...parts]
        .sort((a, b) => a.index - b.index || a.from - b.from)
        .map(({ index, from, to }) => cutStroke(strokes[index], from, to)),
    }),
    cutsOf: (part) =>
      CUTS.map((share) => Math.round(part.from + share * (part.to - part.from)))
        .filter((at, n, all) => at - part.from >= 2 && part.to - at >= 2 && all.indexOf(at) === n)
        .map((at): [InkPart, InkPart] => [
          { ...part, to: at },
          { ...part, from: at },
        ]),
  };
}

function checkStrokes(strokes: readonly Stroke[]): void {
  if (strokes.length > MOST_STROKES) {
    throw new UserError(
      `read symbols: a drawing of ${strokes.length} strokes; at most ${MOST_STROKES} are accepted; give a part of the drawing`,
    );
  }
  strokes.forEach(({ xs, ys }, stroke) => {
    if (xs.length !== ys.length) {
      throw new UserError(
        `read symbols: stroke ${stroke} has ${xs.length} x and ${ys.length} y; expected the same number of both`,
      );
    }
    for (let n = 0; n < xs.length; n++) {
      if (Number.isFinite(xs[n]) && Number.isFinite(ys[n])) continue;
      throw new UserError(
        `read symbols: point ${n} of stroke ${stroke} is at (${xs[n]}, ${ys[n]}); coordinates must be finite numbers`,
      );
    }
  });
}

function cutStroke({ xs, ys }: Stroke, from: number, to: number): Stroke {
  const take = (values: ArrayLike<number>) => Array.prototype.slice.call(values, from, to) as number[];
  return { xs: take(xs), ys: take(ys) };
}

function strokeBox({ xs, ys }: Stroke, { from, to }: InkPart): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let n = from; n < to; n++) {
    left = Math.min(left, xs[n]);
    right = Math.max(right, xs[n]);
    top = Math.min(top, ys[n]);
    bottom = Math.max(bottom, ys[n]);
  }
  return { left, top, right, bottom };
}

/** The strokes that touch and share columns, piece by piece, in the order of each piece's first stroke. */
function joinTouching(
  strokes: readonly Stroke[],
  whole: InkPart[],
  boxes: Box[],
): { parts: InkPart[]; touching: number[] }[] {
  const near = TOUCHING * typicalHeight(boxes);
  const groupOf = whole.map((_, n) => n);
  const touches: [a: number, b: number][] = [];
  for (let a = 0; a < whole.length; a++) {
    for (let b = a + 1; b < whole.length; b++) {
      if (distanceBetween(boxes[a], boxes[b]) > near) continue;
      if (!areNear(strokes[whole[a].index], strokes[whole[b].index], near)) continue;
      touches.push([a, b]);
      if (groupOf[a] === groupOf[b] || !shareColumns(boxes[a], boxes[b], near)) continue;
      const [to, from] = [Math.min(groupOf[a], groupOf[b]), Math.max(groupOf[a], groupOf[b])];
      for (let n = 0; n < groupOf.length; n++) if (groupOf[n] === from) groupOf[n] = to;
    }
  }
  const groups = [...new Set(groupOf)].sort((a, b) => a - b);
  return groups.map((group) => {
    const others = touches.flatMap(([a, b]) => {
      const [groupA, groupB] = [groupOf[a], groupOf[b]];
      if (groupA === groupB) return [];
      return groupA === group ? [groupB] : groupB === group ? [groupA] : [];
    });
    return {
      parts: whole.filter((_, n) => groupOf[n] === group),
      touching: [...new Set(others)].map((other) => groups.indexOf(other)),
    };
  });
}

/** A line that is steep has no width: as wide as `least`. */
function shareColumns(a: Box, b: Box, least: number): boolean {
  const shared = Math.min(a.right, b.right) - Math.max(a.left, b.left) + least;
  const narrower = Math.max(least, Math.min(a.right - a.left, b.right - b.left));
  return shared >= SHARED * narrower;
}

/** Whether two strokes cross, or come as near as `limit`. */
function areNear(a: Stroke, b: Stroke, limit: number): boolean {
  const [first, second] = [sampled(a), sampled(b)];
  for (let n = 0; n < first.length; n++) {
    const p = first[Math.max(0, n - 1)];
    for (let m = 0; m < second.length; m++) {
      if (segmentDistance(p, first[n], second[Math.max(0, m - 1)], second[m]) <= limit) return true;
    }
  }
  return false;
}

type Point = readonly [x: number, y: number];

function sampled({ xs, ys }: Stroke): Point[] {
  const count = Math.min(SAMPLED, xs.length);
  return Array.from({ length: count }, (_, k) => {
    const n = count === 1 ? 0 : Math.round((k * (xs.length - 1)) / (count - 1));
    return [xs[n], ys[n]];
  });
}

function segmentDistance(a: Point, b: Point, c: Point, d: Point): number {
  const side = (p: Point, q: Point, r: Point) =>
    (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
  if (side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0) return 0;
  return Math.min(
    pointDistance(a, c, d),
    pointDistance(b, c, d),
    pointDistance(c, a, b),
    pointDistance(d, a, b),
  );
}

function pointDistance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length2 = dx * dx + dy * dy;
  const along = length2 > 0 ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length2)) : 0;
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}
