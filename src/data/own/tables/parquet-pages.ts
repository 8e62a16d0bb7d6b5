/**
 * Checks the headers of the pages of a Parquet file before the package hyparquet decodes them: it allocates memory for as
 * many values as a header says. A page may hold no more values than the row group has rows, for columns without lists.
 * (Apache Parquet, PageHeader; Thrift's compact protocol)
 */
import type { AsyncBuffer, ColumnMetaData } from 'hyparquet';
import { UserError } from '../../../user-error.js';

/** Numbers of a page header. */
export interface PageHeader {
  /** 0 data, 1 index, 2 dictionary, 3 data of version 2. */
  type: number;
  unpackedBytes: number;
  packedBytes: number;
  /** Of data and dictionaries. */
  values: number;
  /** Where the page's bytes begin. */
  end: number;
}

const DICTIONARY_PAGE = 2;
/** Structs and lists in structs. */
const MAX_NESTED = 8;
/** Types of Thrift's compact protocol. */
const T = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
};

type Struct = Map<number, number | Struct>;

/** Reads the numbers of a struct, and steps over everything else. */
class CompactReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    [this.#bytes, this.at] = [bytes, at];
  }

  struct(depth = 0): Struct {
    const fields: Struct = new Map();
    if (depth > MAX_NESTED) throw new RangeError('nested too deep');
    for (let id = 0; ; ) {
      const byte = this.#byte();
      if (byte === 0) return fields;
      const delta = byte >> 4;
      id = delta === 0 ? this.#zigzag() : id + delta;
      const value = this.#value(byte & 15, depth);
      if (value !== null) fields.set(id, value);
    }
  }

  #value(type: number, depth: number): number | Struct | null {
    switch (type) {
      case T.true:
      case T.false:
        return null;
      case T.byte:
        return this.#byte();
      case T.i16:
      case T.i32:
      case T.i64:
        return this.#zigzag();
      case T.double:
        return this.#skip(8);
      case T.binary:
        return this.#skip(this.#varint());
      case T.list:
      case T.set: {
        const head = this.#byte();
        const count = head >> 4 === 15 ? this.#varint() : head >> 4;
        for (let n = 0; n < count; n++) {
          // A truth value in a list is a byte.
          const element = head & 15;
          this.#value(element === T.true || element === T.false ? T.byte : element, depth + 1);
        }
        return null;
      }
      case T.struct:
        return this.struct(depth + 1);
      default:
        throw new RangeError(`the type ${type} is unknown`);
    }
  }

  #skip(length: number): null {
    this.at += length;
    if (this.at > this.#bytes.length) throw new RangeError('it is cut short');
    return null;
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) throw new RangeError('it is cut short');
    return this.#bytes[this.at++];
  }

  #varint(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * shift;
      if (byte < 128) return value;
      if (shift > 2 ** 56) throw new RangeError('a number is too long');
    }
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

/** @throws RangeError if there is no page header at the place */
export function pageHeader(bytes: Uint8Array, at: number): PageHeader {
  const reader = new CompactReader(bytes, at);
  const fields = reader.struct();
  const numberIn = (from: Struct, id: number) => {
    const value = from.get(id);
    return typeof value === 'number' ? value : 0;
  };
  // The header of data, of a dictionary, of data of version 2.
  const details = [5, 7, 8].map((id) => fields.get(id)).find((found) => found instanceof Map);
  return {
    type: numberIn(fields, 1),
    unpackedBytes: numberIn(fields, 2),
    packedBytes: numberIn(fields, 3),
    values: details instanceof Map ? numberIn(details, 1) : 0,
    end: reader.at,
  };
}

/**
 * Checks the pages of one column of a row group.
 * @param rows of the row group
 * @throws UserError if a page has more values than the row group has rows, or lies outside of the column
 */
export async function checkPages(
  file: AsyncBuffer,
  column: ColumnMetaData,
  rows: number,
  where: string,
): Promise<void> {
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  const bytes = new Uint8Array(await file.slice(start, start + Number(column.total_compressed_size)));
  const name = column.path_in_schema.join('.');
  let left = rows;
  // The package stops one byte before the end, too.
  for (let at = 0; at < bytes.length - 1; ) {
    let header: PageHeader;
    try {
      header = pageHeader(bytes, at);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new UserError(
        `${where}: the header of a page of the column ${name}, at byte ${start + at}, is damaged: ${error.message}`,
      );
    }
    const { type, unpackedBytes, packedBytes, values, end } = header;
    if (!(packedBytes >= 0 && unpackedBytes >= 0 && end + packedBytes <= bytes.length)) {
      throw new UserError(
        `${where}: a page of the column ${name}, at byte ${start + at}, has ${packedBytes} bytes, of ${bytes.length - end} that are left of ` +
          'the column; the file is damaged',
      );
    }
    // A value of a dictionary has at least a byte.
    const most = type === DICTIONARY_PAGE ? unpackedBytes : left;
    if (!(values >= 0 && values <= most)) {
      throw new UserError(
        `${where}: a page of the column ${name}, at byte ${start + at}, should have ${values} values, where at most ${most} are possible; ` +
          `the row group has ${rows} rows, and lists are not read; the file is damaged`,
      );
    }
    if (type !== DICTIONARY_PAGE) left -= values;
    at = end + packedBytes;
  }
}
