/** The orientation of a photo, from its Exif data: a TIFF structure whose tag 0x0112 tells how the camera was held. */

/** What Exif data begin with in JPEG files. */
export const EXIF_MARK = 'Exif\0\0';
const ORIENTATION = 0x0112;
const SHORT = 3;
/** Tags of a directory that are looked at. */
const MAX_TAGS = 256;

/** 1 to 8: `1` is upright; 2 to 4 are mirrored or upside down; 5 to 8 lie on a side (Exif 2.3, tag 0x0112). */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/**
 * Reads the orientation. Damaged data count as upright, as in browsers.
 * @param exif the Exif data, from `II` or `MM`, or from the mark of JPEG before these, which some programs also put into
 *   PNG and WebP files
 */
export function exifOrientation(exif: Uint8Array): Orientation {
  const hasMark = String.fromCharCode(...exif.subarray(0, EXIF_MARK.length)) === EXIF_MARK;
  const tiff = hasMark ? exif.subarray(EXIF_MARK.length) : exif;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.length < 8) return 1;
  const little = view.getUint16(0) === 0x4949;
  if (!(little || view.getUint16(0) === 0x4d4d) || view.getUint16(2, little) !== 42) return 1;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const count = Math.min(MAX_TAGS, view.getUint16(directory, little));
  for (let at = directory + 2; at + 12 <= tiff.length && at < directory + 2 + 12 * count; at += 12) {
    if (view.getUint16(at, little) !== ORIENTATION || view.getUint16(at + 2, little) !== SHORT) continue;
    return ORIENTATIONS.find((each) => each === view.getUint16(at + 8, little)) ?? 1;
  }
  return 1;
}

const ORIENTATIONS: readonly Orientation[] = [1, 2, 3, 4, 5, 6, 7, 8];

/** A picture with one number a pixel: grey, or all colours in 32 bits. */
interface Stored<T extends Uint8Array | Uint32Array> {
  width: number;
  height: number;
  /** [height, width] */
  pixels: T;
}

/** Turns a picture upright. */
export function upright<T extends Uint8Array | Uint32Array>(
  picture: Stored<T>,
  orientation: Orientation,
): Stored<T> {
  if (orientation === 1) return picture;
  const { width: w, height: h, pixels } = picture;
  const lies = orientation >= 5;
  const [width, height] = lies ? [h, w] : [w, h];
  const mirrored = [2, 3, 7, 8].includes(orientation);
  const flipped = [3, 4, 6, 7].includes(orientation);
  const result = pixels.slice() as T;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = lies ? [y, x] : [x, y];
      result[y * width + x] = pixels[(flipped ? h - 1 - v : v) * w + (mirrored ? w - 1 - u : u)];
    }
  }
  return { width, height, pixels: result };
}
