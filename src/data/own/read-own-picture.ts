/** A person's picture from the bytes of a PNG, JPEG or WebP file. Node.js only. */

import { MAX_PHOTO_PIXELS } from '../inputs/prepare-picture.js';
import { inkIn, isGrey, pixelsOf, uprightSize } from '../pictures/decoded-picture.js';
import { decodePicture } from '../pictures/picture.js';
import type { OwnPicture } from './own-picture.js';

/**
 * Decodes a picture.
 * @param about label, part and place of the picture
 * @returns grey if its pixels are, whatever its file says
 * @throws UserError naming `where` and what is wrong in the file
 */
export async function readOwnPicture(
  bytes: Uint8Array,
  { label, part, where }: Pick<OwnPicture, 'label' | 'part' | 'where'>,
): Promise<OwnPicture> {
  const decoded = await decodePicture(bytes, where, MAX_PHOTO_PIXELS);
  const channels = isGrey(decoded) ? 1 : 3;
  return {
    label,
    part,
    where,
    ...uprightSize(decoded),
    channels,
    // Only one of the two is needed.
    get pixels() {
      return pixelsOf(decoded, channels);
    },
    ink: () => inkIn(decoded),
  };
}
