/**
 * Opens Parquet files for the package hyparquet: bytes of an open file, unpacking with limits, and what the metadata say.
 * Files are not trusted: sizes are checked before memory is allocated for them, and what the package throws becomes a
 * UserError. Node.js only.
 */
import type { FileHandle } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData } from 'hyparquet';
import { describeContent } from '../../../formats/content.js';
import { inOneLine } from '../../../formats/quotation.js';
import { readRange } from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';

/** The magic number, and the length of the footer before it. */
const TAIL_BYTES = 8;
const MAGIC = 'PAR1';
const MAX_FOOTER_BYTES = 2 ** 26;
/** Unpacked bytes of a page. */
const MAX_PAGE_BYTES = 2 ** 28;
/** Unpacked bytes of a row group, which is read as a whole. */
const MAX_GROUP_BYTES = 2 ** 31;
/** Rows of a row group, for whose cells arrays are made: as many as PyArrow writes at most by default. */
const MAX_GROUP_ROWS = 2 ** 20;
/** Structs in structs. */
const MAX_SCHEMA_DEPTH = 16;
const MAX_PARQUET_ROWS = 2 ** 26;
/** Letters that a message shows of an error of the package. */
const SHOWN = 200;

/** An open file as the package reads it. */
export function asyncBuffer(handle: FileHandle, size: number, where: string): AsyncBuffer {
  return {
    byteLength: size,
    async slice(start, end = size) {
      const from = start < 0 ? size + start : start;
      if (!(from >= 0 && from <= end && end <= size)) {
        throw new UserError(
          `${where}: its metadata name bytes ${from} to ${end} of ${size}; the file is damaged`,
        );
      }
      return (await readRange(handle, from, end, where)).buffer;
    },
  };
}

/** @throws UserError for a file that is no Parquet file, and for one that is damaged or too large */
export async function parquetMetadata(file: AsyncBuffer, where: string): Promise<FileMetaData> {
  const { parquetMetadataAsync } = await import('hyparquet');
  const size = file.byteLength;
  const tail = Buffer.from(await file.slice(Math.max(0, size - TAIL_BYTES), size));
  if (tail.length < TAIL_BYTES || tail.toString('latin1', 4) !== MAGIC) {
    const start = new Uint8Array(await file.slice(0, Math.min(size, 64)));
    const isStart = Buffer.from(start).toString('latin1', 0, 4) === MAGIC;
    throw new UserError(
      isStart
        ? `${where}: the Parquet file is cut short; copy or load it again`
        : `${where}: expected a Parquet file, found ${describeContent(start)}`,
    );
  }
  const footer = tail.readUInt32LE(0);
  if (footer > MAX_FOOTER_BYTES || footer + TAIL_BYTES > size) {
    throw new UserError(
      `${where}: its metadata should have ${footer} bytes, of ${size} of the file and at most ${MAX_FOOTER_BYTES}; the file is damaged`,
    );
  }
  const metadata = await explained(where, () => parquetMetadataAsync(file, { geoparquet: false }));
  const leaves = new Set(leavesOf(metadata.schema, where).map((path) => JSON.stringify(path)));
  let rows = 0;
  for (const group of metadata.row_groups ?? []) {
    const [groupRows, bytes] = [Number(group.num_rows), Number(group.total_byte_size)];
    if (!(groupRows >= 0 && bytes >= 0))
      throw new UserError(`${where}: a row group makes no sense; the file is damaged`);
    for (const { meta_data: column } of group.columns ?? []) checkColumn(column, size, leaves, where);
    if (bytes > MAX_GROUP_BYTES) {
      throw new UserError(
        `${where}: a row group has ${bytes} bytes, which must be in memory at once; at most ${MAX_GROUP_BYTES} are accepted; ` +
          'write smaller ones, as to_parquet(…, batch_size=1000) does',
      );
    }
    if (groupRows > MAX_GROUP_ROWS) {
      throw new UserError(
        `${where}: a row group has ${groupRows} rows; at most ${MAX_GROUP_ROWS} are accepted; write smaller ones, as ` +
          'to_parquet(…, batch_size=1000) does',
      );
    }
    rows += groupRows;
  }
  if (rows > MAX_PARQUET_ROWS || rows !== Number(metadata.num_rows)) {
    throw new UserError(
      `${where}: its row groups have ${rows} rows, its metadata ${metadata.num_rows}; at most ${MAX_PARQUET_ROWS} are accepted`,
    );
  }
  return metadata;
}

/** The package reads all columns at once: the failure of one would leave those of others without a handler. */
function checkColumn(
  column: ColumnMetaData | undefined,
  size: number,
  leaves: ReadonlySet<string>,
  where: string,
): void {
  if (!leaves.has(JSON.stringify(column?.path_in_schema))) {
    throw new UserError(
      `${where}: its metadata have a column that is not in its schema; the file is damaged`,
    );
  }
  const start = Number(column?.dictionary_page_offset || column?.data_page_offset);
  const data = Number(column?.data_page_offset);
  const end = start + Number(column?.total_compressed_size);
  if (start >= 0 && data >= start && data <= end && end <= size) return;
  throw new UserError(
    `${where}: a column is at bytes ${start} to ${end} of ${size} by its metadata; the file is damaged`,
  );
}

/**
 * The columns with values, each by the names on its way from the root.
 * @throws UserError for a schema that makes no sense
 */
export function leavesOf(schema: FileMetaData['schema'], where: string): string[][] {
  const leaves: string[][] = [];
  /** Names on the way, and how many more children each has. */
  const way: { name: string; left: number }[] = [];
  for (const [n, { name, num_children: children = 0 }] of (schema ?? []).entries()) {
    if (n > 0) {
      while (way.at(-1)?.left === 0) way.pop();
      const parent = way.at(-1);
      if (!parent || way.length > MAX_SCHEMA_DEPTH) {
        throw new UserError(`${where}: its schema makes no sense; the file is damaged`);
      }
      parent.left--;
    }
    if (n === 0 || children > 0) way.push({ name, left: children });
    else leaves.push([...way.slice(1).map((each) => each.name), name]);
  }
  return leaves;
}

/** Runs the package. @throws UserError with its message */
export async function explained<T>(where: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const codec = /unsupported compression codec: (\w+)/.exec(message);
    if (codec) {
      throw new UserError(
        `${where}: it is compressed by ${codec[1]}, which is not read; write it with snappy, gzip, brotli or zstd`,
      );
    }
    throw new UserError(
      `${where}: the Parquet file is damaged, or of a form that is not read: ${inOneLine(message.slice(0, SHOWN))}`,
    );
  }
}

/** Unpackers by the codecs' names, each with a limit. */
export async function compressors(): Promise<Compressors> {
  const { snappyUncompress } = await import('hyparquet');
  const { decompress } = await import('fzstd');
  const limited = (unpack: (bytes: Uint8Array, length: number) => Uint8Array) => {
    return (bytes: Uint8Array, length: number) => {
      if (!(length >= 0 && length <= MAX_PAGE_BYTES)) {
        throw new Error(`a page unpacks to ${length} bytes; at most ${MAX_PAGE_BYTES} are accepted`);
      }
      return unpack(bytes, length);
    };
  };
  return {
    SNAPPY: limited((bytes, length) => {
      const unpacked = new Uint8Array(length);
      snappyUncompress(bytes, unpacked);
      return unpacked;
    }),
    GZIP: limited((bytes, length) => gunzipSync(bytes, { maxOutputLength: Math.max(1, length) })),
    BROTLI: limited((bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) })),
    ZSTD: limited((bytes, length) => decompress(bytes, new Uint8Array(length))),
  };
}
