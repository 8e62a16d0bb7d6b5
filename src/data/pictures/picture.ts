/**
 * Reads pictures to recognise: PNG, JPEG and WebP, told apart by their first bytes. Files are not trusted: the size that
 * a header announces is checked before pixels are decoded. Colours become grey, unless the network reads colours. Dark
 * ink on light paper is inverted, because networks read ink as light on dark. Node.js only.
 */

import { describeContent, isJpeg, isPng, isWebp } from '../../formats/content.js';
import { UserError } from '../../user-error.js';
import type { InputPicture } from '../inputs/input.js';
import { MAX_PICTURE_PIXELS } from '../inputs/prepare-picture.js';
import { coloursIn, type DecodedPicture, inkIn } from './decoded-picture.js';
import { announcedJpegPixels, readJpegHeader } from './jpeg.js';
import { decodePhoto } from './photo-codecs.js';
import { announcedPngPixels, decodePng } from './png.js';
import { announcedWebpPixels, readWebpHeader } from './webp.js';

export interface PictureOptions {
  /** 3 for colours as they are. Default 1. */
  channels?: number;
  /** Limit for the pixels of a JPEG or WebP picture. Default 4096 × 4096, which is always the limit for PNG. */
  maxPixels?: number;
}

/** Whether a file that begins like this is a picture that readPicture reads. */
export function isPicture(start: Uint8Array): boolean {
  return isPng(start) || isJpeg(start) || isWebp(start);
}

/** The number of pixels that a picture announces, unchecked: an upper bound of the work. 0 for other files. */
export function announcedPixels(bytes: Uint8Array): number {
  if (isPng(bytes)) return announcedPngPixels(bytes);
  if (isJpeg(bytes)) return announcedJpegPixels(bytes);
  return isWebp(bytes) ? announcedWebpPixels(bytes) : 0;
}

/**
 * Reads a picture.
 * @returns 0 is paper, 255 is ink. A large photo is returned in a smaller size.
 * @throws UserError naming the file and what is wrong in it
 */
export async function readPicture(
  bytes: Uint8Array,
  name: string,
  options: PictureOptions = {},
): Promise<Required<InputPicture>> {
  const { channels = 1, maxPixels = MAX_PICTURE_PIXELS } = options;
  const decoded = await decodePicture(bytes, name, maxPixels);
  return channels === 3 ? coloursIn(decoded) : { channels: 1, ...inkIn(decoded) };
}

/**
 * Decodes a picture.
 * @param name how messages name the file
 * @param maxPixels limit for the pixels of a JPEG or WebP picture
 * @throws UserError naming the file and what is wrong in it
 */
export async function decodePicture(
  bytes: Uint8Array,
  name: string,
  maxPixels = MAX_PICTURE_PIXELS,
): Promise<DecodedPicture> {
  if (!isPicture(bytes)) {
    throw new UserError(`${name}: expected a PNG, JPEG or WebP picture; found ${describeContent(bytes)}`);
  }
  if (isPng(bytes)) return { format: 'PNG', rgba: decodePng(bytes, name), orientation: 1 };
  const format = isJpeg(bytes) ? 'JPEG' : 'WebP';
  const header = (format === 'JPEG' ? readJpegHeader : readWebpHeader)(bytes, name);
  const { width, height, orientation } = header;
  if (width < 1 || height < 1 || width * height > maxPixels) {
    throw new UserError(
      `${name}: a ${format} of ${width} × ${height}; from 1 × 1 to ${maxPixels} pixels are accepted; make it smaller`,
    );
  }
  return { format, rgba: await decodePhoto(format, bytes, name, header), orientation };
}
