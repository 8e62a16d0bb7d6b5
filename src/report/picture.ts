/**
 * The picture of a sample as a PNG in a data URI. Each pixel becomes a square of pixels, so that every viewer shows the
 * same sharp picture. A grey picture on a dark background is inverted: dark ink on light paper.
 */

import { encode } from 'fast-png';
import type { Picture } from '../runs/run-folder.js';

/** The longer side of an enlarged picture has at most this many pixels. */
const SIDE = 112;

/** A picture for a page or a chart. */
export interface PictureImage {
  /** `data:image/png;base64,…` */
  uri: string;
  /** Size of the PNG in pixels. */
  width: number;
  height: number;
  /** True for grey pictures: a dark page may invert them. */
  inked: boolean;
}

/** Encodes a picture. */
export function pictureImage(picture: Picture): PictureImage {
  const { width, height, channels, pixels } = picture;
  const zoom = Math.max(1, Math.floor(SIDE / Math.max(width, height)));
  const inverted = channels !== 3 && darkGround(picture);
  const planes = channels === 3 ? [0, 1, 2] : [0];
  const data = new Uint8Array(planes.length * width * zoom * height * zoom);
  for (let y = 0; y < height * zoom; y++) {
    const row = Math.floor(y / zoom) * channels;
    for (let x = 0; x < width * zoom; x++) {
      const column = Math.floor(x / zoom);
      const target = planes.length * (y * width * zoom + x);
      for (const plane of planes) {
        const value = pixels[(row + plane) * width + column];
        data[target + plane] = inverted ? 255 - value : value;
      }
    }
  }
  const png = encode({ width: width * zoom, height: height * zoom, data, channels: planes.length });
  return {
    uri: `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
    width: width * zoom,
    height: height * zoom,
    inked: channels !== 3,
  };
}

/** Whether the pixels along the edges are dark on average. */
function darkGround({ width, height, channels, pixels }: Picture): boolean {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    const edgeRow = y === 0 || y === height - 1;
    for (let x = 0; x < width; x += edgeRow ? 1 : Math.max(1, width - 1)) {
      sum += pixels[y * channels * width + x];
      count++;
    }
  }
  return sum < 127.5 * count;
}
