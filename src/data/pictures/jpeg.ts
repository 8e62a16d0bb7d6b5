/**
 * Reads the markers of a JPEG file, before anything is decoded: size, kind of compression, orientation, and the number
 * of scans. A file that the decoder would read in another way is refused here. (ITU-T T.81; Exif 2.3)
 */
import { UserError } from '../../user-error.js';
import { EXIF_MARK, exifOrientation, type Orientation } from './exif.js';

/** What the headers of a photo say. */
export interface PhotoHeader {
  /** Of the picture as it is stored. */
  width: number;
  height: number;
  orientation: Orientation;
}

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;
/** Huffman-coded: baseline, extended, progressive. */
const FRAMES = [0xc0, 0xc1, 0xc2];
/** What is not read, by the marker of its frame. */
const OTHER_FRAMES: Record<number, string> = {
  195: 'lossless',
  197: 'hierarchical',
  198: 'hierarchical',
  199: 'hierarchical',
  201: 'with arithmetic coding',
  202: 'with arithmetic coding',
  203: 'with arithmetic coding',
};
/** Encoders write about ten; a script that sends every bit alone writes 64. */
const MAX_SCANS = 100;
/** Sum of the pixels of all scans: limits the time of decoding to about 20 s. */
const MAX_SCANNED_PIXELS = 2 ** 31;

/** The pixels that the file announces, 0 if there is no frame in these bytes. Checks nothing. */
export function announcedJpegPixels(bytes: Uint8Array): number {
  try {
    for (const { marker, data } of segmentsOf(bytes, '')) {
      if (!FRAMES.includes(marker)) continue;
      const { width, height } = sizeIn(data);
      return width * height;
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return 0;
}

/**
 * Checks the markers of a JPEG file.
 * @throws UserError naming what is damaged, or what is not read: CMYK, 12 bits, arithmetic coding, too many scans
 */
export function readJpegHeader(bytes: Uint8Array, name: string): PhotoHeader {
  let size: { width: number; height: number } | undefined;
  let orientation: Orientation | undefined;
  let scans = 0;
  for (const { marker, data } of segmentsOf(bytes, name)) {
    if (marker === APP1 && orientation === undefined && startsWith(data, EXIF_MARK)) {
      orientation = exifOrientation(data);
    } else if (FRAMES.includes(marker)) {
      if (size) throw damaged(name, 'it has two frames');
      size = checkFrame(data, name);
    } else if (marker in OTHER_FRAMES) {
      throw new UserError(
        `${name}: a JPEG ${OTHER_FRAMES[marker]}, which is not read; save it as an ordinary JPEG`,
      );
    } else if (marker === SOS) {
      if (!size) throw damaged(name, 'a scan comes before the size');
      scans++;
    } else if (marker === EOI) {
      if (!size || scans === 0) throw damaged(name, 'it has no picture');
      const { width, height } = size;
      if (scans > MAX_SCANS || (scans > 1 && scans * width * height > MAX_SCANNED_PIXELS)) {
        throw new UserError(
          `${name}: a JPEG of ${width} × ${height} in ${scans} scans; at most ${MAX_SCANS} scans, and ` +
            `${MAX_SCANNED_PIXELS} pixels in all of them, are accepted; save it as a baseline JPEG`,
        );
      }
      return { width, height, orientation: orientation ?? 1 };
    }
  }
  throw damaged(name, 'it is cut short');
}

interface Segment {
  marker: number;
  /** Without marker and length. */
  data: Uint8Array;
}

/** The segments from the start to the end of the picture. Ends without the marker EOI if the file is cut short. */
function* segmentsOf(bytes: Uint8Array, name: string): Generator<Segment> {
  const nothing = bytes.subarray(0, 0);
  if (bytes[0] !== 0xff || bytes[1] !== SOI) throw damaged(name, 'it does not begin like one');
  let at = 2;
  while (at + 1 < bytes.length) {
    if (bytes[at] !== 0xff) throw damaged(name, `expected a marker at byte ${at}`);
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === EOI) {
      yield { marker, data: nothing };
      return;
    }
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= SOI)) {
      throw damaged(name, `an unexpected marker at byte ${at}`);
    }
    if (at + 4 > bytes.length) return;
    const end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
    if (end < at + 4) throw damaged(name, `the length of a segment at byte ${at} makes no sense`);
    if (end > bytes.length) return;
    yield { marker, data: bytes.subarray(at + 4, end) };
    at = marker === SOS ? endOfScan(bytes, end) : end;
  }
}

/** The marker after the coded data of a scan. In the data, 0xff is followed by 0 or by a restart marker. */
function endOfScan(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0xff, start); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== undefined && next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}

function checkFrame(data: Uint8Array, name: string): { width: number; height: number } {
  const components = data[5];
  if (data.length < 6 || data.length !== 6 + 3 * components) {
    throw damaged(name, 'its header makes no sense');
  }
  if (data[0] !== 8) {
    throw new UserError(`${name}: a JPEG with ${data[0]} bits a sample; save it with 8`);
  }
  if (components === 4) {
    throw new UserError(`${name}: a JPEG in the colours of print (CMYK); save it in RGB or in grey`);
  }
  if (components !== 1 && components !== 3) {
    throw damaged(name, `it has ${components} colour components`);
  }
  return sizeIn(data);
}

function sizeIn(data: Uint8Array): { width: number; height: number } {
  if (data.length < 6) return { width: 0, height: 0 };
  return { height: (data[1] << 8) | data[2], width: (data[3] << 8) | data[4] };
}

function startsWith(data: Uint8Array, text: string): boolean {
  return [...text].every((letter, i) => data[i] === letter.charCodeAt(0));
}

function damaged(name: string, what: string): UserError {
  return new UserError(`${name}: a damaged JPEG file: ${what}`);
}
