/**
 * The one way from a person's picture of any size to the size that a network reads, in training and recognition alike:
 * scaled as a whole, then padded with the colour of its paper. For digits like MNIST's, prepare-picture.ts does more.
 */
import type { InputPicture, PictureSize } from './picture-size.js';
import { areaWeights } from './resample.js';

/** A brighter edge is paper, with darker ink. */
export const PAPER = 127;

/**
 * Scales a picture into a frame, keeping its proportions: each new pixel is the mean over its area. The rest of the frame
 * gets the median colour of the picture's edge. A grey picture whose edge is lighter than darker is inverted first.
 * @param picture [height, channels, width]; grey: 0 is paper, 255 is ink
 * @param frame with the same number of channels
 * @returns of the frame's size; a picture of that size keeps its pixels
 */
export function paddedPicture(picture: Required<InputPicture>, frame: PictureSize): Required<InputPicture> {
  const upright = picture.channels === 1 ? asInk(picture) : picture;
  if (upright.width === frame.width && upright.height === frame.height) return upright;
  const factor = Math.min(frame.width / upright.width, frame.height / upright.height);
  const width = Math.min(frame.width, Math.max(1, Math.round(upright.width * factor)));
  const height = Math.min(frame.height, Math.max(1, Math.round(upright.height * factor)));
  return framed(scaled(upright, width, height), frame, edgeOf(upright).paper);
}

/** A grey picture with light ink on dark paper: its edge tells the paper. */
export function asInk(picture: Required<InputPicture>): Required<InputPicture> {
  if (edgeOf(picture).mean <= PAPER) return picture;
  return { ...picture, pixels: picture.pixels.map((value) => 255 - value) };
}

/** The pixels at the edge. @returns their median in each channel, and the mean of all */
export function edgeOf({ width, height, channels, pixels }: Required<InputPicture>): {
  paper: number[];
  mean: number;
} {
  const row = width * channels;
  let [sum, count] = [0, 0];
  const paper = Array.from({ length: channels }, (_, c) => {
    const counts = new Uint32Array(256);
    let seen = 0;
    const look = (x: number, y: number) => {
      const value = pixels[y * row + c * width + x];
      counts[value]++;
      sum += value;
      seen++;
    };
    for (let x = 0; x < width; x++) for (const y of [0, height - 1]) look(x, y);
    for (let y = 0; y < height; y++) for (const x of [0, width - 1]) look(x, y);
    count += seen;
    let median = 0;
    for (let below = counts[0]; 2 * below < seen; below += counts[median]) median++;
    return median;
  });
  return { paper, mean: sum / count };
}

function scaled(
  { width, height, channels, pixels }: Required<InputPicture>,
  newWidth: number,
  newHeight: number,
): Required<InputPicture> {
  // Rows of all channels lie below each other, so both directions need no loop over channels.
  const across = new Float32Array(height * channels * newWidth);
  const columns = areaWeights(width, newWidth);
  for (let y = 0, to = 0; y < height * channels; y++) {
    for (let x = 0; x < newWidth; x++, to++) {
      const weights = columns.weights[x];
      const at = y * width + columns.first[x];
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * pixels[at + k];
      across[to] = sum;
    }
  }
  const row = channels * newWidth;
  const rows = areaWeights(height, newHeight);
  const result = new Uint8Array(newHeight * row);
  for (let y = 0, to = 0; y < newHeight; y++) {
    const weights = rows.weights[y];
    for (let x = 0; x < row; x++, to++) {
      const at = rows.first[y] * row + x;
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * across[at + k * row];
      result[to] = Math.round(sum);
    }
  }
  return { width: newWidth, height: newHeight, channels, pixels: result };
}

/** The picture in the middle of a larger one. @param paper [channels] */
function framed(
  picture: Required<InputPicture>,
  frame: PictureSize,
  paper: readonly number[],
): Required<InputPicture> {
  const { width, height, channels } = picture;
  if (width === frame.width && height === frame.height) return picture;
  const pixels = new Uint8Array(frame.width * frame.height * channels);
  const [left, top] = [Math.floor((frame.width - width) / 2), Math.floor((frame.height - height) / 2)];
  for (let y = 0; y < frame.height; y++) {
    for (let c = 0; c < channels; c++) {
      const at = (y * channels + c) * frame.width;
      pixels.fill(paper[c], at, at + frame.width);
      if (y < top || y >= top + height) continue;
      const from = ((y - top) * channels + c) * width;
      pixels.set(picture.pixels.subarray(from, from + width), at + left);
    }
  }
  return { width: frame.width, height: frame.height, channels, pixels };
}
