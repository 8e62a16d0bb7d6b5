/**
 * Removes slant, as is usual for MNIST ("deskewing", as in LeCun et al. 1998): a shear along x makes the covariance of
 * x and y zero. The shear is -μ11/μ02 about the centre of mass, where μ are central moments, limited to 45°.
 * Training data and inputs to recognise go through the same functions, so both agree to the bit.
 */
import { STROKE_COLUMNS } from '../ink/image-to-strokes.js';
import { sharedBytes } from '../shared-memory.js';
import type { ImageExamples } from './images/image-examples.js';

/** Pixels to the right per pixel downwards, at most. */
export const MOST_SLANT = 1;

/** For the users of exported models, whose programs have to do the same. */
export const DESLANT_FIRST =
  'Remove the slant of every input first: with the central moments m11 and m02 of its ink (of a drawing: of its points) ' +
  'and k = m11 / m02, limited to -1 to 1, move every pixel row y by k * (y - mean y) to the left, interpolating linearly.';

/** x becomes x - slope · (y - middle). */
export interface Slant {
  slope: number;
  middle: number;
}

/** How ink lies about its centre of mass: the central moments μ20, μ11 and μ02, and the height of the centre. */
export interface Spread {
  xx: number;
  xy: number;
  yy: number;
  middle: number;
}

/** Sums over the ink: of its mass, of mass · x, and so on. */
export interface InkSums {
  mass: number;
  x: number;
  y: number;
  xx: number;
  xy: number;
  yy: number;
}

export function spreadOf({ mass, x, y, xx, xy, yy }: InkSums): Spread {
  if (mass === 0) return { xx: 0, xy: 0, yy: 0, middle: 0 };
  const middle = y / mass;
  return { xx: xx - (x * x) / mass, xy: xy - x * middle, yy: yy - y * middle, middle };
}

/** μ11/μ02, limited; 0 for what has no height. */
export function slopeOf({ xy, yy }: Pick<Spread, 'xy' | 'yy'>): number {
  const slope = yy > 0 ? xy / yy : 0;
  return Math.min(MOST_SLANT, Math.max(-MOST_SLANT, slope));
}

function slantOf(spread: Spread): Slant {
  return { slope: slopeOf(spread), middle: spread.middle };
}

/**
 * How the ink of a picture lies; the mass of a pixel is its value.
 * @param pixels [height, width] from index `at` on, 0 is paper
 */
export function pictureSpread(pixels: Uint8Array, at: number, width: number, height: number): Spread {
  const sums: InkSums = { mass: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 };
  for (let y = 0, i = at; y < height; y++) {
    let [row, across, squares] = [0, 0, 0];
    for (let x = 0; x < width; x++, i++) {
      row += pixels[i];
      across += pixels[i] * x;
      squares += pixels[i] * x * x;
    }
    sums.mass += row;
    sums.x += across;
    sums.y += row * y;
    sums.xx += squares;
    sums.xy += across * y;
    sums.yy += row * y * y;
  }
  return spreadOf(sums);
}

/** The slant of a picture: see pictureSpread. */
export function pictureSlant(pixels: Uint8Array, at: number, width: number, height: number): Slant {
  return slantOf(pictureSpread(pixels, at, width, height));
}

/**
 * A picture without slant. Values are interpolated along each pixel row and rounded.
 * @param pixels [height, width] from index `at` on
 * @param target [height, width] is written from index `at` on
 */
export function deslantPicture(
  pixels: Uint8Array,
  target: Uint8Array,
  at: number,
  width: number,
  height: number,
): void {
  const { slope, middle } = pictureSlant(pixels, at, width, height);
  for (let y = 0, row = at; y < height; y++, row += width) {
    const shift = slope * (y - middle);
    const whole = Math.floor(shift);
    const share = shift - whole;
    let left = whole >= 0 && whole < width ? pixels[row + whole] : 0;
    for (let x = 0; x < width; x++) {
      const next = x + whole + 1;
      const right = next >= 0 && next < width ? pixels[row + next] : 0;
      target[row + x] = left + share * (right - left) + 0.5;
      left = right;
    }
  }
}

const deslanted = new WeakMap<ImageExamples, ImageExamples>();

/** Images of one channel without slant, in shared memory. Made once for each examples. */
export function deslantedExamples(examples: ImageExamples): ImageExamples {
  const known = deslanted.get(examples);
  if (known) return known;
  const { count, width, height, pixels } = examples;
  const target = new Uint8Array(sharedBytes(pixels.length));
  for (let i = 0; i < count; i++) deslantPicture(pixels, target, i * width * height, width, height);
  const made = { ...examples, pixels: target };
  deslanted.set(examples, made);
  return made;
}

/** Adds a point of mass 1. */
export function addPoint(sums: InkSums, x: number, y: number): void {
  sums.mass++;
  sums.x += x;
  sums.y += y;
  sums.xx += x * x;
  sums.xy += x * y;
  sums.yy += y * y;
}

/**
 * The slant of a drawing; all its points have the same mass.
 * @param moves [N, 4] `dx dy eos eod`
 * @param first move of the drawing
 * @param end after its last move
 */
export function strokeSlant(moves: Int16Array, first: number, end: number): Slant {
  const sums: InkSums = { mass: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 };
  let [x, y] = [0, 0];
  for (let at = first * STROKE_COLUMNS; at < end * STROKE_COLUMNS; at += STROKE_COLUMNS) {
    x += moves[at];
    y += moves[at + 1];
    if (moves[at + 2] === 0) addPoint(sums, x, y);
    if (moves[at + 3] !== 0) break;
  }
  return slantOf(spreadOf(sums));
}

/**
 * Writes the moves of a drawing without slant.
 * @param moves [N, 4] `dx dy eos eod`
 * @param place index of the first value of a move in the target, by its number in the drawing
 */
export function readDeslanted(
  moves: Int16Array,
  first: number,
  end: number,
  scale: number,
  target: Float32Array,
  place: (t: number) => number,
): void {
  const { slope, middle } = strokeSlant(moves, first, end);
  for (let n = first; n < end; n++) {
    const from = n * STROKE_COLUMNS;
    const to = place(n - first);
    const [dx, dy] = [moves[from], moves[from + 1]];
    // The first move is the first point itself.
    target[to] = (dx - slope * (n === first ? dy - middle : dy)) * scale;
    target[to + 1] = dy * scale;
    target[to + 2] = moves[from + 2];
    target[to + 3] = moves[from + 3];
  }
}
