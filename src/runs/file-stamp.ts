/** Access to files of runs for a server: regular files only, symbolic links are not followed. */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';

export interface FileStamp {
  bytes: number;
  /** Milliseconds since 1970. */
  changed: number;
  /** Changes when the file is changed or replaced. */
  version: string;
}

/** The current state of a file; null if it does not exist, or is a link, a folder or a device. */
export async function stampOf(path: string): Promise<FileStamp | null> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isFile()) return null;
  const version = [found.mtimeMs * 1000, found.size, found.ino]
    .map((n) => Math.round(n).toString(36))
    .join('-');
  return { bytes: found.size, changed: found.mtimeMs, version };
}

/** Opens a file for reading without following a link, even one created a moment ago. */
export function openFile(path: string): Promise<FileHandle> {
  // Windows has no such flag, and no such links without special rights.
  return open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
}
