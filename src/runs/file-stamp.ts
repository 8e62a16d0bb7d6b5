/** Files of runs, as a server may read them: regular files only, never through a symbolic link. */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';

export interface FileStamp {
  bytes: number;
  /** Milliseconds since 1970. */
  changed: number;
  /** Differs when the file has been changed or replaced. */
  version: string;
}

/** What a file is at the moment; null if there is none, or it is a link, a folder or a device. */
export async function stampOf(path: string): Promise<FileStamp | null> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isFile()) return null;
  const version = [found.mtimeMs * 1000, found.size, found.ino]
    .map((n) => Math.round(n).toString(36))
    .join('-');
  return { bytes: found.size, changed: found.mtimeMs, version };
}

/** Opens a file to read it; not through a link, even if one has just been put there. */
export function openFile(path: string): Promise<FileHandle> {
  // Windows has no such flag, and no such links without special rights.
  return open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
}
