/**
 * Changes of drawings: moved as a whole, drawn in another order or direction, with fewer points, with a trembling hand.
 * As picture-changes.ts, they make test inputs harder. Each returns a new drawing.
 */
import type { Drawing, Stroke } from '../../ink/drawing.js';
import { normalPair, type Random } from '../../random.js';
import type { Affine } from '../affine.js';

/** Moves a drawing about a centre. @param map maps an old place to its new place, relative to the centre, y downwards */
export function movedDrawing(
  { strokes }: Drawing,
  map: Affine,
  { centreX, centreY }: { centreX: number; centreY: number },
): Drawing {
  return {
    strokes: strokes.map(({ xs, ys }) => {
      const moved = { xs: new Float64Array(xs.length), ys: new Float64Array(xs.length) };
      for (let n = 0; n < xs.length; n++) {
        const [x, y] = [xs[n] - centreX, ys[n] - centreY];
        moved.xs[n] = map.xx * x + map.xy * y + centreX + map.shiftX;
        moved.ys[n] = map.yx * x + map.yy * y + centreY + map.shiftY;
      }
      return moved;
    }),
  };
}

/** The last stroke first, each from its end. */
export function reversedDrawing({ strokes }: Drawing): Drawing {
  const reversed = (values: ArrayLike<number>) => Float64Array.from(values).reverse();
  return { strokes: strokes.map(({ xs, ys }) => ({ xs: reversed(xs), ys: reversed(ys) })).reverse() };
}

/** The strokes in a random order other than their own, each in its direction. A single stroke stays as it is. */
export function shuffledDrawing({ strokes }: Drawing, random: Random): Drawing {
  if (strokes.length < 2) return { strokes };
  const order = strokes.map((_, index) => index);
  while (order.every((index, place) => index === place)) random.shuffle(order);
  return { strokes: order.map((index) => strokes[index]) };
}

/** Leaves out half of the inner points of every stroke, at random. The ends of strokes stay. */
export function sparseDrawing({ strokes }: Drawing, random: Random): Drawing {
  return { strokes: strokes.map((stroke) => sparseStroke(stroke, random)) };
}

function sparseStroke({ xs, ys }: Stroke, random: Random): Stroke {
  const last = xs.length - 1;
  const inner = Array.from({ length: Math.max(0, last - 1) }, (_, n) => n + 1);
  const left = new Set(random.shuffle(inner).slice(0, Math.floor(inner.length / 2)));
  const kept = (_: number, n: number) => !left.has(n);
  return { xs: Float64Array.from(xs).filter(kept), ys: Float64Array.from(ys).filter(kept) };
}

/** Moves every point by normally distributed amounts. @param deviation of x and of y, in pixels */
export function jitteredDrawing({ strokes }: Drawing, deviation: number, random: Random): Drawing {
  return {
    strokes: strokes.map(({ xs, ys }) => {
      const moved = { xs: Float64Array.from(xs), ys: Float64Array.from(ys) };
      for (let n = 0; n < xs.length; n++) {
        const [dx, dy] = normalPair(random);
        moved.xs[n] += deviation * dx;
        moved.ys[n] += deviation * dy;
      }
      return moved;
    }),
  };
}
