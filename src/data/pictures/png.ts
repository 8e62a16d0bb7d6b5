/**
 * Reads PNG files of pictures to recognise. Files are not trusted: the picture's size is checked before pixels are
 * inflated, inflation stops at the length of that size, and only the picture's chunks reach the decoder. Node.js only.
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { convertIndexedToRgb, decode } from 'fast-png';
import { describeContent, isPng } from '../../formats/content.js';
import { UserError } from '../../user-error.js';
import type { InputPicture } from '../inputs/input.js';
import { MAX_PICTURE_PIXELS } from '../inputs/prepare-picture.js';
import { exifOrientation } from './exif.js';
import { coloursOf, inkOf, type Rgba, uprightRgba } from './picture-ink.js';

/** 4096 × 4096 in four samples of 8 bits. */
const MAX_INFLATED_BYTES = 4096 * (4 * 4096 + 1);

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Samples of a pixel, by the colour type; 3 is a palette. */
const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** The number of pixels that the header announces, unchecked: an upper bound of the work. 0 if it is cut short. */
export function announcedPngPixels(bytes: Uint8Array): number {
  if (bytes.length < 24) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(16) * view.getUint32(20);
}

interface Header {
  width: number;
  height: number;
  /** Bytes of the inflated pixels. */
  inflatedBytes: number;
}

/**
 * Reads a PNG file.
 * @param channels 3 for colours as they are
 * @returns 0 is paper, 255 is ink
 * @throws UserError naming the file and what is wrong in it
 */
export function readPng(bytes: Uint8Array, name: string, channels = 1): Required<InputPicture> {
  const png = decodePng(bytes, name);
  const { width, height } = png;
  return channels === 3
    ? { width, height, channels, pixels: coloursOf(png) }
    : { width, height, channels: 1, pixels: inkOf(png) };
}

/**
 * Decodes a PNG file, and turns it upright.
 * @throws UserError naming the file and what is wrong in it
 */
export function decodePng(bytes: Uint8Array, name: string): Rgba {
  if (!isPng(bytes)) throw new UserError(`${name}: expected a PNG picture; found ${describeContent(bytes)}`);
  const chunks = chunksOf(bytes, name);
  const header = readHeader(chunks[0], name);
  const deflated = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data));
  let inflated: Buffer;
  try {
    inflated = inflateSync(deflated, { maxOutputLength: header.inflatedBytes });
  } catch (error) {
    throw new UserError(
      `${name}: its compressed pixels are damaged, or more than ${header.width} × ${header.height} (${(error as NodeJS.ErrnoException).code})`,
    );
  }
  if (inflated.length < header.inflatedBytes) {
    throw new UserError(
      `${name}: ${inflated.length} bytes of pixels, expected ${header.inflatedBytes}; it is cut short`,
    );
  }
  const palette = chunks.filter(({ type }) => type === 'PLTE' || type === 'tRNS');
  const exif = chunks.find(({ type }) => type === 'eXIf');
  const orientation = exif ? exifOrientation(exif.data) : 1;
  const safe = [chunks[0], ...palette, { type: 'IDAT', data: deflateSync(inflated, { level: 0 }) }, END];
  try {
    return uprightRgba(rgba(decode(Buffer.concat([SIGNATURE, ...safe.map(chunkBytes)]))), orientation);
  } catch (error) {
    throw new UserError(`${name}: not a PNG file that can be read: ${(error as Error).message}`);
  }
}

interface Chunk {
  type: string;
  data: Uint8Array;
}

const END: Chunk = { type: 'IEND', data: new Uint8Array() };

/** The chunks that make the picture, and its Exif data, in order; the header comes first. */
function chunksOf(bytes: Uint8Array, name: string): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  let at = SIGNATURE.length;
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) break;
    if (chunks.length === 0 && !(type === 'IHDR' && length === 13)) break;
    if (type === 'IEND') return chunks;
    if (['IHDR', 'PLTE', 'tRNS', 'IDAT', 'eXIf'].includes(type)) {
      chunks.push({ type, data: bytes.subarray(at + 8, at + 8 + length) });
    }
    if (chunks.length === 1) readHeader(chunks[0], name);
    at += 12 + length;
  }
  throw new UserError(`${name}: a damaged PNG file: it is cut short at byte ${Math.min(at, bytes.length)}`);
}

function readHeader({ data }: Chunk, name: string): Header {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, type, compression, filter, interlace] = data.subarray(8);
  if (width < 1 || height < 1 || width * height > MAX_PICTURE_PIXELS) {
    throw new UserError(
      `${name}: a picture of ${width} × ${height}; from 1 × 1 to ${MAX_PICTURE_PIXELS} pixels (4096 × 4096) are accepted`,
    );
  }
  if (!DEPTHS[type]?.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    throw new UserError(`${name}: a damaged PNG file: its header makes no sense`);
  }
  const bytesOf = (w: number, h: number) =>
    w === 0 || h === 0 ? 0 : h * (1 + Math.ceil((w * depth * SAMPLES[type]) / 8));
  if (interlace === 1 && depth < 8) {
    throw new UserError(`${name}: interlaced with ${depth} bits a sample; save it without interlacing`);
  }
  const inflatedBytes = interlace === 0 ? bytesOf(width, height) : adam7(width, height, bytesOf);
  if (inflatedBytes > MAX_INFLATED_BYTES) {
    throw new UserError(
      `${name}: ${inflatedBytes} bytes of pixels; at most ${MAX_INFLATED_BYTES} are accepted`,
    );
  }
  return { width, height, inflatedBytes };
}

/** Bytes of the seven passes of an interlaced picture. */
function adam7(width: number, height: number, bytesOf: (w: number, h: number) => number): number {
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ];
  return passes.reduce(
    (sum, [x, y, dx, dy]) =>
      sum + bytesOf(Math.max(0, Math.ceil((width - x) / dx)), Math.max(0, Math.ceil((height - y) / dy))),
    0,
  );
}

/** The decoder skips checksums: zlib checked the inflated data. */
function chunkBytes({ type, data }: Chunk): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, Buffer.from(type, 'latin1'), data, Buffer.alloc(4)]);
}

type Decoded = ReturnType<typeof decode>;

/** A PNG picture of any colour type as 8 bits of red, green, blue and opacity. */
function rgba(png: Decoded): Rgba {
  const { width, height, transparency } = png;
  const { samples, channels, most } = samplesOf(png);
  const values = new Uint8Array(width * height * 4);
  const scale = 255 / most;
  const coloured = channels >= 3;
  const opacityAt = channels === 2 || channels === 4 ? channels - 1 : null;
  for (let i = 0; i < width * height; i++) {
    const [from, to] = [i * channels, i * 4];
    for (let c = 0; c < 3; c++) values[to + c] = Math.round(samples[coloured ? from + c : from] * scale);
    values[to + 3] = opacityAt === null ? 255 : Math.round(samples[from + opacityAt] * scale);
    if (transparency?.every((value, c) => samples[from + c] === value)) values[to + 3] = 0;
  }
  return { width, height, values };
}

/** All samples as numbers, and the largest possible value. */
function samplesOf(png: Decoded): { samples: ArrayLike<number>; channels: number; most: number } {
  const { width, height, data, channels, depth, palette } = png;
  if (palette) return { samples: convertIndexedToRgb(png), channels: palette[0].length, most: 255 };
  if (depth >= 8) return { samples: data, channels, most: 2 ** depth - 1 };
  // Several pixels in a byte, the first in the highest bits; every pixel row begins with a new byte.
  const stride = Math.ceil((width * depth) / 8);
  const mask = 2 ** depth - 1;
  const samples = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      samples[y * width + x] = (data[y * stride + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return { samples, channels, most: mask };
}
