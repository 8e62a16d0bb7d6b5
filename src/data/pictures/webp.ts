/**
 * Reads the chunks of a WebP file, before anything is decoded: size, orientation, whether it is animated. (RFC 9649)
 */
import { UserError } from '../../user-error.js';
import { exifOrientation, type Orientation } from './exif.js';
import type { PhotoHeader } from './jpeg.js';

const ANIMATED = 0x02;
/** Lossless WebP: the first byte. */
const LOSSLESS_SIGNATURE = 0x2f;

/** The pixels that the file announces, 0 if these bytes do not tell. Checks nothing. */
export function announcedWebpPixels(bytes: Uint8Array): number {
  for (const { type, data } of chunksOf(bytes)) {
    const size = type === 'VP8X' ? canvasSize(data) : sizeOf(type, data);
    if (size) return size.width * size.height;
  }
  return 0;
}

/** @throws UserError if the file is damaged or cut short, or an animation */
export function readWebpHeader(bytes: Uint8Array, name: string): PhotoHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || view.getUint32(4, true) + 8 > bytes.length) throw damaged(name, 'it is cut short');
  let size: { width: number; height: number } | undefined;
  let canvas: { width: number; height: number } | undefined;
  let orientation: Orientation = 1;
  for (const { type, data } of chunksOf(bytes)) {
    if (type === 'VP8X') {
      if ((data[0] & ANIMATED) !== 0) throw animated(name);
      canvas = canvasSize(data);
    } else if (type === 'ANIM' || type === 'ANMF') {
      throw animated(name);
    } else if (type === 'EXIF') {
      orientation = exifOrientation(data);
    } else size ??= sizeOf(type, data);
  }
  if (!size) throw damaged(name, 'it has no picture');
  if (canvas && (canvas.width !== size.width || canvas.height !== size.height)) {
    throw damaged(name, 'its headers state two sizes');
  }
  return { ...size, orientation };
}

interface Chunk {
  type: string;
  data: Uint8Array;
}

/** The chunks that are complete. */
function* chunksOf(bytes: Uint8Array): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (at + 8 + length > bytes.length) return;
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    yield { type, data: bytes.subarray(at + 8, at + 8 + length) };
    at += 8 + length + (length % 2);
  }
}

function canvasSize(data: Uint8Array): { width: number; height: number } | undefined {
  if (data.length < 10) return undefined;
  const side = (at: number) => 1 + (data[at] | (data[at + 1] << 8) | (data[at + 2] << 16));
  return { width: side(4), height: side(7) };
}

/** The size in the header of a picture; undefined for other chunks. */
function sizeOf(type: string, data: Uint8Array): { width: number; height: number } | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (type === 'VP8 ' && data.length >= 10) {
    return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff };
  }
  if (type === 'VP8L' && data.length >= 5 && data[0] === LOSSLESS_SIGNATURE) {
    const bits = view.getUint32(1, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  return undefined;
}

function animated(name: string): UserError {
  return new UserError(`${name}: an animated WebP; save one of its pictures as a PNG, JPEG or WebP`);
}

function damaged(name: string, what: string): UserError {
  return new UserError(`${name}: a damaged WebP file: ${what}`);
}
