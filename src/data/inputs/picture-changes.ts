/**
 * Changes of pictures: moved as a whole, thicker and thinner lines, noise, exchanged ink and paper. They make test
 * inputs harder, to measure how much a network depends on tidy ones (changes.ts). Each returns a new picture.
 */
import { normalPair, type Random } from '../../random.js';
import type { Affine } from '../affine.js';
import type { InputPicture } from './input.js';

/** [height, channels, width] 0 is paper, 255 is ink. */
export type Picture = Required<InputPicture>;

const FULL_INK = 255;

/**
 * Moves the picture's content about its centre. Each pixel is interpolated (bilinear) from the four around its origin,
 * and rounded. Outside of the picture is paper.
 *
 * @param map maps an old place to its new place, in pixels from the centre, y downwards
 * @param paper [channels] its value in each channel; default 0
 */
export function movedPicture(picture: Picture, map: Affine, paper: readonly number[] = []): Picture {
  const { width, height, channels, pixels } = picture;
  const determinant = map.xx * map.yy - map.xy * map.yx;
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const valueAt = (x: number, y: number, c: number) =>
    x >= 0 && y >= 0 && x < width && y < height ? pixels[(y * channels + c) * width + x] : (paper[c] ?? 0);
  return eachPixel(picture, (newX, newY, c) => {
    const [dx, dy] = [newX - centreX - map.shiftX, newY - centreY - map.shiftY];
    const x = (map.yy * dx - map.xy * dy) / determinant + centreX;
    const y = (map.xx * dy - map.yx * dx) / determinant + centreY;
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [right, low] = [x - left, y - top];
    const above = valueAt(left, top, c) * (1 - right) + valueAt(left + 1, top, c) * right;
    const below = valueAt(left, top + 1, c) * (1 - right) + valueAt(left + 1, top + 1, c) * right;
    return Math.round(above * (1 - low) + below * low);
  });
}

const CROSS = [
  [0, 0],
  [-1, 0],
  [1, 0],
  [0, -1],
  [0, 1],
];
const SQUARE = [...CROSS, [-1, -1], [1, -1], [-1, 1], [1, 1]];

/** Dilates the ink by 3 × 3 pixels: each pixel becomes as dark as the darkest of nine. */
export function thickened(picture: Picture): Picture {
  return ofNeighbours(picture, SQUARE, Math.max);
}

/** Dilates the ink by a cross: each pixel becomes as dark as the darkest of itself and its four neighbours. */
export function inkedAround(picture: Picture): Picture {
  return ofNeighbours(picture, CROSS, Math.max);
}

/** Erodes the ink by a cross: each pixel becomes as light as the lightest of itself and its four neighbours. */
export function thinned(picture: Picture): Picture {
  return ofNeighbours(picture, CROSS, Math.min);
}

/** Places outside of the picture do not count. */
function ofNeighbours(
  picture: Picture,
  offsets: readonly (readonly number[])[],
  choose: (a: number, b: number) => number,
): Picture {
  const { width, height, channels, pixels } = picture;
  return eachPixel(picture, (x, y, c) => {
    let value = pixels[(y * channels + c) * width + x];
    for (const [dx, dy] of offsets) {
      const [u, v] = [x + dx, y + dy];
      if (u < 0 || v < 0 || u >= width || v >= height) continue;
      value = choose(value, pixels[(v * channels + c) * width + u]);
    }
    return value;
  });
}

/** Adds normally distributed noise to every value; the sums are rounded and clamped to 0 … 255. @param deviation in grey levels */
export function withNoise(picture: Picture, deviation: number, random: Random): Picture {
  const pixels = new Uint8Array(picture.pixels.length);
  for (let k = 0; k < pixels.length; k += 2) {
    normalPair(random).forEach((noise, n) => {
      if (k + n >= pixels.length) return;
      const value = Math.round(picture.pixels[k + n] + deviation * noise);
      pixels[k + n] = Math.min(FULL_INK, Math.max(0, value));
    });
  }
  return { ...picture, pixels };
}

/** Replaces pixels at random: each with this probability, half of them by ink, half by paper. All channels of a pixel get the same. */
export function withSaltAndPepper(picture: Picture, share: number, random: Random): Picture {
  const { width, height, channels } = picture;
  const pixels = picture.pixels.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const drawn = random.uniform();
      if (drawn >= share) continue;
      const value = drawn < share / 2 ? FULL_INK : 0;
      for (let c = 0; c < channels; c++) pixels[(y * channels + c) * width + x] = value;
    }
  }
  return { ...picture, pixels };
}

/** Exchanges ink and paper. */
export function inverted(picture: Picture): Picture {
  return { ...picture, pixels: picture.pixels.map((value) => FULL_INK - value) };
}

/** A picture of the same size with a value for each pixel and channel. */
function eachPixel(picture: Picture, value: (x: number, y: number, c: number) => number): Picture {
  const { width, height, channels } = picture;
  const pixels = new Uint8Array(width * height * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let c = 0; c < channels; c++) {
      for (let x = 0; x < width; x++) pixels[to++] = value(x, y, c);
    }
  }
  return { ...picture, pixels };
}
