/** Access to files of runs for a server: regular files only, symbolic links are not followed, and nothing waits. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { explainFileError } from '../formats/file-errors.js';
import { checkReadable } from '../formats/read-files.js';

export interface FileStamp {
  bytes: number;
  /** Milliseconds since 1970. */
  changed: number;
  /** Changes when the file is changed or replaced. */
  version: string;
}

/** Windows has no such flags, and no such links without special rights. */
const NO_FOLLOW = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
/** The last time that a Date can hold. A file may state a later one. */
const MAX_TIME_MS = 8.64e15;

/** The current state of a file; null if it does not exist, or is a link, a folder or a device. */
export async function stampOf(path: string): Promise<FileStamp | null> {
  return stampFrom(await lstat(path).catch(() => null));
}

/** As stampOf, for worker threads: faster where there are thousands of files. */
export function stampOfSync(path: string): FileStamp | null {
  try {
    return stampFrom(lstatSync(path, { throwIfNoEntry: false }) ?? null);
  } catch {
    return null;
  }
}

function stampFrom(found: Stats | null): FileStamp | null {
  if (!found?.isFile()) return null;
  const version = [found.mtimeMs * 1000, found.size, found.ino]
    .map((n) => Math.round(n).toString(36))
    .join('-');
  const changed = Math.max(-MAX_TIME_MS, Math.min(MAX_TIME_MS, found.mtimeMs));
  return { bytes: found.size, changed, version };
}

/** Opens a file for reading without following a link or waiting for a pipe, even one created a moment ago. */
export function openFile(path: string): Promise<FileHandle> {
  return open(path, NO_FOLLOW);
}

/**
 * Reads pieces of a file, as openFile and for worker threads.
 * @param maxBytes a larger file is refused
 * @param read called with the file's size and a function that fills a buffer from a position and returns the number of
 *   bytes, fewer at the end of the file
 * @throws UserError if the file cannot be read, is a link, no file, or too large; and what `read` throws
 */
export function readPieces<T>(
  path: string,
  maxBytes: number,
  read: (size: number, fill: (buffer: Uint8Array, at: number) => number) => T,
): T {
  try {
    const handle = openSync(path, NO_FOLLOW);
    try {
      const found = fstatSync(handle);
      checkReadable(found, path, maxBytes);
      return read(found.size, (buffer, at) => {
        let length = 0;
        while (length < buffer.length) {
          const bytes = readSync(handle, buffer, length, buffer.length - length, at + length);
          if (bytes === 0) break;
          length += bytes;
        }
        return length;
      });
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw explainFileError('read', path, error);
  }
}
