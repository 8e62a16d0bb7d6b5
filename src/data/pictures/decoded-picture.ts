/** What is made of the pixels of a PNG, JPEG or WebP file: ink, or colours. */
import type { InputPicture } from '../inputs/picture-size.js';
import type { Orientation } from './exif.js';
import {
  coloursOf,
  type GreyPicture,
  inkOf,
  luminance,
  onWhite,
  photoColours,
  photoInk,
  type Rgba,
  uprightRgba,
} from './picture-ink.js';

/** Pixels as a file stores them. */
export interface DecodedPicture {
  format: 'PNG' | 'JPEG' | 'WebP';
  rgba: Rgba;
  orientation: Orientation;
}

/** Colours of a grey pixel differ at most so much: JPEG and WebP round them. */
const MOST_COLOUR = 8;

/** The ink. @returns [height, width] 0 is paper, 255 is ink; a large photo in a smaller size */
export function inkIn({ format, rgba, orientation }: DecodedPicture): GreyPicture {
  if (format !== 'PNG') return photoInk(rgba, orientation);
  return { width: rgba.width, height: rgba.height, pixels: inkOf(rgba) };
}

/** The colours as they are. @returns [height, 3, width] */
export function coloursIn({ format, rgba, orientation }: DecodedPicture): Required<InputPicture> {
  if (format !== 'PNG') return photoColours(rgba, orientation);
  return { width: rgba.width, height: rgba.height, channels: 3, pixels: coloursOf(rgba) };
}

/** Whether the pixels that can be seen are grey. */
export function isGrey({ rgba: { values } }: DecodedPicture): boolean {
  for (let i = 0; i < values.length; i += 4) {
    if (values[i + 3] === 0) continue;
    const [red, green, blue] = [values[i], values[i + 1], values[i + 2]];
    if (Math.max(red, green, blue) - Math.min(red, green, blue) > MOST_COLOUR) return false;
  }
  return true;
}

/** Size of the picture when it is upright. */
export function uprightSize({ rgba: { width, height }, orientation }: DecodedPicture): {
  width: number;
  height: number;
} {
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** All pixels, upright, on white where they are transparent. @returns [height, width, channels] 0 is black */
export function pixelsOf({ rgba, orientation }: DecodedPicture, channels: 1 | 3): Uint8Array {
  const { values } = uprightRgba(rgba, orientation);
  const pixels = new Uint8Array((values.length / 4) * channels);
  for (let from = 0, to = 0; from < values.length; from += 4) {
    const opacity = values[from + 3];
    const [red, green, blue] = [0, 1, 2].map((c) => onWhite(values[from + c], opacity));
    if (channels === 1) pixels[to++] = Math.round(luminance(red, green, blue));
    else {
      pixels[to++] = red;
      pixels[to++] = green;
      pixels[to++] = blue;
    }
  }
  return pixels;
}
