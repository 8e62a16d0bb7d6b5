/**
 * Brings the lines of a small picture nearer to the width of MNIST's pen, where resampling would lose what is left of them.
 *
 * Lines thinner than a pixel are faint and broken after a scan or a change of scale: parts of them have a hundredth of
 * full ink, and would be taken for specks and paper. Very thick lines have closed gaps, of which the grey values still
 * know; this matters where lines become strokes.
 */
import { boxOf, cropped, type Ink, penWidth } from './ink.js';
import { grainOf } from './noise.js';

/** Any ink. */
const FAINT = 0.5 / 255;
/** Longer figures have enough pixels for a line. */
const LONGEST = 28;
/** A whole line has this many dark pixels for each pixel of the figure's length; all but four of 1,000 digits of MNIST have more. */
const WHOLE = 1.4;
/** Pixels with at least this share of ink are dark. */
const DARK = 0.6;
/** Width of thick lines as a share of the figure; fit.ts has MNIST's. Nineteen of 20 digits of MNIST have thinner ones. */
const THICK = 3.7 / 20;
/** So many lonely dark pixels are salt. */
const SALT = 2;
/** Exponents of the shares of ink: a hundredth becomes a fifth, and a tenth. */
const STRONG = 0.35;
const WEAK = 0.5;

/**
 * @param ink as the picture has it, noise included
 * @param isThinned whether lines become one pixel wide afterwards: thin ones are then made darker, but not wider, so that
 * gaps stay open, and thick ones thinner
 * @returns the same ink if it needs no change, or the picture is large or noisy
 */
export function withUsualLines(ink: Ink, isThinned: boolean): Ink {
  const box = boxOf(ink, FAINT);
  if (box === null) return ink;
  const longer = Math.max(box.right - box.left, box.bottom - box.top);
  if (longer > LONGEST || grainOf(ink) !== 0 || saltOf(ink) >= SALT) return ink;
  const dark = ink.values.reduce((count, value) => count + Number(value >= DARK), 0);
  if (dark >= WHOLE * longer) {
    const isThick = isThinned && penWidth(cropped(ink, box)) > THICK * longer;
    return isThick ? ofCross(ink, Math.min) : ink;
  }
  const whole = isThinned ? ink : ofCross(ink, Math.max);
  const exponent = isThinned ? WEAK : STRONG;
  return { ...whole, values: whole.values.map((value) => value ** exponent) };
}

/** Each pixel becomes the lightest or the darkest of itself and its four neighbours; outside of the picture is paper. */
function ofCross({ width, height, values }: Ink, choose: (a: number, b: number) => number): Ink {
  const result = values.slice();
  for (let i = 0; i < values.length; i++) {
    const x = i % width;
    let value = choose(values[i], x > 0 ? values[i - 1] : 0);
    value = choose(value, x + 1 < width ? values[i + 1] : 0);
    value = choose(value, i >= width ? values[i - width] : 0);
    result[i] = choose(value, i + width < values.length ? values[i + width] : 0);
  }
  return { width, height, values: result };
}

/** The number of dark pixels without any ink around them. */
function saltOf({ width, height, values }: Ink): number {
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (values[y * width + x] < DARK) continue;
      let sum = 0;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) sum += values[v * width + u];
      }
      if (sum === values[y * width + x]) count++;
    }
  }
  return count;
}
