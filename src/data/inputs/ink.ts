/**
 * From grey values to shares of ink: which level is paper and which is ink. Both polarities are read: light figures on
 * dark paper, as MNIST's, and dark figures on light paper.
 */

/** [height, width] shares of ink, 0 to 1. */
export interface Ink {
  width: number;
  height: number;
  values: Float32Array;
}

/** Grey values, nominally 0 for paper and 255 for ink. */
export interface GreyPicture {
  pixels: Uint8Array;
  width: number;
  height: number;
}

/** A rectangle of pixels; right and bottom are excluded. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Less contrast is noise of a camera on empty paper. */
const LEAST_CONTRAST = 24;
/** From here on ink is full, and its values are kept. */
export const FULL_INK = 250;
/** The paper is light if at least this share of the picture's edge is, and no larger share of the pixels is dark. */
const LIGHT_EDGE = 0.8;
const MOST_DARK = 0.6;
/** In smaller pictures the edge is mostly figure. */
const LEAST_SIDE = 8;

/**
 * The shares of ink. Paper is the median of the pixels below Otsu's threshold (1979), ink the darkest pixel.
 * @returns null if paper and ink differ too little
 */
export function inkOf(picture: GreyPicture): Ink | null {
  const { width, height, pixels } = picture;
  const histogram = new Float64Array(256);
  for (let i = 0; i < pixels.length; i++) histogram[pixels[i]]++;
  const threshold = otsuThreshold(histogram, pixels.length);
  if (threshold === null) return null;
  const inverted = isDarkOnLight(picture, histogram, threshold);
  if (inverted) histogram.reverse();
  const paper = medianBelow(histogram, inverted ? 254 - threshold : threshold);
  const darkest = histogram.findLastIndex((n) => n > 0);
  const range = (darkest >= FULL_INK ? 255 : darkest) - paper;
  const shares = new Float32Array(256);
  for (let value = paper; value <= darkest; value++) {
    shares[inverted ? 255 - value : value] = (value - paper) / range;
  }
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < values.length; i++) values[i] = shares[pixels[i]];
  return { width, height, values };
}

/** The largest value of the darker class, or null if the means of the two classes differ too little. */
function otsuThreshold(histogram: Float64Array, count: number): number | null {
  let total = 0;
  for (let value = 0; value < 256; value++) total += histogram[value] * value;
  let [below, sumBelow, best, threshold, contrast] = [0, 0, 0, 0, 0];
  for (let value = 0; value < 255; value++) {
    below += histogram[value];
    sumBelow += histogram[value] * value;
    if (below === 0 || below === count) continue;
    const difference = (total - sumBelow) / (count - below) - sumBelow / below;
    const between = below * (count - below) * difference ** 2;
    if (between > best) [best, threshold, contrast] = [between, value, difference];
  }
  return contrast >= LEAST_CONTRAST ? threshold : null;
}

function isDarkOnLight({ width, height, pixels }: GreyPicture, histogram: Float64Array, threshold: number) {
  if (width < LEAST_SIDE || height < LEAST_SIDE) return false;
  let light = 0;
  for (let x = 0; x < width; x++) {
    if (pixels[x] > threshold) light++;
    if (pixels[(height - 1) * width + x] > threshold) light++;
  }
  for (let y = 1; y < height - 1; y++) {
    if (pixels[y * width] > threshold) light++;
    if (pixels[(y + 1) * width - 1] > threshold) light++;
  }
  if (light < LIGHT_EDGE * (2 * (width + height) - 4)) return false;
  let dark = 0;
  for (let value = 0; value <= threshold; value++) dark += histogram[value];
  return dark <= MOST_DARK * pixels.length;
}

/** The median of the values up to a limit. */
function medianBelow(histogram: Float64Array, limit: number): number {
  let count = 0;
  for (let value = 0; value <= limit; value++) count += histogram[value];
  let passed = 0;
  for (let value = 0; value <= limit; value++) {
    passed += histogram[value];
    if (2 * passed >= count) return value;
  }
  return limit;
}

/** The pixels with at least a share of ink; null if there are none. */
export function boxOf({ width, height, values }: Ink, least: number): Box | null {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (values[i] < least) continue;
      if (x < left) left = x;
      if (x >= right) right = x + 1;
      if (y < top) top = y;
      bottom = y + 1;
    }
  }
  return right > 0 ? { left, top, right, bottom } : null;
}

/** A part of a picture. */
export function cropped({ width, values }: Ink, { left, top, right, bottom }: Box): Ink {
  const part = new Float32Array((right - left) * (bottom - top));
  for (let y = top, to = 0; y < bottom; y++) {
    for (let x = left; x < right; x++) part[to++] = values[y * width + x];
  }
  return { width: right - left, height: bottom - top, values: part };
}

/**
 * Width of the lines in pixels: twice the amount of ink, divided by the length of the edge, which is the sum of all
 * slopes (the total variation). Reads fractions of a pixel off soft edges. 0 for an empty picture.
 */
export function penWidth({ width, height, values }: Ink): number {
  let [mass, edge] = [0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = values[i];
      mass += value;
      const across = (x + 1 < width ? values[i + 1] : 0) - value;
      const down = (y + 1 < height ? values[i + width] : 0) - value;
      if (across !== 0 || down !== 0) edge += Math.sqrt(across * across + down * down);
      // The edge of the picture is an edge of the figure.
      if (x === 0) edge += value;
      if (y === 0) edge += value;
    }
  }
  return edge === 0 ? 0 : (2 * mass) / edge;
}
