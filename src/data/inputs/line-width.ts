/**
 * Brings the lines of a small picture nearer to the width of MNIST's pen, where resampling would lose what is left of them.
 *
 * Lines thinner than a pixel are faint and broken after a scan or a change of scale: parts of them have a hundredth of
 * full ink, and would be taken for specks and paper. Thick lines have closed gaps, of which the grey values still know.
 */
import { boxOf, cropped, type Ink, penWidth } from './ink.js';
import { joinLines } from './join-lines.js';
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
/** In 99 of 100 digits of MNIST the lines are wider. */
const THINNEST = 1.4 / 20;
/**
 * Lines are solid if so much of their ink lies in blocks of 3 × 3 equally dark pixels: hardly ever in a digit of MNIST. Where
 * lines become strokes, only hard edges count: from a blurred one, a block would take too much of a line.
 */
const SOLID = 0.98;
const SOLID_THINNED = 0.999;
/** A dark pixel of which less is left was part of a thin line. */
const LOST = 0.1;
/** So many lonely dark pixels are salt. */
const SALT = 2;
/** Exponents of the shares of ink: a hundredth becomes a fifth, and a tenth. */
const STRONG = 0.35;
const WEAK = 0.5;
/** Between the pieces of digits of MNIST that were eroded. */
const GAPS = { apart: 10, opened: 3, detour: 10 };

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
  if (dark >= WHOLE * longer) return withoutExcess(ink, longer, isThinned);
  const joined = joinLines(ink, GAPS);
  const whole = isThinned ? joined : ofNeighbours(joined, CROSS, Math.max);
  const exponent = isThinned ? WEAK : STRONG;
  return { ...whole, values: whole.values.map((value) => value ** exponent) };
}

/**
 * Thick lines thinner: by a block where none can break, because they are nowhere thinner than three pixels, and by a cross
 * where lines become strokes.
 * @param longer side of the figure, in pixels
 */
function withoutExcess(ink: Ink, longer: number, isThinned: boolean): Ink {
  const penOf = (lines: Ink) => penWidth(cropped(lines, boxOf(ink, FAINT)!));
  const core = ofNeighbours(ink, BLOCK, Math.min);
  const solid = inkIn(ofNeighbours(core, BLOCK, Math.max));
  if (solid >= (isThinned ? SOLID_THINNED : SOLID) * inkIn(ink) && penOf(core) >= THINNEST * longer) {
    return core;
  }
  if (!isThinned || penOf(ink) <= THICK * longer) return ink;
  const thinner = ofNeighbours(ink, CROSS, Math.min);
  const thick = ofNeighbours(thinner, CROSS, Math.max);
  // Parts that are already thin stay.
  const values = thinner.values.map((value, i) =>
    ink.values[i] >= DARK && thick.values[i] < LOST ? ink.values[i] : value,
  );
  return { ...ink, values };
}

function inkIn({ values }: Ink): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Steps dx, dy to a pixel's neighbours. */
const CROSS = [
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
] as const;
const BLOCK = [...CROSS, [-1, -1], [1, -1], [-1, 1], [1, 1]] as const;

/** Each pixel becomes the lightest or the darkest of itself and its neighbours; outside of the picture is paper. */
function ofNeighbours(
  { width, height, values }: Ink,
  neighbours: readonly (readonly [number, number])[],
  choose: (a: number, b: number) => number,
): Ink {
  const result = values.slice();
  for (const [dx, dy] of neighbours) {
    for (let y = 0, i = 0; y < height; y++) {
      const v = y + dy;
      for (let x = 0; x < width; x++, i++) {
        const u = x + dx;
        const isInside = u >= 0 && v >= 0 && u < width && v < height;
        result[i] = choose(result[i], isInside ? values[v * width + u] : 0);
      }
    }
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
