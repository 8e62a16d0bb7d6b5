/**
 * Reads IDX files from the disk into memory that threads share, plain or compressed with gzip; the first bytes decide
 * which, not the name. A small compressed file can announce a huge size. So the IDX header is inflated first. It is
 * refused if gzip cannot compress the announced size into this file; inflation stops at the announced size. Node.js only.
 */

import { Readable } from 'node:stream';
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { quote } from '../../formats/quotation.js';
import { readFileBounded } from '../../formats/read-files.js';
import { sharedBytes } from '../../shared-memory.js';
import { UserError } from '../../user-error.js';
import { checkIdxSize, type IdxArray, type IdxHeader, isGzip, parseIdx, parseIdxHeader } from './idx.js';

/** 2 GiB: four times EMNIST's largest file. */
const MAX_BYTES = 2 ** 31;
/** Compressed bytes from which the header of any IDX file can be inflated. */
const FIRST_BYTES = 4096;
/** Deflate's best ratio is 1032 to 1 (zlib.net, "zlib technical details"). */
const MAX_RATIO = 1032;

/**
 * Reads and parses an IDX file. Its header is checked before the rest is read.
 * @param what the file is, with its article, for messages: `the training images`
 * @param checkHeader throws if an array of this type and shape is not expected
 * @throws UserError naming the file
 */
export async function readIdxFile(
  path: string,
  what: string,
  checkHeader?: (header: IdxHeader) => void,
): Promise<IdxArray> {
  const bytes = await readFileBounded(path, what, MAX_BYTES, {
    check: (start, size) => checkHeader?.(checkIdxStart(start, size, path)),
    shared: true,
  });
  return parseIdx(isGzip(bytes) ? await inflateIdx(bytes, path) : bytes, path);
}

/**
 * Checks the first bytes of an IDX file, plain or compressed.
 * @param start 4096 bytes, or all if there are fewer
 * @param size of the file, in bytes
 * @throws UserError if they are not those of an IDX file of this size
 */
export function checkIdxStart(
  start: Uint8Array,
  size: number,
  name: string,
  maxBytes = MAX_BYTES,
): IdxHeader {
  if (!isGzip(start)) {
    const header = parseIdxHeader(start, name);
    checkIdxSize(header, size, name);
    return header;
  }
  const header = parseIdxHeader(inflateStart(start, name), name);
  const announced = announcement(header);
  if (header.totalBytes > maxBytes) {
    throw new UserError(`${name}: ${announced}; at most ${maxBytes} are accepted`);
  }
  if (header.totalBytes > size * MAX_RATIO) {
    throw new UserError(`${name}: ${announced}, which ${size} bytes of gzip cannot hold`);
  }
  return header;
}

function announcement({ shape, totalBytes }: IdxHeader): string {
  return `the IDX header announces ${shape.join(' × ')}, ${totalBytes} bytes in all`;
}

/** Bytes that are inflated at once. */
const CHUNK_BYTES = 2 ** 20;

/**
 * Inflates a gzip file that holds an IDX file.
 * @param bytes the whole compressed file
 * @param name how messages name the file
 * @param maxBytes limit of the inflated file
 * @returns the IDX file, no longer than its header announces, in shared memory
 * @throws UserError for damaged data, for more data than announced, and where memory is short
 */
export async function inflateIdx(bytes: Uint8Array, name: string, maxBytes = MAX_BYTES): Promise<Uint8Array> {
  const header = checkIdxStart(bytes, bytes.length, name, maxBytes);
  const inflated = allocate(header, name);
  let length = 0;
  try {
    const chunkSize = Math.min(Math.max(inflated.length, 1024), CHUNK_BYTES);
    for await (const chunk of Readable.from([bytes]).pipe(createGunzip({ chunkSize }))) {
      if (length + chunk.length > inflated.length)
        throw new UserError(`${name}: ${announcement(header)}, but the file inflates to more`);
      inflated.set(chunk, length);
      length += chunk.length;
    }
  } catch (error) {
    throw gzipError(error, name);
  }
  return inflated.subarray(0, length);
}

function allocate(header: IdxHeader, name: string): Uint8Array {
  try {
    return new Uint8Array(sharedBytes(header.totalBytes));
  } catch {
    throw new UserError(`${name}: ${announcement(header)}; so much memory cannot be allocated`);
  }
}

function inflateStart(bytes: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(bytes.subarray(0, FIRST_BYTES), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw gzipError(error, name);
  }
}

/** zlib's own errors have codes such as Z_DATA_ERROR; anything else is a defect. */
function gzipError(error: unknown, name: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !/^Z_/.test(code)) return error;
  return new UserError(
    `${name}: damaged gzip data: ${quote(message).slice(1, -1)} (${code}); copy or download it again`,
  );
}
