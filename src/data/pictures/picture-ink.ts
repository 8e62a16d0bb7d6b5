/**
 * From the colours of a picture to ink: 0 is paper, 255 is ink. Pictures without shadows, such as screenshots and scans,
 * have one paper, which the edge tells. On a photo the light falls unevenly: the paper is estimated at every place.
 */

import type { InputPicture } from '../inputs/input.js';
import { type Orientation, upright } from './exif.js';

/** A picture in colours, as decoders give it. */
export interface Rgba {
  width: number;
  height: number;
  /** [height, width, 4] red, green, blue and opacity */
  values: Uint8Array | Uint8ClampedArray;
}

/**
 * Longer side, at most, of a photo in which ink is looked for: a figure that fills a sixth of it still has all the detail
 * that fit.ts uses, and the noise of the camera averages out.
 */
const MAX_SIDE = 512;
/** Longer side of the smallest picture whose paper is estimated at every place: smaller ones are no photos. */
const LEAST_PHOTO_SIDE = 128;
/** Side in pixels of the blocks for which the paper's brightness is estimated. */
const BLOCK = 8;
/** Side of the window around a block that tells its paper, as a share of the longer side. */
const WINDOW = 1 / 4;
/** Pixels darker than this share of the paper are ink, and do not count as paper in the next round. */
const INK_BELOW = 0.85;
const ROUNDS = 3;
/** Keeps slopes at 0 where a window has its paper in one place; in squares of blocks. */
const DAMPING = 1;
/** Beyond these, the edge alone tells whether paper is lighter than ink. */
const DARK_EDGE = 64;
const LIGHT_EDGE = 160;
/** A smaller difference from the mean around is noise. */
const NOISE = 16;
/** Pixels with less than this share of the darkest spot's ink are none. */
const FAINT = 0.35;
/** A line has at least a pixel with this share, and at least so many pixels. */
const STRONG = 0.6;
const LEAST_SPOT = 4;
/** Darker paper is taken for this: dividing by less only amplifies noise. */
const LEAST_PAPER = 16;

/** A grey picture. */
export interface GreyPicture {
  width: number;
  height: number;
  /** [height, width] */
  pixels: Uint8Array;
}

/**
 * The ink of a photo, turned upright. A large photo is reduced first.
 * @returns 0 is paper, 255 is ink
 */
export function photoInk(photo: Rgba, orientation: Orientation): GreyPicture {
  const picture = reduced(photo, Math.ceil(Math.max(photo.width, photo.height) / MAX_SIDE));
  const { width, height } = picture;
  const isPhoto = Math.max(width, height) >= LEAST_PHOTO_SIDE && isOpaque(picture);
  const pixels = isPhoto ? inkOnShadedPaper(greyOf(picture)) : inkOf(picture);
  return upright({ width, height, pixels }, orientation);
}

/** The colours of a photo, turned upright. */
export function photoColours(photo: Rgba, orientation: Orientation): Required<InputPicture> {
  const turned = uprightRgba(photo, orientation);
  const { width, height } = turned;
  return { width, height, channels: 3, pixels: coloursOf(turned) };
}

/** The picture turned upright. */
export function uprightRgba(picture: Rgba, orientation: Orientation): Rgba {
  if (orientation === 1) return picture;
  const stored = new Uint32Array(picture.values.slice().buffer);
  const { width, height, pixels } = upright({ ...picture, pixels: stored }, orientation);
  return { width, height, values: new Uint8Array(pixels.buffer) };
}

/** Each pixel is the mean of factor × factor pixels; a rest at the right and at the bottom is left out. */
function reduced(picture: Rgba, factor: number): Rgba {
  if (factor <= 1) return picture;
  const width = Math.max(1, Math.floor(picture.width / factor));
  const height = Math.max(1, Math.floor(picture.height / factor));
  const [wide, high] = [Math.min(factor, picture.width), Math.min(factor, picture.height)];
  const values = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [red, green, blue, opacity] = [0, 0, 0, 0];
      for (let v = 0; v < high; v++) {
        let at = ((y * factor + v) * picture.width + x * factor) * 4;
        for (let u = 0; u < wide; u++, at += 4) {
          const share = picture.values[at + 3];
          red += picture.values[at] * share;
          green += picture.values[at + 1] * share;
          blue += picture.values[at + 2] * share;
          opacity += share;
        }
      }
      const to = (y * width + x) * 4;
      if (opacity === 0) continue;
      values[to] = red / opacity;
      values[to + 1] = green / opacity;
      values[to + 2] = blue / opacity;
      values[to + 3] = opacity / (wide * high);
    }
  }
  return { width, height, values };
}

function isOpaque({ values }: Rgba): boolean {
  for (let i = 3; i < values.length; i += 4) if (values[i] < 255) return false;
  return true;
}

function greyOf({ width, height, values }: Rgba): GreyPicture {
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = Math.round(luminance(values[i * 4], values[i * 4 + 1], values[i * 4 + 2]));
  }
  return { width, height, pixels };
}

/**
 * Ink as the share of light that it takes from the paper around it. The paper's brightness is estimated from the windows
 * around, without the pixels that the last round took for ink (as Bradley and Roth, "Adaptive thresholding using the
 * integral image", 2007, in several rounds and with a slope).
 */
function inkOnShadedPaper(picture: GreyPicture): Uint8Array {
  const { width, height } = picture;
  const everywhere = new Uint8Array(width * height).fill(1);
  const dark = isLightOnDark(picture, everywhere);
  const pixels = dark ? picture.pixels.map((value) => 255 - value) : picture.pixels;
  const isPaper = everywhere;
  let paper = paperOf({ width, height, pixels }, isPaper);
  for (let round = 1; round < ROUNDS; round++) {
    for (let i = 0; i < pixels.length; i++) isPaper[i] = pixels[i] >= INK_BELOW * paper[i] ? 1 : 0;
    paper = paperOf({ width, height, pixels }, isPaper);
  }
  const ink = pixels.map((value, i) =>
    Math.round(255 * Math.max(0, 1 - value / Math.max(LEAST_PAPER, paper[i]))),
  );
  keepLines(ink, width, height);
  return ink;
}

/** Clears what is fainter than the lines: noise, edges of shadows, and spots that nowhere are as dark as a line. */
function keepLines(ink: Uint8Array, width: number, height: number): void {
  const darkest = darkestSpot(ink, width, height);
  const seen = new Uint8Array(ink.length);
  for (let start = 0; start < ink.length; start++) {
    if (ink[start] < FAINT * darkest) ink[start] = 0;
  }
  for (let start = 0; start < ink.length; start++) {
    if (seen[start] === 1 || ink[start] === 0) continue;
    // The pixels that are connected with this one.
    const spot = [start];
    seen[start] = 1;
    let most = 0;
    for (let n = 0; n < spot.length; n++) {
      const [x, y] = [spot[n] % width, Math.floor(spot[n] / width)];
      most = Math.max(most, ink[spot[n]]);
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const i = v * width + u;
          if (seen[i] === 1 || ink[i] === 0) continue;
          seen[i] = 1;
          spot.push(i);
        }
      }
    }
    if (most < STRONG * darkest || spot.length < LEAST_SPOT) for (const i of spot) ink[i] = 0;
  }
}

/** The largest mean of 3 × 3 pixels. */
function darkestSpot(ink: Uint8Array, width: number, height: number): number {
  let most = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      let sum = 0;
      for (let v = y - 1; v <= y + 1; v++) {
        for (let u = x - 1; u <= x + 1; u++) sum += ink[v * width + u];
      }
      most = Math.max(most, sum / 9);
    }
  }
  return most;
}

/** [height, width] the brightness of the paper: planes through the paper in the windows, at each block's place. */
function paperOf({ width, height, pixels }: GreyPicture, isPaper: Uint8Array): Float32Array {
  const [columns, rows] = [Math.ceil(width / BLOCK), Math.ceil(height / BLOCK)];
  /** Sums over the paper of each block: 1, the brightness, and their products with the block's column and row. */
  const sums = Array.from({ length: 9 }, () => new Float64Array(columns * rows));
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let [n, value] = [0, 0];
      for (let y = row * BLOCK; y < Math.min(height, (row + 1) * BLOCK); y++) {
        for (let i = y * width + column * BLOCK; i < y * width + Math.min(width, (column + 1) * BLOCK); i++) {
          n += isPaper[i];
          value += isPaper[i] * pixels[i];
        }
      }
      const [x, y] = [column, row];
      [n, n * x, n * y, n * x * x, n * x * y, n * y * y, value, value * x, value * y].forEach((sum, k) => {
        sums[k][row * columns + column] = sum;
      });
    }
  }
  const tables = sums.map((values) => integral(values, columns, rows));
  const radius = Math.ceil((Math.max(columns, rows) * WINDOW) / 2);
  const mean =
    sums[6].reduce((a, b) => a + b) /
    Math.max(
      1,
      sums[0].reduce((a, b) => a + b),
    );
  const blocks = Float32Array.from({ length: columns * rows }, (_, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    return (
      planeAt(
        x,
        y,
        tables.map((table) => windowSum(table, columns, rows, x, y, radius)),
      ) ?? mean
    );
  });
  return interpolated(blocks, columns, rows, width, height);
}

/**
 * The value at a place of the plane that fits best, by least squares.
 * @param sums over the values v at places x, y: 1, x, y, xx, xy, yy, v, xv, yv
 * @returns null without values
 */
function planeAt(x: number, y: number, sums: number[]): number | null {
  const [n, sx, sy, sxx, sxy, syy, sv, sxv, syv] = sums;
  if (n === 0) return null;
  const [meanX, meanY, mean] = [sx / n, sy / n, sv / n];
  const xx = sxx / n - meanX * meanX + DAMPING;
  const xy = sxy / n - meanX * meanY;
  const yy = syy / n - meanY * meanY + DAMPING;
  const [xv, yv] = [sxv / n - meanX * mean, syv / n - meanY * mean];
  const determinant = xx * yy - xy * xy;
  const [slopeX, slopeY] = [(xv * yy - yv * xy) / determinant, (yv * xx - xv * xy) / determinant];
  return mean + slopeX * (x - meanX) + slopeY * (y - meanY);
}

/** [rows + 1, columns + 1] sums of all values above and to the left. */
function integral(values: Float64Array, columns: number, rows: number): Float64Array {
  const stride = columns + 1;
  const table = new Float64Array(stride * (rows + 1));
  for (let y = 0; y < rows; y++) {
    let sum = 0;
    for (let x = 0; x < columns; x++) {
      sum += values[y * columns + x];
      table[(y + 1) * stride + x + 1] = table[y * stride + x + 1] + sum;
    }
  }
  return table;
}

function windowSum(
  table: Float64Array,
  columns: number,
  rows: number,
  x: number,
  y: number,
  radius: number,
): number {
  const stride = columns + 1;
  const [left, right] = [Math.max(0, x - radius), Math.min(columns, x + radius + 1)];
  const [top, bottom] = [Math.max(0, y - radius) * stride, Math.min(rows, y + radius + 1) * stride];
  return table[bottom + right] - table[bottom + left] - table[top + right] + table[top + left];
}

/** [height, width] values between the centres of blocks. */
function interpolated(
  blocks: Float32Array,
  columns: number,
  rows: number,
  width: number,
  height: number,
): Float32Array {
  const result = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const [above, below, v] = between(y, rows);
    for (let x = 0; x < width; x++) {
      const [left, right, u] = between(x, columns);
      const upper = blocks[above * columns + left] * (1 - u) + blocks[above * columns + right] * u;
      const lower = blocks[below * columns + left] * (1 - u) + blocks[below * columns + right] * u;
      result[y * width + x] = upper * (1 - v) + lower * v;
    }
  }
  return result;
}

/** The two blocks between whose centres a pixel lies, and how far it is on the way from the first to the second. */
function between(pixel: number, count: number): [first: number, second: number, share: number] {
  const at = Math.min(count - 1, Math.max(0, (pixel + 0.5) / BLOCK - 0.5));
  const first = Math.floor(at);
  return [first, Math.min(count - 1, first + 1), at - first];
}

/** Whether ink is lighter than paper: by the edge; if that is in between, by which pixels stand out around them. */
function isLightOnDark(picture: GreyPicture, everywhere: Uint8Array): boolean {
  const { width, height, pixels } = picture;
  let [sum, count] = [0, 0];
  for (let x = 0; x < width; x++, count += 2) sum += pixels[x] + pixels[(height - 1) * width + x];
  for (let y = 0; y < height; y++, count += 2) sum += pixels[y * width] + pixels[y * width + width - 1];
  const edge = sum / count;
  if (edge < DARK_EDGE || edge > LIGHT_EDGE) return edge < DARK_EDGE;
  const means = paperOf(picture, everywhere);
  let [lighter, darker] = [0, 0];
  pixels.forEach((value, i) => {
    lighter += Math.max(0, value - means[i] - NOISE);
    darker += Math.max(0, means[i] - value - NOISE);
  });
  return lighter > darker;
}

/** The colours of a picture, on white where it is transparent. @returns [height, 3, width] */
export function coloursOf({ width, height, values }: Rgba): Uint8Array {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      pixels[(Math.floor(i / width) * 3 + c) * width + (i % width)] = onWhite(
        values[i * 4 + c],
        values[i * 4 + 3],
      );
    }
  }
  return pixels;
}

/** Opaque pixels are a card, not a figure, if they fill this share of their box and their greys differ by this much. */
const CARD_FILLS = 0.75;
const CARD_CONTRAST = 64;

/** The box of the opaque pixels as a picture, if they are a card with a figure on it; else null. */
function cardIn({ width, height, values }: Rgba): Rgba | null {
  let [left, top, right, bottom, count] = [width, height, 0, 0, 0];
  let [darkest, lightest] = [255, 0];
  for (let i = 0; i < width * height; i++) {
    if (values[i * 4 + 3] < 255) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
    const grey = luminance(values[i * 4], values[i * 4 + 1], values[i * 4 + 2]);
    [darkest, lightest] = [Math.min(darkest, grey), Math.max(lightest, grey)];
    count++;
  }
  const [wide, high] = [right - left, bottom - top];
  if (count === 0 || count < CARD_FILLS * wide * high || lightest - darkest < CARD_CONTRAST) return null;
  const rows = new Uint8Array(wide * high * 4);
  for (let y = 0; y < high; y++) {
    const from = ((top + y) * width + left) * 4;
    rows.set(values.subarray(from, from + wide * 4), y * wide * 4);
  }
  return { width: wide, height: high, values: rows };
}

/**
 * The ink of each pixel: its opacity on a transparent ground, else its difference from the paper. Dark ink on light paper
 * is inverted. The edge of the picture tells the paper, or the edge of a card on a transparent ground.
 * @returns [height, width] 0 is paper, 255 is ink
 */
export function inkOf(picture: Rgba): Uint8Array {
  const { width, height, values } = picture;
  const edge = edgeOf(picture);
  const card = edge.opacity < 128 ? cardIn(picture) : null;
  const ground = card === null ? edge : edgeOf(card);
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < pixels.length; i++) {
    const at = i * 4;
    const opacity = values[at + 3];
    if (ground.opacity < 128) {
      pixels[i] = opacity;
      continue;
    }
    const grey = luminance(values[at], values[at + 1], values[at + 2]);
    const shown = (grey * opacity + ground.grey * (255 - opacity)) / 255;
    pixels[i] = Math.round(ground.grey > 127 ? 255 - shown : shown);
  }
  return pixels;
}

/** Mean grey of the opaque pixels at the edge, and mean opacity there. */
function edgeOf({ width, height, values }: Rgba): { grey: number; opacity: number } {
  let [count, opacity, grey] = [0, 0, 0];
  const look = (x: number, y: number) => {
    const at = (y * width + x) * 4;
    count++;
    opacity += values[at + 3];
    grey += luminance(values[at], values[at + 1], values[at + 2]) * values[at + 3];
  };
  for (let x = 0; x < width; x++) for (const y of [0, height - 1]) look(x, y);
  for (let y = 0; y < height; y++) for (const x of [0, width - 1]) look(x, y);
  return { grey: opacity === 0 ? 0 : grey / opacity, opacity: opacity / count };
}

/** A colour in front of white paper. @param opacity 0 to 255 */
export function onWhite(value: number, opacity: number): number {
  return opacity === 255 ? value : Math.round((value * opacity + 255 * (255 - opacity)) / 255);
}

/** Luma of Rec. 601. */
export function luminance(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}
