/**
 * Parses IDX files, the format of MNIST and its relatives: two zero bytes, a byte for the element type, a byte for the
 * number of dimensions, the dimensions as 32-bit integers, then the elements, all big-endian, row-major
 * (http://yann.lecun.com/exdb/mnist/). Every size is checked against the bytes that are there. idx-file.ts reads
 * compressed files.
 */

import { describeContent } from '../../formats/content.js';
import { UserError } from '../../user-error.js';

/** Element types by their code in the file. */
const TYPES = {
  8: { type: 'uint8', width: 1 },
  9: { type: 'int8', width: 1 },
  11: { type: 'int16', width: 2 },
  12: { type: 'int32', width: 4 },
  13: { type: 'float32', width: 4 },
  14: { type: 'float64', width: 8 },
} as const;

export type IdxType = (typeof TYPES)[keyof typeof TYPES]['type'];

/** An array from an IDX file: as many elements as `shape` says, row-major, in the machine's byte order. */
export interface IdxArray {
  type: IdxType;
  shape: number[];
  data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

/** The contents of the header. */
export interface IdxHeader {
  type: IdxType;
  /** Bytes per element. */
  width: number;
  shape: number[];
  headerBytes: number;
  /** Size of the whole file. */
  totalBytes: number;
}

/** Images have at most 4; the format allows 255. */
const MAX_DIMENSIONS = 8;

/**
 * Reads the first bytes of an IDX file.
 * @param bytes the file, or at least its first 36 bytes
 * @param name how messages name the file
 * @throws UserError naming the byte
 */
export function parseIdxHeader(bytes: Uint8Array, name: string): IdxHeader {
  if (bytes.length < 4) {
    throw new UserError(`${name}: not an IDX file: expected at least 4 bytes, found ${bytes.length}`);
  }
  const [zero0, zero1, code, dimensions] = bytes;
  if (zero0 !== 0 || zero1 !== 0) {
    throw new UserError(
      `${name}: not an IDX file: expected it to begin with two zero bytes, found ${describeContent(bytes)}`,
    );
  }
  if (!Object.hasOwn(TYPES, code)) {
    throw new UserError(
      `${name}: byte 2: expected an IDX element type (8, 9, 11, 12, 13 or 14), found ${code}`,
    );
  }
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw new UserError(`${name}: byte 3: expected 1 to ${MAX_DIMENSIONS} dimensions, found ${dimensions}`);
  }
  const headerBytes = 4 + 4 * dimensions;
  if (bytes.length < headerBytes) {
    throw new UserError(
      `${name}: cut short: the IDX header with ${dimensions} dimensions has ${headerBytes} bytes, found ${bytes.length}`,
    );
  }
  const { type, width } = TYPES[code as keyof typeof TYPES];
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const shape: number[] = [];
  let elements = 1;
  for (let at = 4; at < headerBytes; at += 4) {
    const dimension = view.getUint32(at);
    if (dimension === 0) throw new UserError(`${name}: byte ${at}: a dimension is 0: the file holds nothing`);
    shape.push(dimension);
    elements *= dimension;
  }
  const totalBytes = headerBytes + elements * width;
  if (!Number.isSafeInteger(totalBytes)) {
    throw new UserError(`${name}: the shape ${shape.join(' × ')} is more than any file holds`);
  }
  return { type, width, shape, headerBytes, totalBytes };
}

/** @throws UserError if a file with this header has another size than the header says */
export function checkIdxSize(
  { type, width, shape, headerBytes, totalBytes }: IdxHeader,
  size: number,
  name: string,
): void {
  if (size === totalBytes) return;
  throw new UserError(
    `${name}: ${size < totalBytes ? 'cut short' : 'bytes left over'}: ${headerBytes} bytes of header and ` +
      `${shape.join(' × ')} × ${width} bytes (${type}) are ${totalBytes} bytes, but the file has ${size}`,
  );
}

/**
 * Parses an IDX file.
 * @param bytes the whole file, not compressed; one-byte elements are a view of it, others are copied
 * @param name how messages name the file
 * @throws UserError for anything that is not exactly an IDX file: cut short, bytes left over, sizes that overflow
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const header = parseIdxHeader(bytes, name);
  checkIdxSize(header, bytes.length, name);
  const { type, width, shape, headerBytes } = header;
  const elements = bytes.subarray(headerBytes);
  if (type === 'uint8') return { type, shape, data: elements };
  if (type === 'int8') {
    return { type, shape, data: new Int8Array(elements.buffer, elements.byteOffset, elements.length) };
  }
  const count = elements.length / width;
  const view = new DataView(elements.buffer, elements.byteOffset, elements.length);
  if (type === 'int16')
    return { type, shape, data: Int16Array.from({ length: count }, (_, i) => view.getInt16(2 * i)) };
  if (type === 'int32')
    return { type, shape, data: Int32Array.from({ length: count }, (_, i) => view.getInt32(4 * i)) };
  if (type === 'float32') {
    return { type, shape, data: Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i)) };
  }
  return { type, shape, data: Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i)) };
}

/** Whether the bytes begin like an IDX file that is not compressed. */
export function isIdx(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && Object.hasOwn(TYPES, bytes[2]);
}

/** Whether the bytes begin like a gzip file (RFC 1952). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}
