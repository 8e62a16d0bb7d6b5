/**
 * Reads the stroke data set from `sequences.tar.gz`, as a stream that is not extracted to the disk, or from the folder
 * with its 70,000 files. Node.js only.
 */

import { closeSync, constants, createReadStream, openSync, readSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Parser, type ReadEntry } from 'tar';
import { explainFileError } from '../../formats/files.js';
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import type { StrokeDataset } from './stroke-examples.js';
import { isStrokeFile, MAX_LABEL_BYTES, StrokeFiles, strokeFileLimit } from './stroke-files.js';

/** Progress of reading or making data. */
export interface Progress {
  /** `reading sequences.tar.gz`, `strokes from images` */
  what: string;
  done: number;
  total: number;
}
export type OnProgress = (progress: Progress) => void;

/** The warnings of tar that mean lost data. */
const FATAL = new Set(['TAR_BAD_ARCHIVE', 'TAR_ENTRY_INVALID', 'TAR_ENTRY_ERROR', 'TAR_ABORT']);

/**
 * Reads an archive, compressed with gzip or not.
 * @throws UserError naming file and line of what is wrong, or what is missing
 */
export async function readStrokeArchive(path: string, onProgress?: OnProgress): Promise<StrokeDataset> {
  const files = new StrokeFiles(path);
  const what = `reading ${basename(path)}`;
  let failure: unknown;
  const parser = new Parser({
    onReadEntry: (entry) => {
      if (failure !== undefined) entry.resume();
      else takeEntry(entry, path, files, (error) => (failure ??= error));
    },
    onwarn: (code, message) => {
      if (FATAL.has(code)) failure ??= damaged(path, String(message));
    },
  });
  try {
    const found = await stat(path);
    // Opening a pipe would wait for a writer.
    if (!found.isFile() && !found.isDirectory()) {
      throw new UserError(`cannot read the archive ${path}: it is a device, a pipe or a socket, and no file`);
    }
    const total = found.size;
    // The parser and its entries are synchronous: when the call returns, the chunk has been processed.
    let ended = false;
    parser.on('end', () => {
      ended = true;
    });
    parser.on('error', (error) => {
      failure ??= error;
    });
    let done = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 16 })) {
      parser.write(chunk);
      if (failure !== undefined) throw failure;
      done += chunk.length;
      onProgress?.({ what, done, total });
    }
    parser.end();
    if (!ended) failure ??= damaged(path, 'it ends too early');
  } catch (error) {
    failure ??= explainFileError('read', `the archive ${path}`, error);
  }
  if (failure !== undefined) throw zlibError(failure, path);
  return files.finish(dataName(path));
}

function takeEntry(entry: ReadEntry, path: string, files: StrokeFiles, fail: (error: unknown) => void): void {
  const name = basename(entry.path);
  const limit = strokeFileLimit(name);
  if (limit === 0 || !/File$/.test(entry.type)) {
    entry.resume();
    return;
  }
  if (entry.size > limit) {
    fail(tooLarge(`${path}: ${name}`, entry.size, limit));
    entry.resume();
    return;
  }
  const content = new Uint8Array(entry.size);
  let at = 0;
  entry.on('data', (chunk) => {
    content.set(chunk, at);
    at += chunk.length;
  });
  entry.on('end', () => {
    try {
      if (at === content.length) files.add(name, content);
      else fail(damaged(path, `${name} is cut short`));
    } catch (error) {
      fail(error);
    }
  });
}

function damaged(path: string, message: string): UserError {
  return new UserError(
    `cannot read the archive ${path}: it is damaged, or no tar file: ${quote(message).slice(1, -1)}; ` +
      'copy or download it again',
  );
}

function zlibError(error: unknown, path: string): unknown {
  const isZlib =
    error instanceof Error && /^(zlib|Z_|TAR_)/.test((error as NodeJS.ErrnoException).code ?? '');
  return isZlib || /^zlib/.test(String((error as Error)?.message))
    ? damaged(path, (error as Error).message)
    : error;
}

function tooLarge(name: string, size: number, limit: number): UserError {
  return new UserError(`${name} has ${size} bytes; at most ${limit} are accepted`);
}

/** Files read between two turns of the event loop. */
const BATCH = 500;

/** A folder with the files of strokes in it. */
export interface StrokeFolder {
  path: string;
  /** Names of the files to read. */
  names: string[];
}

/** The folder with the files of strokes: the given folder, or `sequences` in it; undefined if neither has them. */
export async function findStrokeFolder(folder: string): Promise<StrokeFolder | undefined> {
  for (const path of [folder, join(folder, 'sequences')]) {
    const names = await listFiles(path);
    if (names.some(isStrokeFile)) return { path, names };
  }
  return undefined;
}

/**
 * Reads the data set from a folder.
 * @throws UserError naming file and line of what is wrong, or what is missing
 */
export async function readStrokeFolder(
  { path, names }: StrokeFolder,
  name: string,
  onProgress?: OnProgress,
): Promise<StrokeDataset> {
  const files = new StrokeFiles(path);
  const what = `reading ${name}`;
  const total = names.length;
  let buffer = new Uint8Array(2 ** 16);
  for (let at = 0; at < total; at++) {
    const { bytes, room } = readSmall(join(path, names[at]), strokeFileLimit(names[at]), buffer);
    buffer = room;
    files.add(names[at], bytes);
    if (at % BATCH === BATCH - 1) {
      onProgress?.({ what, done: at + 1, total });
      await setImmediate();
    }
  }
  onProgress?.({ what, done: total, total });
  return files.finish(name);
}

/** Names in a folder that may be of strokes; none if there is no such folder. */
async function listFiles(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).filter((name) => strokeFileLimit(name) > 0);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw explainFileError('read', `the data folder ${path}`, error);
  }
}

/**
 * Reads a small file at once: faster than by promises when there are 70,000.
 * @param buffer reused for every file
 * @returns a view of `room`, which is the buffer or a larger one
 */
function readSmall(
  path: string,
  limit: number,
  buffer: Uint8Array<ArrayBuffer>,
): { bytes: Uint8Array; room: Uint8Array<ArrayBuffer> } {
  let room = buffer;
  let handle: number | undefined;
  try {
    // Opened without blocking, a pipe is empty instead of waiting for a writer.
    handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    let size = 0;
    for (;;) {
      const read = readSync(handle, room, size, room.length - size, null);
      if (read === 0) return { bytes: room.subarray(0, size), room };
      size += read;
      if (size > limit) throw tooLarge(path, size, limit);
      if (size === room.length) {
        const larger = new Uint8Array(Math.min(2 * room.length, MAX_LABEL_BYTES + 1));
        larger.set(room);
        room = larger;
      }
    }
  } catch (error) {
    throw explainFileError('read', path, error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** A data set's name: its path without folders and `.tar.gz`. */
export function dataName(path: string): string {
  return basename(resolve(path)).replace(/\.(tar|tar\.gz|tgz)$/i, '');
}
