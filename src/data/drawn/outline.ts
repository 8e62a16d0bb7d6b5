/**
 * Outlines of letters, digits, signs and shapes as short texts, like the paths of SVG, in a box from (0, 0) to (1, 1), y
 * downwards: `M x y` puts the pen down, `L x y` draws a line, `Q cx cy x y` a quadratic curve, `C x y x y …` a smooth
 * curve through all these points, `E cx cy rx ry from to` a stroke along an ellipse (degrees, clockwise from the right),
 * `D x y` a dot, which is a short line. In the text of several outlines, `.2~.4` is any number from .2 to .4.
 */
import { curveThrough } from './curve.js';
import type { Dice } from './dice.js';

/** A polyline that grows: the points of a stroke. */
export interface Polyline {
  xs: number[];
  ys: number[];
}

/** Size of a dot. */
const DOT = 0.06;
/** Points on a curve, and degrees between points on an ellipse. */
const CURVE_POINTS = 8;
const DEGREES = 20;

/** Numbers that follow each letter; a curve may have any number of points. */
const NUMBERS: Readonly<Record<string, number>> = { M: 2, L: 2, Q: 4, E: 6, D: 2 };

/** The strokes of an outline. @throws Error if the text is no outline */
export function outlineStrokes(text: string): Polyline[] {
  const strokes: Polyline[] = [];
  for (const [, letter, rest] of text.matchAll(/([A-Z])([^A-Z]*)/g)) {
    const numbers = rest.match(/-?(\d+\.?\d*|\.\d+)/g)?.map(Number) ?? [];
    const isComplete =
      letter === 'C' ? numbers.length >= 4 && numbers.length % 2 === 0 : numbers.length === NUMBERS[letter];
    if (!isComplete) throw new Error(`outline: ${letter}${rest} in ${text}`);
    const [x, y] = numbers;
    if (letter === 'M') strokes.push({ xs: [x], ys: [y] });
    else if (letter === 'D') strokes.push({ xs: [x, x + DOT], ys: [y, y + DOT] });
    else if (letter === 'E') strokes.push(ellipse(numbers));
    else if (letter === 'C') curveThrough(strokes[strokes.length - 1], numbers);
    else if (letter === 'L') lineTo(strokes[strokes.length - 1], numbers);
    else curveTo(strokes[strokes.length - 1], numbers);
  }
  return strokes;
}

function lineTo({ xs, ys }: Polyline, [x, y]: number[]): void {
  xs.push(x);
  ys.push(y);
}

function curveTo({ xs, ys }: Polyline, [cx, cy, x, y]: number[]): void {
  const [x0, y0] = [xs[xs.length - 1], ys[ys.length - 1]];
  for (let n = 1; n <= CURVE_POINTS; n++) {
    const t = n / CURVE_POINTS;
    const [a, b, c] = [(1 - t) ** 2, 2 * t * (1 - t), t * t];
    xs.push(a * x0 + b * cx + c * x);
    ys.push(a * y0 + b * cy + c * y);
  }
}

function ellipse([cx, cy, rx, ry, from, to]: number[]): Polyline {
  const stroke: Polyline = { xs: [], ys: [] };
  const steps = Math.max(3, Math.ceil(Math.abs(to - from) / DEGREES));
  for (let n = 0; n <= steps; n++) {
    const angle = ((from + ((to - from) * n) / steps) * Math.PI) / 180;
    stroke.xs.push(cx + rx * Math.cos(angle));
    stroke.ys.push(cy + ry * Math.sin(angle));
  }
  return stroke;
}

/** One of the outlines of a text with ranges: a number takes the place of each range. */
export function chosenOutline(text: string, dice: Dice): string {
  return text.replace(/(-?[\d.]+)~(-?[\d.]+)/g, (_, least, most) =>
    dice.between(Number(least), Number(most)).toFixed(3),
  );
}
