/**
 * Fits a figure into 28 × 28 pixels as MNIST's pictures were made: scaled into 20 × 20 pixels with its proportions kept,
 * and moved by whole pixels so that its centre of mass is in the centre. Lines much thinner or thicker than MNIST's are
 * brought to their width.
 */
import { DRAWING_SIZE } from '../../ink/drawing.js';
import { type Box, boxOf, cropped, FULL_INK, type Ink, penWidth } from './ink.js';
import { resampled } from './resample.js';

const SIDE = DRAWING_SIZE.width;
const BOX = 20;
const CENTRE = SIDE / 2;
/** Pixels with at least this share of ink belong to the figure. */
const FIGURE = 0.25;
/** In small pictures the soft edge belongs to the figure, as in MNIST's. */
const SOFT = 0.04;
/** Any ink. */
const FAINT = 0.5 / 255;
/** Figures up to this size are small. */
const SMALL = 2 * BOX;
/** Side in pixels of the picture in which lines are made thicker or thinner. */
const FINE = 3 * BOX;
/** Width of MNIST's pen as a share of the figure. */
const PEN = 2.4 / BOX;
/** Lines outside of these shares are brought to the width of MNIST's pen; nine tenths of MNIST's own are inside. */
const THINNEST = 1.8 / BOX;
const THICKEST = 4.5 / BOX;
/** Thin lines are darkened by this factor first: where a camera or a scale lost part of their ink, they are light. */
const DARKENED = 4;
/** A figure at the edge of the picture may have lost so many pixels. */
const MOST_CUT = 3;
/** A figure is in place if its centre of mass is at most this many pixels off, as MNIST's are. */
const OFF_CENTRE = 0.55;
/** The same for a figure whose edges noise has changed. */
const NEARLY_CENTRED = 1;

/**
 * Whether a picture of 28 × 28 is made as MNIST's: clean paper, full ink, the longer side 20 pixels, the centre of mass in
 * the centre. All 70,000 pictures of MNIST are.
 * @param pixels [28, 28]
 */
export function isInPlace(pixels: Uint8Array): boolean {
  let [left, top, right, bottom]: number[] = [SIDE, SIDE, 0, 0];
  let [mass, sumX, sumY, darkest, paper] = [0, 0, 0, 0, 0];
  for (let y = 0, i = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++, i++) {
      const value = pixels[i];
      if (value === 0) {
        paper++;
        continue;
      }
      if (x < left) left = x;
      if (x >= right) right = x + 1;
      if (y < top) top = y;
      bottom = y + 1;
      if (value > darkest) darkest = value;
      mass += value;
      sumX += value * x;
      sumY += value * y;
    }
  }
  const longer = Math.max(right - left, bottom - top);
  // A figure at the edge cannot be moved further.
  const centred = (middle: number, first: number, end: number) =>
    (middle <= CENTRE + OFF_CENTRE || first === 0) && (middle >= CENTRE - OFF_CENTRE || end === SIDE);
  return (
    2 * paper > SIDE * SIDE &&
    darkest >= FULL_INK &&
    (longer === BOX || longer === BOX - 1) &&
    centred(sumX / mass, left, right) &&
    centred(sumY / mass, top, bottom)
  );
}

/**
 * @param ink without noise
 * @param wasNoisy whether there was so much noise that the edges of lines are uncertain
 * @param isThinned whether lines become one pixel wide afterwards: thin ones then stay thin, so that gaps stay open
 * @returns [28, 28], or null if there is no figure
 */
export function fitFigure(ink: Ink, wasNoisy: boolean, isThinned: boolean): Uint8Array | null {
  const core = boxOf(ink, FIGURE);
  if (core === null) return null;
  const isSoft = longerOf(core) <= SMALL && !wasNoisy;
  const figure = cropped(ink, isSoft ? boxOf(ink, SOFT)! : core);
  // Measured in MNIST's size, in which edges are as soft as MNIST's.
  const small = resampled(figure, BOX);
  const pen = penWidth(small) / BOX;
  const hasPen = (isThinned || pen >= THINNEST) && pen <= THICKEST;
  // A figure of about MNIST's size is moved only: resampling blurs.
  const whole = isSoft ? boxOf(ink, FAINT)! : core;
  const longer = longerOf(whole);
  const isCut =
    whole.left === 0 || whole.top === 0 || whole.right === ink.width || whole.bottom === ink.height;
  const slack = wasNoisy || hasPen ? 2 : 1;
  if (longer >= BOX - (isCut ? MOST_CUT : slack) && longer <= BOX + slack) {
    const isOwnSize = ink.width === SIDE && ink.height === SIDE;
    return centred(cropped(ink, whole), isOwnSize && wasNoisy ? whole : undefined);
  }
  if (hasPen) return centred(small);
  return centred(resampled(withPen(resampled(figure, FINE)), BOX));
}

function longerOf({ left, top, right, bottom }: Box): number {
  return Math.max(right - left, bottom - top);
}

/** Lines made as wide as MNIST's: dilation or erosion of grey values by a fraction of a pixel. */
function withPen(ink: Ink): Ink {
  const longer = Math.max(ink.width, ink.height);
  const isThin = penWidth(ink) < PEN * longer;
  const dark = isThin ? { ...ink, values: ink.values.map((value) => Math.min(1, DARKENED * value)) } : ink;
  const pen = penWidth(dark) / longer;
  // Broader lines make the figure larger.
  const radius = (((PEN - pen) / (1 - PEN)) * longer) / 2;
  if (Math.abs(radius) < 0.5) return dark;
  return radius > 0 ? dilated(dark, radius) : eroded(dark, -radius);
}

/** Makes every pixel as light as the lightest within a radius; outside of the picture is paper. */
function eroded(ink: Ink, radius: number): Ink {
  const reach = Math.ceil(radius);
  const { width, height } = ink;
  const inverse = dilated(flipped(framed(ink, 1)), radius);
  const inner = { left: reach + 1, top: reach + 1, right: reach + 1 + width, bottom: reach + 1 + height };
  return flipped(cropped(inverse, inner));
}

function flipped({ width, height, values }: Ink): Ink {
  return { width, height, values: values.map((value) => 1 - value) };
}

/** A picture with a frame of paper. */
function framed({ width, height, values }: Ink, frame: number): Ink {
  const wide = width + 2 * frame;
  const result = new Float32Array(wide * (height + 2 * frame));
  for (let y = 0; y < height; y++) {
    result.set(values.subarray(y * width, (y + 1) * width), (y + frame) * wide + frame);
  }
  return { width: wide, height: height + 2 * frame, values: result };
}

/** Makes every pixel as dark as the darkest within a radius; the picture grows by the radius, rounded up. */
function dilated({ width, height, values }: Ink, radius: number): Ink {
  const reach = Math.ceil(radius);
  const [wide, high] = [width + 2 * reach, height + 2 * reach];
  const result = new Float32Array(wide * high);
  const offsets: number[] = [];
  const weights: number[] = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const weight = Math.min(1, radius + 0.5 - Math.hypot(dx, dy));
      if (weight <= 0) continue;
      offsets.push(dy * wide + dx);
      weights.push(weight);
    }
  }
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (values[i] <= 0) continue;
      const at = (y + reach) * wide + x + reach;
      for (let k = 0; k < offsets.length; k++) {
        const value = weights[k] * values[i];
        if (value > result[at + offsets[k]]) result[at + offsets[k]] = value;
      }
    }
  }
  return { width: wide, height: high, values: result };
}

/**
 * Moves the figure's centre of mass to the middle; its darkest pixel becomes full ink.
 * @param place of the figure in the picture, kept if the centre of mass is near the middle: noise moves it a little
 */
function centred({ width, height, values }: Ink, place?: Box): Uint8Array {
  let [mass, sumX, sumY, most] = [0, 0, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = values[i];
      mass += value;
      sumX += value * x;
      sumY += value * y;
      if (value > most) most = value;
    }
  }
  const startOf = (middle: number, size: number, now?: number) => {
    if (now !== undefined && Math.abs(now + middle - CENTRE) <= NEARLY_CENTRED) return now;
    return Math.min(SIDE - size, Math.max(0, Math.round(CENTRE - middle)));
  };
  const left = startOf(sumX / mass, width, place?.left);
  const top = startOf(sumY / mass, height, place?.top);
  const full = most >= FULL_INK / 255 ? 1 : most;
  const image = new Uint8Array(SIDE * SIDE);
  for (let y = 0, i = 0; y < height; y++) {
    const row = (y + top) * SIDE + left;
    for (let x = 0; x < width; x++, i++) image[row + x] = Math.round((255 * values[i]) / full);
  }
  return image;
}
