/** Arrays of NumPy in files: .npy alone, .npz as ZIP archives of them. Node.js only. */
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { explainFileError } from '../../../formats/file-errors.js';
import { inOneLine } from '../../../formats/quotation.js';
import {
  openRegularFile,
  readFileInChunks,
  readRange,
  sizeOfRegularFile,
} from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';
import { type ZipEntry, zipEntries } from '../trees/zip-directory.js';
import type { NamedArray } from './array-pictures.js';
import type { ArrayBytes } from './npy-array.js';

const CHUNK_BYTES = 2 ** 20;
/** np.savez writes an entry for each array. */
const MAX_ARRAYS = 1000;
const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
/** Letters that messages show of an array's name. */
const MAX_NAME = 80;
const LONE_ARRAY = 'arr_0';

/** The array in a .npy file. @throws UserError if there is no such file */
export async function npyFile(path: string): Promise<NamedArray> {
  const name = `the array ${path}`;
  const size = await sizeOfRegularFile(path, name);
  const chunks = (signal?: AbortSignal) => readFileInChunks(path, name, { chunkBytes: CHUNK_BYTES, signal });
  return { name: basename(path).replace(/\.npy$/i, ''), bytes: { where: path, size, chunks } };
}

/**
 * The arrays in a .npz file. A file with one array that has no name of its own is named by the file.
 * @throws UserError if this is no ZIP archive, or it is damaged
 */
export async function npzFile(path: string): Promise<NamedArray[]> {
  const name = `the arrays ${path}`;
  const { handle, size } = await openRegularFile(path, name);
  try {
    const entries = (await zipEntries(handle, size, name)).filter((entry) => /\.npy$/i.test(entry.path));
    if (entries.length > MAX_ARRAYS) {
      throw new UserError(`${path}: it has ${entries.length} arrays; at most ${MAX_ARRAYS} are accepted`);
    }
    return entries.map((entry) => {
      const own = entry.path.replace(/\.npy$/i, '');
      const isLone = entries.length === 1 && own === LONE_ARRAY;
      const bytes = entryBytes(path, name, entry);
      return { name: isLone ? basename(path).replace(/\.npz$/i, '') : own, bytes };
    });
  } finally {
    await handle.close();
  }
}

function entryBytes(path: string, name: string, entry: ZipEntry): ArrayBytes {
  const where = `${path}/${inOneLine(entry.path.slice(0, MAX_NAME).replace(/\.npy$/i, ''))}`;
  async function* chunks(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { handle, size } = await openRegularFile(path, name);
    try {
      const packed = packedChunks(handle, size, entry, where, signal);
      yield* entry.method === STORED ? packed : inflated(packed, entry.bytes, where);
    } catch (error) {
      throw explainFileError('read', name, error);
    } finally {
      await handle.close();
    }
  }
  return { where, size: entry.bytes, chunks };
}

async function* packedChunks(
  handle: FileHandle,
  archiveBytes: number,
  { at, packedBytes, bytes, method, isEncrypted }: ZipEntry,
  where: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (isEncrypted) throw new UserError(`${where}: it is encrypted; save it without a password`);
  if (method !== STORED && method !== DEFLATED) {
    throw new UserError(`${where}: it is compressed by method ${method}; save it with np.savez_compressed`);
  }
  if (method === STORED && packedBytes !== bytes) {
    throw new UserError(
      `${where}: ${packedBytes} bytes are stored, ${bytes} announced; the archive is damaged`,
    );
  }
  const header =
    at + LOCAL_HEADER_BYTES <= archiveBytes
      ? Buffer.from((await readRange(handle, at, at + LOCAL_HEADER_BYTES, where)).buffer)
      : null;
  if (header?.readUInt32LE(0) !== LOCAL_HEADER) {
    throw new UserError(`${where}: its place in the archive is wrong; the archive is damaged`);
  }
  const start = at + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  const end = start + packedBytes;
  if (end > archiveBytes) throw new UserError(`${where}: the archive is cut short`);
  for (let from = start; from < end; from += CHUNK_BYTES) {
    signal?.throwIfAborted();
    yield await readRange(handle, from, Math.min(end, from + CHUNK_BYTES), where);
  }
}

/** Unpacks; ends with an error at more bytes than announced. */
async function* inflated(
  packed: AsyncGenerator<Uint8Array>,
  bytes: number,
  where: string,
): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw({ chunkSize: 2 ** 18 });
  // What fails in `packed` destroys `inflate`, whose iteration then throws it.
  const ended = new Promise<void>((resolve) => {
    pipeline(Readable.from(packed, { objectMode: false }), inflate, () => resolve());
  });
  let length = 0;
  try {
    for await (const chunk of inflate) {
      length += chunk.length;
      if (length > bytes)
        throw new UserError(`${where}: it unpacks to more than the announced ${bytes} bytes`);
      yield chunk;
    }
    if (length < bytes)
      throw new UserError(`${where}: it unpacks to ${length} bytes, not to the announced ${bytes}`);
  } catch (error) {
    if (error instanceof UserError || !(error as NodeJS.ErrnoException).code?.startsWith('Z_')) throw error;
    throw new UserError(`${where}: its compressed bytes are damaged`);
  } finally {
    inflate.destroy();
    await ended;
  }
}
