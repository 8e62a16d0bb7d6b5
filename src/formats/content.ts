/**
 * Recognises the content of a file by its first bytes, whatever its name says, and names it in messages: `a PDF`, `text
 * beginning with "Dear reader"`, `binary data beginning with 7f 45 4c 46`.
 */
import { quote } from './quotation.js';

/** How a kind of file is named, and the bytes that it has at an offset; null for any byte. */
const SIGNATURES: readonly [name: string, offset: number, bytes: string | readonly (number | null)[]][] = [
  ['a PNG picture', 0, '\x89PNG\r\n\x1a\n'],
  ['a JPEG picture', 0, '\xff\xd8\xff'],
  ['a WebP picture', 0, [...ascii('RIFF'), null, null, null, null, ...ascii('WEBP')]],
  ['a GIF picture', 0, 'GIF8'],
  ['a BMP picture', 0, [...ascii('BM'), null, null, null, null, 0, 0, 0, 0]],
  ['a TIFF picture', 0, 'II*\0'],
  ['a TIFF picture', 0, 'MM\0*'],
  ['a HEIC picture', 4, 'ftyphei'],
  ['a HEIC picture', 4, 'ftypmif1'],
  ['an AVIF picture', 4, 'ftypavif'],
  ['a JPEG XL picture', 0, '\xff\x0a'],
  ['a JPEG XL picture', 4, 'JXL \r\n'],
  ['a video', 4, 'ftyp'],
  ['a PDF', 0, '%PDF'],
  ['a ZIP archive', 0, 'PK\x03\x04'],
  ['a ZIP archive', 0, 'PK\x05\x06'],
  ['a 7z archive', 0, "7z\xbc\xaf'\x1c"],
  ['a RAR archive', 0, 'Rar!\x1a\x07'],
  ['xz data', 0, '\xfd7zXZ\0'],
  ['bzip2 data', 0, 'BZh'],
  ['zstd data', 0, '\x28\xb5\x2f\xfd'],
  ['gzip data', 0, '\x1f\x8b'],
  ['a tar archive', 257, 'ustar'],
  ['a checkpoint (safetensors)', 4, '\0\0\0\0{'],
  ['an HDF5 file, as Keras writes (.h5)', 0, '\x89HDF\r\n\x1a\n'],
  ['a GGUF file', 0, 'GGUF'],
  ['a TensorFlow Lite model', 4, 'TFL3'],
  ['a TensorFlow SavedModel (.pb)', 0, '\x08\x01\x12'],
  ['a NumPy array (.npy)', 0, '\x93NUMPY'],
  ['a Python pickle', 0, '\x80\x02'],
  ['a Python pickle', 0, '\x80\x03'],
  ['a Python pickle', 0, '\x80\x04'],
  ['a Python pickle', 0, '\x80\x05'],
];

/** First letters of text that has a name. */
const MARKUP: readonly [name: string, start: RegExp][] = [
  ['an SVG drawing', /^(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg[\s>]/i],
  ['HTML', /^(<!--[\s\S]*?-->\s*)?<(!doctype html|html|head|body)[\s>]/i],
  ['XML', /^<\?xml[\s?]/i],
];

/** Longest quotation of a text. */
const MAX_QUOTED = 40;
const MAX_SHOWN_BYTES = 4;

/**
 * Names the content of a file.
 * @param start the first bytes: 300 or more, or all
 * @returns with article, to follow `found`
 */
export function describeContent(start: Uint8Array): string {
  if (start.length === 0) return 'nothing (0 bytes)';
  const known = SIGNATURES.find(([, offset, bytes]) => hasAt(start, offset, bytes));
  if (known) return known[0];
  const text = textOf(start);
  if (text !== null) {
    const shown = text.trim();
    if (shown === '') return 'text without a letter';
    const markup = MARKUP.find(([, begin]) => begin.test(shown));
    return markup ? markup[0] : `text beginning with ${quote(shown.split('\n', 1)[0].trimEnd(), MAX_QUOTED)}`;
  }
  if (start.every((byte) => byte === 0)) return 'zero bytes only';
  const bytes = [...start.subarray(0, MAX_SHOWN_BYTES)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `binary data beginning with ${bytes.join(' ')}`;
}

/** Whether a file that begins like this can be JSON with an object or a list: `{` or `[`, after white space. */
export function beginsLikeJson(start: Uint8Array): boolean {
  const first = start.find((byte, at) => !isSpace(byte) && !(at < 3 && byte === BOM[at]));
  return first === undefined || first === 0x7b || first === 0x5b;
}

export function isPng(start: Uint8Array): boolean {
  return hasAt(start, 0, '\x89PNG\r\n\x1a\n');
}
export function isJpeg(start: Uint8Array): boolean {
  return hasAt(start, 0, '\xff\xd8\xff');
}
export function isWebp(start: Uint8Array): boolean {
  return hasAt(start, 0, 'RIFF') && hasAt(start, 8, 'WEBP');
}

const BOM = [0xef, 0xbb, 0xbf];

function ascii(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}

/** @param bytes each letter is a byte */
function hasAt(start: Uint8Array, offset: number, bytes: string | readonly (number | null)[]): boolean {
  const expected = typeof bytes === 'string' ? ascii(bytes) : bytes;
  return expected.every((byte, i) => byte === null || start[offset + i] === byte);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** The bytes as UTF-8; null if they are no text. The last character may be cut. */
function textOf(start: Uint8Array): string | null {
  if (start.some((byte) => byte < 0x20 && !isSpace(byte) && byte !== 0x1b)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: true });
  } catch {
    return null;
  }
}
