/**
 * Fits a grey picture of any size into 28 × 28 pixels as MNIST's pictures were made: the figure is cut out, scaled into
 * 20 × 20 pixels with its proportions kept, and moved by whole pixels so that its centre of mass is in the centre. Lines
 * that would become thinner than MNIST's are broadened first.
 */
import { DRAWING_SIZE } from '../../ink/drawing.js';

/** 4096 × 4096. */
export const MAX_PICTURE_PIXELS = 2 ** 24;

const SIDE = DRAWING_SIZE.width;
const BOX = 20;
const CENTRE = SIDE / 2;
/** Less contrast is noise of a camera on empty paper. */
const LEAST_CONTRAST = 24;
/** Pixels with at least this share of ink belong to the figure. */
const FIGURE = 0.25;
/** Side in pixels, at most, of the picture in which lines are measured and broadened. */
const FINE = 4 * BOX;
/** Width of MNIST's pen as a share of the figure. Lines below half of it are broadened. */
const PEN = 2.4 / BOX;
const THIN = PEN / 2;

/** [height, width] shares of ink, 0 to 1. */
interface Ink {
  width: number;
  height: number;
  values: Float32Array;
}

/**
 * @param picture of one channel; 0 is paper, 255 is ink
 * @returns [28, 28], or null if there is no ink
 */
export function fitPicture(picture: {
  pixels: Uint8Array;
  width: number;
  height: number;
}): Uint8Array | null {
  const ink = inkOf(picture);
  if (ink === null) return null;
  const fine = scaled(ink, Math.min(FINE, Math.max(ink.width, ink.height)));
  const longer = Math.max(fine.width, fine.height);
  const pen = penWidth(fine) / longer;
  // Broader lines make the figure larger.
  const radius = (((PEN - pen) / (1 - PEN)) * longer) / 2;
  const broad = longer === FINE && pen < THIN ? broadened(fine, radius) : fine;
  return centred(scaled(broad, BOX));
}

/** The bounding box of the figure, or null if there is none. */
function inkOf({ pixels, width, height }: { pixels: Uint8Array; width: number; height: number }): Ink | null {
  const levels = inkLevels(pixels);
  if (levels === null) return null;
  const share = Float32Array.from({ length: 256 }, (_, value) =>
    Math.max(0, (value - levels.paper) / (levels.ink - levels.paper)),
  );
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (share[pixels[y * width + x]] < FIGURE) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = y + 1;
    }
  }
  const values = new Float32Array((right - left) * (bottom - top));
  let to = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) values[to++] = share[pixels[y * width + x]];
  }
  return { width: right - left, height: bottom - top, values };
}

/**
 * The mean of the paper, by Otsu's threshold (1979), and the darkest ink.
 * @returns null if paper and ink differ too little
 */
function inkLevels(pixels: Uint8Array): { paper: number; ink: number } | null {
  const histogram = new Float64Array(256);
  for (const value of pixels) histogram[value]++;
  const count = pixels.length;
  const total = histogram.reduce((sum, n, value) => sum + n * value, 0);
  let [below, sumBelow, best, paper, contrast] = [0, 0, 0, 0, 0];
  for (let threshold = 0; threshold < 255; threshold++) {
    below += histogram[threshold];
    sumBelow += histogram[threshold] * threshold;
    if (below === 0 || below === count) continue;
    const difference = (total - sumBelow) / (count - below) - sumBelow / below;
    const between = below * (count - below) * difference ** 2;
    if (between > best) [best, paper, contrast] = [between, sumBelow / below, difference];
  }
  const ink = histogram.findLastIndex((n) => n > 0);
  return contrast >= LEAST_CONTRAST ? { paper, ink } : null;
}

/** Scales the longer side to a number of pixels, each the mean over the area that it covers. */
function scaled(ink: Ink, longer: number): Ink {
  const factor = longer / Math.max(ink.width, ink.height);
  if (factor === 1) return ink;
  const width = Math.max(1, Math.round(ink.width * factor));
  const height = Math.max(1, Math.round(ink.height * factor));
  const values = new Float32Array(width * height);
  for (let v = 0; v < height; v++) {
    const [y1, y2] = [(v * ink.height) / height, ((v + 1) * ink.height) / height];
    for (let u = 0; u < width; u++) {
      const [x1, x2] = [(u * ink.width) / width, ((u + 1) * ink.width) / width];
      let sum = 0;
      for (let y = Math.floor(y1); y < y2; y++) {
        const high = Math.min(y + 1, y2) - Math.max(y, y1);
        for (let x = Math.floor(x1); x < x2; x++) {
          sum += ink.values[y * ink.width + x] * high * (Math.min(x + 1, x2) - Math.max(x, x1));
        }
      }
      values[v * width + u] = sum / ((x2 - x1) * (y2 - y1));
    }
  }
  return { width, height, values };
}

/** Width of the lines in pixels: twice the area divided by the length of the edge. */
function penWidth({ width, height, values }: Ink): number {
  const most = values.reduce((a, b) => Math.max(a, b));
  const inside = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] >= most / 2;
  let [area, edge] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside(x, y)) continue;
      area++;
      if (!(inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1))) edge++;
    }
  }
  return area === edge ? 1 : (2 * area) / edge;
}

/** Makes every pixel as dark as the darkest within a radius. */
function broadened({ width, height, values }: Ink, radius: number): Ink {
  const reach = Math.ceil(radius);
  const [wide, high] = [width + 2 * reach, height + 2 * reach];
  const result = new Float32Array(wide * high);
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const weight = Math.min(1, radius + 0.5 - Math.hypot(dx, dy));
      if (weight <= 0) continue;
      for (let y = 0; y < height; y++) {
        const row = (y + reach + dy) * wide + reach + dx;
        for (let x = 0; x < width; x++) {
          const value = weight * values[y * width + x];
          if (value > result[row + x]) result[row + x] = value;
        }
      }
    }
  }
  return { width: wide, height: high, values: result };
}

/** Moves the figure's centre of mass to the middle; its darkest pixel becomes full ink. */
function centred({ width, height, values }: Ink): Uint8Array {
  let [mass, sumX, sumY, most] = [0, 0, 0, 0];
  values.forEach((value, i) => {
    mass += value;
    sumX += value * (i % width);
    sumY += value * Math.floor(i / width);
    most = Math.max(most, value);
  });
  const place = (sum: number, size: number) =>
    Math.min(SIDE - size, Math.max(0, Math.round(CENTRE - sum / mass)));
  const [shiftX, shiftY] = [place(sumX, width), place(sumY, height)];
  const image = new Uint8Array(SIDE * SIDE);
  values.forEach((value, i) => {
    const at = (Math.floor(i / width) + shiftY) * SIDE + (i % width) + shiftX;
    image[at] = Math.round((255 * value) / most);
  });
  return image;
}
