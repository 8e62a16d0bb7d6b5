/**
 * The header of a NumPy array file (.npy, format versions 1 to 3; numpy.lib.format): element type, order and shape. Objects
 * are pickles, which can run code, so they are refused.
 */
import { describeContent } from '../../../formats/content.js';
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';

export interface NpyHeader {
  shape: number[];
  /** Whether the first index runs fastest. */
  fortranOrder: boolean;
  /** NumPy's letter: b bool, i and u integers, f floats, S bytes, U letters of 4 bytes. */
  type: 'b' | 'i' | 'u' | 'f' | 'S' | 'U';
  itemBytes: number;
  littleEndian: boolean;
  /** Where the elements begin. */
  dataAt: number;
  /** Product of the shape. */
  count: number;
}

/** Bytes of magic, version and length of the longest preamble. */
export const PREAMBLE_BYTES = 12;
/** Magic, version and the length of the header in version 1. */
const LEAST_BYTES = 10;
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAX_NPY_HEADER_BYTES = 65_536;
const MAX_DIMENSIONS = 8;
/** Letters of a label. */
const MAX_TEXT = 200;
const SIZES: Readonly<Record<NpyHeader['type'], readonly number[]>> = {
  b: [1],
  i: [1, 2, 4, 8],
  u: [1, 2, 4, 8],
  f: [2, 4, 8],
  S: [],
  U: [],
};

/**
 * Where the elements begin.
 * @param start the first PREAMBLE_BYTES bytes, or all if there are fewer
 * @throws UserError if this is no .npy file, or its header is longer than 64 KB
 */
export function headerEnd(start: Uint8Array, where: string): number {
  const isCutMagic =
    start.length > 0 &&
    start.length < LEAST_BYTES &&
    MAGIC.every((byte, n) => n >= start.length || start[n] === byte);
  if (isCutMagic) throw cutShort(where, start.length, `the shortest header needs ${LEAST_BYTES}`);
  if (MAGIC.some((byte, n) => start[n] !== byte) || start.length < LEAST_BYTES) {
    throw new UserError(`${where}: expected an array of NumPy (.npy), found ${describeContent(start)}`);
  }
  const version = start[6];
  if (version < 1 || version > 3) {
    throw new UserError(`${where}: expected version 1, 2 or 3 of the .npy format, found ${version}`);
  }
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (version > 1 && start.length < PREAMBLE_BYTES) {
    throw cutShort(where, start.length, `the start of its header needs ${PREAMBLE_BYTES}`);
  }
  const [at, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > MAX_NPY_HEADER_BYTES) {
    throw new UserError(
      `${where}: its header has ${length} bytes; at most ${MAX_NPY_HEADER_BYTES} are accepted`,
    );
  }
  return at + length;
}

/**
 * @param bytes the file up to `headerEnd`
 * @param size of the whole file
 * @throws UserError for a header that makes no sense, objects, another element type, and a shape that does not fit the size
 */
export function readNpyHeader(bytes: Uint8Array, size: number, where: string): NpyHeader {
  const dataAt = headerEnd(bytes.subarray(0, PREAMBLE_BYTES), where);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .subarray(bytes[6] === 1 ? 10 : 12, dataAt)
    .toString('utf8');
  const descr = /'descr'\s*:\s*('([^']{1,20})'|\[)/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const sizes = /'shape'\s*:\s*\(([\d,\sL]{0,200})\)/.exec(text);
  if (bytes.length < dataAt || !descr || !order || !sizes) {
    throw new UserError(
      `${where}: expected a header with descr, fortran_order and shape, found ${quote(text.trim(), 60)}; the file is damaged`,
    );
  }
  const type = elementType(descr[2] ?? '[', where);
  const shape = sizes[1]
    .split(',')
    .flatMap((word) => (word.trim() === '' ? [] : [Number.parseInt(word, 10)]));
  const count = shape.reduce((product, length) => product * length, 1);
  if (shape.length > MAX_DIMENSIONS) {
    throw new UserError(
      `${where}: it has ${shape.length} dimensions; at most ${MAX_DIMENSIONS} are accepted`,
    );
  }
  const needed = dataAt + count * type.itemBytes;
  if (needed > size) {
    const element = type.itemBytes === 1 ? '1 byte' : `${type.itemBytes} bytes`;
    throw cutShort(where, size, `its shape [${shape.join(', ')}] with ${element} each needs ${needed}`);
  }
  if (needed < size) {
    throw new UserError(
      `${where}: its shape [${shape.join(', ')}] of ${type.itemBytes} bytes each needs ${needed} bytes, the array has ${size}; it is ` +
        'damaged, or several arrays follow each other: save each in a file',
    );
  }
  return { shape, count, fortranOrder: order[1] === 'True', dataAt, ...type };
}

/**
 * Where the pickle of an array of objects begins.
 * @param bytes the whole file
 * @throws UserError if this is no .npy file, or its elements are no objects
 */
export function objectsStart(bytes: Uint8Array, where: string): number {
  const dataAt = headerEnd(bytes.subarray(0, PREAMBLE_BYTES), where);
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, dataAt));
  if (bytes.length >= dataAt && /'descr'\s*:\s*'[|<>=]?O\d*'/.test(text)) return dataAt;
  throw new UserError(`${where}: expected an array of sketches, found ${quote(text.slice(10).trim(), 60)}`);
}

/** @param needs what needs how many bytes: `its header alone needs 128` */
export function cutShort(where: string, size: number, needs: string): UserError {
  return new UserError(
    `${where}: the array is cut short: it has ${size} bytes, ${needs}; copy or save it again`,
  );
}

function elementType(descr: string, where: string): Pick<NpyHeader, 'type' | 'itemBytes' | 'littleEndian'> {
  const found = /^([<>|=]?)([a-zA-Z])(\d*)$/.exec(descr);
  const letter = found?.[2];
  if (letter === 'O') {
    throw new UserError(
      `${where}: its elements are pickled Python objects, which are not read because they can run code; save numbers or text, ` +
        'as np.save(file, array.astype(np.uint8)) and np.save(file, labels.astype(str)) do',
    );
  }
  const type = letter as NpyHeader['type'];
  const number = Number(found?.[3] ?? Number.NaN);
  const isText = type === 'S' || type === 'U';
  const isKnown = isText ? number >= 1 && number <= MAX_TEXT : SIZES[type]?.includes(number);
  if (!found || !isKnown) {
    throw new UserError(
      `${where}: expected numbers (bool, int, uint, float16 to float64) or text, found the type ${quote(descr)}; save ` +
        'array.astype(np.uint8), or labels.astype(str)',
    );
  }
  return { type, itemBytes: type === 'U' ? 4 * number : number, littleEndian: found[1] !== '>' };
}
