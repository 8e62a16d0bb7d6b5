/** The elements of a NumPy array, row by row, from a stream of bytes. */
import { halfToNumber } from '../../../half.js';
import { UserError } from '../../../user-error.js';
import { utf8Text } from '../utf8-text.js';
import { cutShort, headerEnd, type NpyHeader, PREAMBLE_BYTES, readNpyHeader } from './npy-header.js';

/** The bytes of an array, which can be read several times. */
export interface ArrayBytes {
  /** For messages: `digits.npz/x_train`. */
  where: string;
  /** Bytes. */
  size: number;
  chunks(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** In Fortran's order the elements of a row lie apart, so all must be in memory. */
const MAX_FORTRAN_BYTES = 2 ** 31;

/** Takes pieces of given lengths from chunks of any length. */
class Pieces {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #where: string;
  #rest: Uint8Array = new Uint8Array(0);

  constructor({ where, chunks }: ArrayBytes, signal?: AbortSignal) {
    this.#chunks = chunks(signal)[Symbol.asyncIterator]();
    this.#where = where;
  }

  /** Up to `most` bytes; fewer only at the end. */
  async upTo(most: number): Promise<Uint8Array> {
    if (this.#rest.length >= most) return this.#taken(most);
    const parts = [this.#rest];
    let length = this.#rest.length;
    while (length < most) {
      const next = await this.#chunks.next();
      if (next.done) break;
      parts.push(next.value);
      length += next.value.length;
    }
    this.#rest = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    return this.#taken(Math.min(most, length));
  }

  async exactly(length: number): Promise<Uint8Array> {
    const bytes = await this.upTo(length);
    if (bytes.length === length) return bytes;
    throw new UserError(
      `${this.#where}: the array is cut short: ${length} more bytes were expected where only ${bytes.length} are; copy or save it again`,
    );
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #taken(length: number): Uint8Array {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}

/** @throws UserError as readNpyHeader */
export async function headerOf(array: ArrayBytes): Promise<NpyHeader> {
  const pieces = new Pieces(array);
  try {
    return await takeHeader(pieces, array);
  } finally {
    await pieces.close();
  }
}

async function takeHeader(pieces: Pieces, { where, size }: ArrayBytes): Promise<NpyHeader> {
  const start = await pieces.upTo(PREAMBLE_BYTES);
  const end = headerEnd(start, where);
  if (end > size) throw cutShort(where, size, `its header alone needs ${end}`);
  // The header of version 1 may end before the longest preamble does; then it is damaged.
  const rest = end > start.length ? await pieces.exactly(end - start.length) : new Uint8Array(0);
  return readNpyHeader(Buffer.concat([start, rest]), size, where);
}

/**
 * The rows of an array of numbers: for each first index its elements, in C's order.
 * @returns each row in the same memory as the one before
 * @throws UserError if the bytes are damaged, and for text
 */
export async function* numberRows(array: ArrayBytes, signal?: AbortSignal): AsyncGenerator<Float64Array> {
  const pieces = new Pieces(array, signal);
  try {
    const header = await takeHeader(pieces, array);
    const read = numberReader(header, array.where);
    const { shape, count, itemBytes, fortranOrder } = header;
    const [rows = 1, ...inner] = shape;
    const row = new Float64Array(rows === 0 ? 0 : count / rows);
    if (fortranOrder && inner.length > 0) {
      const places = fortranPlaces(rows, inner, itemBytes);
      const all = viewOf(await allElements(pieces, header, array.where));
      for (let n = 0; n < rows; n++) {
        for (let i = 0; i < row.length; i++) row[i] = read(all, places[i] + n * itemBytes);
        yield row;
      }
      return;
    }
    for (let n = 0; n < rows; n++) {
      const view = viewOf(await pieces.exactly(row.length * itemBytes));
      for (let i = 0; i < row.length; i++) row[i] = read(view, i * itemBytes);
      yield row;
    }
  } finally {
    await pieces.close();
  }
}

/**
 * Text in an array [N] or [N, 1].
 * @throws UserError if the bytes are damaged, or text that is not UTF-8
 */
export async function* textRows(array: ArrayBytes, signal?: AbortSignal): AsyncGenerator<string> {
  const pieces = new Pieces(array, signal);
  try {
    const { type, count, itemBytes, littleEndian } = await takeHeader(pieces, array);
    for (let n = 0; n < count; n++) {
      const bytes = await pieces.exactly(itemBytes);
      yield type === 'U'
        ? fromUtf32(viewOf(bytes), littleEndian)
        : fromBytes(bytes, `${array.where}:${n + 1}`);
    }
  } finally {
    await pieces.close();
  }
}

async function allElements(
  pieces: Pieces,
  { count, itemBytes }: NpyHeader,
  where: string,
): Promise<Uint8Array> {
  const bytes = count * itemBytes;
  if (bytes > MAX_FORTRAN_BYTES) {
    throw new UserError(
      `${where}: an array of ${bytes} bytes in Fortran's order must be in memory as a whole; at most ${MAX_FORTRAN_BYTES} are ` +
        'accepted; save np.ascontiguousarray(array)',
    );
  }
  return pieces.exactly(bytes);
}

/** Byte offsets of the elements of row 0, in C's order. @param inner the shape without its first index */
function fortranPlaces(rows: number, inner: readonly number[], itemBytes: number): Float64Array {
  const places = new Float64Array(inner.reduce((product, length) => product * length, 1));
  for (let i = 0; i < places.length; i++) {
    let rest = i;
    let stride = places.length * rows;
    for (let axis = inner.length - 1; axis >= 0; axis--) {
      stride /= inner[axis];
      places[i] += (rest % inner[axis]) * stride * itemBytes;
      rest = Math.floor(rest / inner[axis]);
    }
  }
  return places;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

type ReadNumber = (view: DataView, at: number) => number;

function numberReader({ type, itemBytes, littleEndian: le }: NpyHeader, where: string): ReadNumber {
  const readers: Readonly<Record<string, ReadNumber>> = {
    b1: (view, at) => (view.getUint8(at) ? 1 : 0),
    u1: (view, at) => view.getUint8(at),
    u2: (view, at) => view.getUint16(at, le),
    u4: (view, at) => view.getUint32(at, le),
    u8: (view, at) => Number(view.getBigUint64(at, le)),
    i1: (view, at) => view.getInt8(at),
    i2: (view, at) => view.getInt16(at, le),
    i4: (view, at) => view.getInt32(at, le),
    i8: (view, at) => Number(view.getBigInt64(at, le)),
    f2: (view, at) => halfToNumber(view.getUint16(at, le)),
    f4: (view, at) => view.getFloat32(at, le),
    f8: (view, at) => view.getFloat64(at, le),
  };
  const reader = readers[`${type}${itemBytes}`];
  if (reader) return reader;
  throw new UserError(
    `${where}: expected numbers, found text; are pictures and labels in each other's place?`,
  );
}

function fromUtf32(view: DataView, littleEndian: boolean): string {
  let text = '';
  for (let at = 0; at < view.byteLength; at += 4) {
    const point = view.getUint32(at, littleEndian);
    text += point <= 0x10ffff ? String.fromCodePoint(point) : '\uFFFD';
  }
  return text.replace(/\0+$/, '');
}

function fromBytes(bytes: Uint8Array, where: string): string {
  return utf8Text(bytes, where, 'save np.char.decode(labels, its encoding)').replace(/\0+$/, '');
}
