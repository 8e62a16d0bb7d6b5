/**
 * Reads and writes safetensors files: the length of the header (8 bytes, little-endian), the header (JSON), and the
 * values of all tensors without gaps (little-endian, row-major). Format: https://github.com/huggingface/safetensors.
 *
 * Files may be hostile. The reader checks every size against the length of the file before it allocates memory, and
 * tensors must cover the data exactly once. Reading takes about as much memory as the file.
 */

import { UserError } from '../../user-error.js';
import { requireBytes } from '../argument.js';
import { quote } from '../quotation.js';
import {
  FORBIDDEN_NAME,
  type HeaderEntry,
  MAX_DIMENSIONS,
  MAX_NAMES,
  METADATA_NAME,
  parseHeader,
} from './safetensors-header.js';

/** The values of a tensor. F16 and BF16 are raw bits in a Uint16Array, BOOL is 0 or 1 in a Uint8Array. */
export type TensorValues =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

type ArrayType = { new (buffer: ArrayBuffer): TensorValues; readonly BYTES_PER_ELEMENT: number };

/** In the order of the safetensors library's `Dtype`. Its writer, and ours, sort tensors by it in descending order. */
const ARRAY_TYPES = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  U16: Uint16Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
} as const satisfies Record<string, ArrayType>;

/** The supported element types. */
export type Dtype = keyof typeof ARRAY_TYPES;

const DTYPES = Object.keys(ARRAY_TYPES) as Dtype[];
/** Candidates for the element type of a typed array without `dtype`. */
const DEFAULT_DTYPES = DTYPES.filter((dtype) => !['BOOL', 'F16', 'BF16'].includes(dtype));

/** A tensor that was read. `data` has the number of elements of `shape`, in row-major order. */
export interface Tensor {
  /** Type of the elements. */
  dtype: Dtype;
  /** Dimensions; [] for a single value. */
  shape: number[];
  /** A copy of the elements. */
  data: TensorValues;
}

/** A tensor to write. Without `dtype`, the type of `data` decides. */
export interface TensorToWrite {
  /** One of Dtype. Default: F32 for a Float32Array, and so on; F16, BF16 and BOOL must be named. */
  dtype?: string;
  /** Dimensions, whole numbers from 0. */
  shape: readonly number[];
  /** As many values as the product of the shape, in row-major order. */
  data: TensorValues;
}

/** Longer headers are refused. Those of PyTorch's largest models are below 2 MiB. */
export const MAX_HEADER_BYTES = 16 * 2 ** 20;
/** Bytes of the header's length, which begin a file. */
export const LENGTH_BYTES = 8;

/**
 * Reads a safetensors file.
 *
 * @param bytes the whole file; every tensor is a copy, because tensors in a file may be unaligned
 * @param name how messages name the file
 * @returns tensors in the order of their values in the file
 * @throws UserError, with the byte or the tensor, if the file is not a valid safetensors file
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * import { readSafetensors } from 'scanstroke';
 *
 * const { tensors, metadata } = readSafetensors(await readFile('runs/my-run/best.safetensors'));
 * console.log(tensors.get('fc.weight')?.shape, metadata.classes); // [K, features], JSON text
 */
export function readSafetensors(
  bytes: Uint8Array,
  name = 'safetensors',
): { tensors: Map<string, Tensor>; metadata: Record<string, string> } {
  const header = headerOf(bytes, name);
  const tensors = new Map(header.entries.map((entry) => [entry.name, tensorIn(bytes, header, entry)]));
  return { tensors, metadata: header.metadata };
}

/** The header of a file, checked against the length of the file. */
export interface SafetensorsHeader {
  /** The tensors in the order of their values in the file. */
  entries: readonly HeaderEntry[];
  metadata: Record<string, string>;
  /** Where the values begin. */
  dataStart: number;
}

/** The header of a whole file in memory. @throws UserError as readSafetensors */
export function headerOf(bytes: Uint8Array, name: string): SafetensorsHeader {
  requireBytes(`${name}: the content of the file`, bytes);
  const end = headerEnd(bytes, bytes.length, name);
  const header = new Uint8Array(end - LENGTH_BYTES);
  header.set(bytes.subarray(LENGTH_BYTES, end));
  return checkedHeader(header, bytes.length, name);
}

/**
 * Parses the bytes between the length and the values.
 * @param size bytes of the file
 * @throws UserError if the header is damaged, or the tensors do not fit the file
 */
export function checkedHeader(header: Uint8Array, size: number, name: string): SafetensorsHeader {
  const dataStart = LENGTH_BYTES + header.length;
  const { entries, metadata } = parseHeader(header, name, LENGTH_BYTES);
  return { entries: checkTensors(entries, size - dataStart, name), metadata, dataStart };
}

/** A copy of a tensor of a file in memory. */
export function tensorIn(bytes: Uint8Array, { dataStart }: SafetensorsHeader, entry: HeaderEntry): Tensor {
  const copy = new Uint8Array(entry.end - entry.start);
  copy.set(bytes.subarray(dataStart + entry.start, dataStart + entry.end));
  return tensorFrom(copy, entry);
}

/** @param bytes the tensor's alone; they become its data. @param entry of a SafetensorsHeader */
export function tensorFrom(bytes: Uint8Array<ArrayBuffer>, { dtype, shape }: HeaderEntry): Tensor {
  return { dtype: dtype as Dtype, shape, data: new ARRAY_TYPES[dtype as Dtype](bytes.buffer) };
}

/**
 * Where the header ends.
 * @param start at least the first 8 bytes of the file, or all if there are fewer
 * @param size bytes of the file
 * @throws UserError if the header is longer than the file, or than 16 MiB
 */
export function headerEnd(start: Uint8Array, size: number, name: string): number {
  if (size < LENGTH_BYTES) {
    throw new UserError(
      `${name}: not a safetensors file: expected at least ${LENGTH_BYTES} bytes, found ${size}`,
    );
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(size - LENGTH_BYTES)) {
    throw new UserError(
      `${name}: not a safetensors file, or cut short: its first 8 bytes announce a header of ${length} bytes, ` +
        `but only ${size - LENGTH_BYTES} bytes follow`,
    );
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new UserError(
      `${name}: the safetensors header is ${length} bytes long; at most ${MAX_HEADER_BYTES} are accepted`,
    );
  }
  return LENGTH_BYTES + Number(length);
}

/**
 * Checks the tensors in a header against the data.
 * @param available bytes of data behind the header
 * @returns the entries in the order of their values in the file
 * @throws UserError naming the tensor that does not fit its offsets, or the bytes that belong to none or to several
 */
function checkTensors(entries: readonly HeaderEntry[], available: number, name: string): HeaderEntry[] {
  for (const entry of entries) checkEntry(entry, available, name);
  const sorted = [...entries].sort((a, b) => a.start - b.start || a.end - b.end);
  checkCover(sorted, available, name);
  return sorted;
}

/** Checks that a header entry is consistent and that the tensor is inside the data. */
function checkEntry(
  { name: tensor, dtype, shape, start, end }: HeaderEntry,
  available: number,
  name: string,
) {
  const what = `${name}: tensor ${quote(tensor)}`;
  if (!Object.hasOwn(ARRAY_TYPES, dtype)) {
    throw new UserError(`${what} has dtype ${quote(dtype)}; known are ${DTYPES.join(', ')}`);
  }
  if (start > end) {
    throw new UserError(`${what} has reversed data_offsets: it starts at ${start} and ends at ${end}`);
  }
  if (end > available) {
    throw new UserError(
      `${what} ends at byte ${end} of the data, but the file holds ${available}; it may be cut short`,
    );
  }
  const width = ARRAY_TYPES[dtype as Dtype].BYTES_PER_ELEMENT;
  const size = elementCount(shape) * width;
  if (size !== end - start) {
    throw new UserError(
      `${what} has shape [${shape.join(', ')}] × ${width} bytes (${dtype}) = ` +
        `${size < 2 ** 53 ? size : 'more than 2^53'} bytes, but data_offsets [${start}, ${end}] span ${end - start}`,
    );
  }
}

/** Checks that every byte of the data belongs to exactly one tensor. `entries` are sorted by their start. */
function checkCover(entries: HeaderEntry[], available: number, name: string) {
  let covered = 0;
  let previous = '';
  for (const { name: tensor, start, end } of entries) {
    if (start < covered) {
      throw new UserError(
        `${name}: tensors ${quote(previous)} and ${quote(tensor)} overlap: ` +
          `the first ends at byte ${covered} of the data, the second starts at ${start}`,
      );
    }
    if (start > covered) {
      throw new UserError(
        `${name}: bytes ${covered} to ${start} of the data, before tensor ${quote(tensor)}, belong to no tensor`,
      );
    }
    covered = end;
    previous = tensor;
  }
  if (covered !== available) {
    throw new UserError(
      `${name}: the tensors take ${covered} bytes, but the file holds ${available} bytes of data`,
    );
  }
}

/** Product of the dimensions; Infinity if a partial product reaches 2⁵³, even if a later dimension is 0. */
function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dimension of shape) {
    count *= dimension;
    if (count >= 2 ** 53) return Number.POSITIVE_INFINITY;
  }
  return count;
}

/**
 * Writes a safetensors file with the same bytes as the safetensors library: element types of larger alignment first,
 * then by name; the header is padded with spaces to a multiple of 8. So every tensor is aligned.
 * @param tensors by name
 * @param metadata texts by name
 * @returns the whole file
 * @throws UserError if a tensor's data does not match its shape or dtype, or a name cannot be written
 *
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { writeSafetensors } from 'scanstroke';
 *
 * const bytes = writeSafetensors(new Map([['w', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]]));
 * await writeFile('w.safetensors', bytes);
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const texts = Object.entries(metadata);
  if (Math.max(tensors.size, texts.length) >= MAX_NAMES) {
    throw new UserError(
      `writeSafetensors: ${Math.max(tensors.size, texts.length)} tensors or metadata entries; at most ${MAX_NAMES - 1} are possible`,
    );
  }
  const sorted = [...tensors]
    .map(([name, tensor]) => ({ name, ...tensor, dtype: checkTensor(name, tensor) }))
    .sort((a, b) => DTYPES.indexOf(b.dtype) - DTYPES.indexOf(a.dtype) || byCodePoints(a.name, b.name));

  const members: string[] = [];
  if (texts.length > 0) {
    members.push(`"${METADATA_NAME}":{${texts.map(([key, text]) => metadataMember(key, text)).join(',')}}`);
  }
  let dataLength = 0;
  for (const { name, dtype, shape, data } of sorted) {
    const end = dataLength + data.byteLength;
    members.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [dataLength, end] })}`,
    );
    dataLength = end;
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const headerLength = Math.ceil(text.length / 8) * 8;
  if (headerLength > MAX_HEADER_BYTES) {
    throw new UserError(
      `writeSafetensors: the header would be ${headerLength} bytes long; at most ${MAX_HEADER_BYTES} are possible`,
    );
  }

  const file = new Uint8Array(LENGTH_BYTES + headerLength + dataLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.set(text, LENGTH_BYTES);
  file.fill(0x20, LENGTH_BYTES + text.length, LENGTH_BYTES + headerLength);
  let at = LENGTH_BYTES + headerLength;
  for (const { data } of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/** Refuses a tensor that the reader would refuse. Returns the element type to write. */
function checkTensor(name: string, { dtype, shape, data }: TensorToWrite): Dtype {
  const what = `writeSafetensors: tensor ${quote(name)}`;
  checkName(name, what);
  const deduced = DEFAULT_DTYPES.find((candidate) => data instanceof ARRAY_TYPES[candidate]);
  const chosen = dtype ?? deduced;
  if (deduced === undefined || chosen === undefined) {
    throw new UserError(`${what} must hold a typed array of ${DTYPES.join(', ')}, found ${typeof data}`);
  }
  if (!Object.hasOwn(ARRAY_TYPES, chosen) || !(data instanceof ARRAY_TYPES[chosen as Dtype])) {
    throw new UserError(`${what} cannot be written as ${quote(chosen)} from a ${data.constructor.name}`);
  }
  if (shape.length > MAX_DIMENSIONS || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new UserError(
      `${what} has shape [${shape.join(', ')}]; expected up to ${MAX_DIMENSIONS} whole numbers from 0`,
    );
  }
  if (elementCount(shape) !== data.length) {
    throw new UserError(
      `${what} has shape [${shape.join(', ')}] = ${elementCount(shape)} elements, but ${data.length} values`,
    );
  }
  return chosen as Dtype;
}

function checkName(name: string, what: string) {
  if (name === METADATA_NAME || name === FORBIDDEN_NAME || /\p{Cs}/u.test(name)) {
    throw new UserError(`${what}: a file cannot contain this name; choose another name`);
  }
}

function metadataMember(key: string, text: string): string {
  const what = `writeSafetensors: metadata ${quote(key)}`;
  if (key === FORBIDDEN_NAME || /\p{Cs}/u.test(key))
    throw new UserError(`${what}: a file cannot contain this name; choose another name`);
  if (typeof text !== 'string' || /\p{Cs}/u.test(text)) {
    throw new UserError(`${what} must be well-formed text, found ${quote(String(text))}`);
  }
  return `${JSON.stringify(key)}:${JSON.stringify(text)}`;
}

/** Compares by code points, which is the order of UTF-8 bytes. JavaScript's `<` compares UTF-16 units. */
function byCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i].codePointAt(0) ?? 0) - (right[i].codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
