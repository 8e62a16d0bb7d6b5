/**
 * Makes the thinnest lines of a small picture whole. Where lines are thinner than a pixel, a scan or a scale leaves them
 * faint and broken: parts have a hundredth of full ink. They would be taken for specks and paper.
 */
import { boxOf, cropped, type Ink, penWidth } from './ink.js';
import { grainOf } from './noise.js';

/** Any ink. */
const FAINT = 0.5 / 255;
/** Longer figures have enough pixels for a line. */
const LONGEST = 28;
/** Width of thin lines as a share of the figure, as in fit.ts. */
const THINNEST = 1.8 / 20;
/** So many lonely dark pixels are salt. */
const SALT = 2;
/** Exponents of the shares of ink: a hundredth becomes a fifth, a tenth a half; and a tenth, a third. */
const STRONG = 0.35;
const WEAK = 0.5;

/**
 * @param ink as the picture has it, noise included
 * @param isThinned whether lines become one pixel wide afterwards: they are then made darker, but not wider, so that gaps
 * stay open
 * @returns the same ink if lines are wide, or the picture large or noisy
 */
export function withWholeLines(ink: Ink, isThinned: boolean): Ink {
  const box = boxOf(ink, FAINT);
  if (box === null) return ink;
  const longer = Math.max(box.right - box.left, box.bottom - box.top);
  if (longer > LONGEST || penWidth(cropped(ink, box)) >= THINNEST * longer) return ink;
  if (grainOf(ink) !== 0 || saltOf(ink) >= SALT) return ink;
  const whole = isThinned ? ink : widened(ink);
  const exponent = isThinned ? WEAK : STRONG;
  return { ...ink, values: whole.values.map((value) => value ** exponent) };
}

/** Each pixel becomes as dark as the darkest of itself and its four neighbours. */
function widened({ width, height, values }: Ink): Ink {
  const result = values.slice();
  for (let i = 0; i < values.length; i++) {
    const x = i % width;
    if (x > 0) result[i] = Math.max(result[i], values[i - 1]);
    if (x + 1 < width) result[i] = Math.max(result[i], values[i + 1]);
    if (i >= width) result[i] = Math.max(result[i], values[i - width]);
    if (i + width < values.length) result[i] = Math.max(result[i], values[i + width]);
  }
  return { width, height, values: result };
}

/** The number of dark pixels without any ink around them. */
function saltOf({ width, height, values }: Ink): number {
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (values[y * width + x] < 0.9) continue;
      let sum = 0;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) sum += values[v * width + u];
      }
      if (sum === values[y * width + x]) count++;
    }
  }
  return count;
}
