/**
 * Reads the stroke data set from `sequences.tar.gz`, as a stream that is not extracted to the disk, or from the folder
 * with its 70,000 files. Node.js only.
 */

import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { constants, gunzipSync } from 'node:zlib';
import { Header, Parser, type ReadEntry } from 'tar';
import { describeContent } from '../../../formats/content.js';
import { explainFileError } from '../../../formats/file-errors.js';
import { quote } from '../../../formats/quotation.js';
import { openRegularFileSync, readFileInChunks } from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';
import { isGzip } from '../../images/idx.js';
import type { StrokeDataset } from '../stroke-examples.js';
import { isStrokeFile, StrokeFiles, strokeFileLimit } from './stroke-files.js';

/** Progress of reading or making data. */
export interface Progress {
  /** `reading sequences.tar.gz`, `strokes from images` */
  what: string;
  done: number;
  total: number;
}
export type OnProgress = (progress: Progress) => void;

/** 40 times the published archive. */
const MAX_ARCHIVE_BYTES = 2 ** 32;
/** Sum of the files in an archive, with those that are not read: ten times the published ones. */
const MAX_UNPACKED_BYTES = 2 ** 33;
const CHUNK_BYTES = 2 ** 16;
/** Bytes of a header of a tar archive, and of each of the two blocks of zeros that end the archive. */
const BLOCK_BYTES = 512;

/** The warnings of tar that mean lost data. */
const FATAL = new Set(['TAR_BAD_ARCHIVE', 'TAR_ENTRY_INVALID', 'TAR_ENTRY_ERROR', 'TAR_ABORT']);

/**
 * Reads an archive, compressed with gzip or not.
 * @throws UserError naming file and line of what is wrong, or what is missing
 */
export async function readStrokeArchive(
  path: string,
  onProgress?: OnProgress,
  signal?: AbortSignal,
): Promise<StrokeDataset> {
  const files = new StrokeFiles(path);
  const what = `reading ${basename(path)}`;
  let failure: unknown;
  let unpacked = 0;
  const parser = new Parser({
    onReadEntry: (entry) => {
      unpacked += BLOCK_BYTES + entry.size;
      if (unpacked > MAX_UNPACKED_BYTES) {
        failure ??= new UserError(
          `cannot read the archive ${path}: its files have more than ${MAX_UNPACKED_BYTES} bytes in all`,
        );
      }
      if (failure !== undefined) entry.resume();
      else takeEntry(entry, path, files, (error) => (failure ??= error));
    },
    onwarn: (code, message) => {
      if (FATAL.has(code)) failure ??= damaged(path, String(message));
    },
  });
  try {
    let total = 0;
    // The parser and its entries are synchronous: when the call returns, the chunk has been processed.
    let ended = false;
    let atEnd = false;
    parser.on('eof', () => {
      atEnd = true;
    });
    parser.on('end', () => {
      ended = true;
    });
    parser.on('error', (error) => {
      failure ??= error;
    });
    let done = 0;
    const check = (start: Uint8Array, size: number) => {
      checkArchiveStart(start, path);
      total = size;
    };
    for await (const chunk of chunksOf(path, check, signal)) {
      parser.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      if (failure !== undefined) throw failure;
      done += chunk.length;
      onProgress?.({ what, done, total });
      // What follows the end of the archive is not read: it may be gigabytes of zeros.
      if (atEnd) break;
    }
    parser.end();
    if (!ended) failure ??= damaged(path, 'it ends too early');
  } catch (error) {
    failure ??= explainFileError('read', `the archive ${path}`, error);
  }
  if (failure !== undefined) throw zlibError(failure, path);
  return files.finish(dataName(path));
}

/**
 * Hash of an archive's content.
 * @throws UserError if it does not begin like an archive, before the rest is read
 */
export async function hashArchive(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const check = (start: Uint8Array) => checkArchiveStart(start, path);
  for await (const chunk of chunksOf(path, check, signal)) hash.update(chunk);
  return hash.digest('hex');
}

function chunksOf(
  path: string,
  check: (start: Uint8Array, size: number) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const options = { chunkBytes: CHUNK_BYTES, maxBytes: MAX_ARCHIVE_BYTES, check, signal };
  return readFileInChunks(path, `the archive ${path}`, options);
}

/** @throws UserError if the first bytes are not those of a tar archive, compressed with gzip or not */
function checkArchiveStart(start: Uint8Array, path: string): void {
  let block = start;
  try {
    if (isGzip(start)) block = gunzipSync(start, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw zlibError(error, path);
  }
  if (block.length < BLOCK_BYTES) throw damaged(path, `it has ${block.length} bytes`);
  const header = headerIn(block, path);
  if (header.nullBlock) throw damaged(path, 'it begins with zeros, which end an archive');
  if (!header.cksumValid) throw damaged(path, `found ${describeContent(block)}`);
}

/** The header of an entry. tar throws errors of its own for numbers that cannot be. */
function headerIn(block: Uint8Array, path: string): Header {
  try {
    return new Header(Buffer.from(block.subarray(0, BLOCK_BYTES)));
  } catch (error) {
    throw damaged(path, error instanceof Error ? error.message : String(error));
  }
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
  signal?: AbortSignal,
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
      signal?.throwIfAborted();
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
  const { descriptor, size } = openRegularFileSync(path, path, limit);
  try {
    const room = size <= buffer.length ? buffer : new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const read = readSync(descriptor, room, at, size - at, null);
      if (read === 0) break;
      at += read;
    }
    return { bytes: room.subarray(0, at), room };
  } catch (error) {
    throw explainFileError('read', path, error);
  } finally {
    closeSync(descriptor);
  }
}

/** A data set's name: its path without folders and `.tar.gz`. */
export function dataName(path: string): string {
  return basename(resolve(path)).replace(/\.(tar|tar\.gz|tgz)$/i, '');
}
