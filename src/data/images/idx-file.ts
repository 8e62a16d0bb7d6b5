/**
 * Reads IDX files from the disk, plain or compressed with gzip; the first bytes decide which, not the name. A small
 * compressed file can announce a huge size. So the IDX header is inflated first. It is refused if gzip cannot compress
 * the announced size into this file; inflation stops at the announced size. Node.js only.
 */

import { promisify } from 'node:util';
import { constants, gunzip, gunzipSync } from 'node:zlib';
import { readFileBounded } from '../../formats/files.js';
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import { type IdxArray, isGzip, parseIdx, parseIdxHeader } from './idx.js';

/** 2 GiB: four times EMNIST's largest file. */
const MAX_BYTES = 2 ** 31;
/** Compressed bytes from which the header of any IDX file can be inflated. */
const FIRST_BYTES = 4096;
/** Deflate's best ratio is 1032 to 1 (zlib.net, "zlib technical details"). */
const MAX_RATIO = 1032;

/**
 * Reads and parses an IDX file.
 * @param what the file is, with its article, for messages: `the training images`
 * @throws UserError naming the file
 */
export async function readIdxFile(path: string, what: string): Promise<IdxArray> {
  const bytes = await readFileBounded(path, what, MAX_BYTES);
  return parseIdx(isGzip(bytes) ? await inflateIdx(bytes, path) : bytes, path);
}

/**
 * Inflates a gzip file that holds an IDX file.
 * @param bytes the whole compressed file
 * @param name how messages name the file
 * @returns the IDX file, no longer than its header announces
 * @throws UserError for damaged data, and for more data than announced
 */
export async function inflateIdx(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const { totalBytes, shape } = parseIdxHeader(inflateStart(bytes, name), name);
  const announced = `the IDX header announces ${shape.join(' × ')}, ${totalBytes} bytes in all`;
  if (totalBytes > MAX_BYTES) throw new UserError(`${name}: ${announced}; at most ${MAX_BYTES} are accepted`);
  if (totalBytes > bytes.length * MAX_RATIO) {
    throw new UserError(`${name}: ${announced}, which ${bytes.length} bytes of gzip cannot hold`);
  }
  try {
    // Small outputs need no chunk of a megabyte.
    const chunkSize = Math.min(Math.max(totalBytes, 1024), 2 ** 20);
    return await promisify(gunzip)(bytes, { maxOutputLength: totalBytes, chunkSize });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new UserError(`${name}: ${announced}, but the file inflates to more`);
    }
    throw gzipError(error, name);
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
