/**
 * Reads files that may be hostile: only regular files, of limited size, their first bytes checked before memory is
 * allocated for the rest. Opening never waits. Node.js only.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
// Imported as an object, so that tests can replace its functions.
import fs from 'node:fs/promises';
import { sharedBytes } from '../shared-memory.js';
import { UserError } from '../user-error.js';
import { explainFileError, READ_PROBLEMS } from './file-errors.js';

/** Bytes that a check of the start gets. */
const START_BYTES = 4096;

/** A regular file that is open for reading. The caller closes the handle. */
export interface OpenedFile {
  handle: fs.FileHandle;
  /** Bytes. */
  size: number;
}

/**
 * Opens a regular file for reading, and never waits: a pipe, a device, a socket or a folder is refused.
 * @param path links are followed
 * @param name how messages name the file, with article: `the archive data.tar.gz`
 * @param maxBytes a larger file is refused
 * @throws UserError if the file does not exist, is no regular file, is too large, or cannot be opened
 */
export async function openRegularFile(
  path: string,
  name: string,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<OpenedFile> {
  try {
    // Opening a device can have effects, so the type is checked first, and again after opening.
    checkReadable(await fs.stat(path), name, maxBytes);
    // Without O_NONBLOCK, opening a pipe that has replaced the file would wait for a writer.
    const handle = await fs.open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const found = await handle.stat();
      checkReadable(found, name, maxBytes);
      return { handle, size: found.size };
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw explainFileError('read', name, error);
  }
}

/**
 * The size of a regular file, in bytes, without opening it.
 * @param name how messages name the file, with article
 * @throws UserError if there is no such file, or it is a pipe, a device, a socket or a folder
 */
export async function sizeOfRegularFile(path: string, name: string): Promise<number> {
  try {
    const found = await fs.stat(path);
    checkReadable(found, name);
    return found.size;
  } catch (error) {
    throw explainFileError('read', name, error);
  }
}

/**
 * Opens a regular file like openRegularFile, but at once: faster than by promises for tens of thousands of small files.
 * @returns the descriptor, which the caller closes, and the size in bytes
 * @throws UserError as openRegularFile
 */
export function openRegularFileSync(
  path: string,
  name: string,
  maxBytes: number,
): { descriptor: number; size: number } {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const found = fstatSync(descriptor);
      checkReadable(found, name, maxBytes);
      return { descriptor, size: found.size };
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  } catch (error) {
    throw explainFileError('read', name, error);
  }
}

/** Options of readFileInChunks. */
export interface ChunkOptions {
  /** Bytes of a chunk. */
  chunkBytes: number;
  /** A larger file is refused. */
  maxBytes?: number;
  /** As for readFileBounded: called before the first chunk. */
  check?: ReadOptions['check'];
  /** Ends the reading: the iteration throws its reason. */
  signal?: AbortSignal;
}

/**
 * Reads a regular file as a stream, as far as it went when it was opened. A loop that is left early closes the file.
 * @param name how messages name the file, with article
 * @throws UserError as openRegularFile, and what `check` throws
 */
export async function* readFileInChunks(
  path: string,
  name: string,
  { chunkBytes, maxBytes, check, signal }: ChunkOptions,
): AsyncGenerator<Uint8Array> {
  const { handle, size } = await openRegularFile(path, name, maxBytes);
  try {
    if (check) check(await startOf(handle, size, name), size);
    for (let at = 0; at < size; ) {
      signal?.throwIfAborted();
      const chunk = new Uint8Array(Math.min(chunkBytes, size - at));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) throw becameShorter(name, size, at);
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } catch (error) {
    throw explainFileError('read', name, error);
  } finally {
    await handle.close();
  }
}

/** How readFileBounded reads. */
export interface ReadOptions {
  /**
   * Called with the first bytes of the file (4096, or all if there are fewer) and its size, before memory is allocated
   * for the rest; throws if this is not the expected kind of file.
   */
  check?: (start: Uint8Array, size: number) => void;
  /** Reads into memory that threads share. */
  shared?: boolean;
}

/**
 * Reads a whole file of limited size.
 * @param path
 * @param what how messages name the file, with article: `the checkpoint`
 * @param maxBytes a larger file is refused before memory is allocated
 * @returns the bytes, in a separate buffer
 * @throws UserError if the file does not exist, is a folder or a device, or is too large; and what `check` throws
 */
export async function readFileBounded(
  path: string,
  what: string,
  maxBytes: number,
  { check, shared = false }: ReadOptions = {},
): Promise<Uint8Array> {
  const name = `${what} ${path}`;
  const { handle, size } = await openRegularFile(path, name, maxBytes);
  try {
    if (check) check(await startOf(handle, size, name), size);
    const bytes = allocate(size, name, () =>
      shared ? new Uint8Array(sharedBytes(size)) : new Uint8Array(size),
    );
    await readInto(bytes, handle, 0, name);
    if (size === 0) await refuseUnknownSize(handle, name);
    return bytes;
  } catch (error) {
    throw explainFileError('read', name, error);
  } finally {
    await handle.close();
  }
}

/** The first bytes of a file. */
function startOf(handle: fs.FileHandle, size: number, name: string): Promise<Uint8Array> {
  return readRange(handle, 0, Math.min(START_BYTES, size), name);
}

/** Refuses files of the system, such as those in /proc: they claim 0 bytes, and would be taken for empty. */
async function refuseUnknownSize(handle: fs.FileHandle, name: string): Promise<void> {
  const { bytesRead } = await handle.read(new Uint8Array(1), 0, 1, 0);
  if (bytesRead > 0) {
    throw new UserError(`cannot read ${name}: the system does not say its size; copy it to a file first`);
  }
}

/**
 * Reads bytes `start` … `end` - 1 of an open file.
 * @param name how messages name the file, with article
 * @returns the bytes, in a separate buffer
 * @throws UserError if the file is shorter, or the memory cannot be allocated
 */
export async function readRange(
  handle: fs.FileHandle,
  start: number,
  end: number,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = end - start;
  const bytes = allocate(size, name, () => new Uint8Array(size));
  await readInto(bytes, handle, start, name);
  return bytes;
}

/** Fills `bytes` with those of the file from `start` on. */
async function readInto(
  bytes: Uint8Array,
  handle: fs.FileHandle,
  start: number,
  name: string,
): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, 2 ** 30), start + at);
    if (bytesRead === 0) throw becameShorter(name, start + bytes.length, start + at);
    at += bytesRead;
  }
}

function becameShorter(name: string, before: number, now: number): UserError {
  return new UserError(
    `cannot read ${name}: it became shorter while it was read (${before} bytes, then ${now}); try again`,
  );
}

/** What `make` returns. @throws UserError if it cannot allocate `size` bytes */
function allocate<T>(size: number, name: string, make: () => T): T {
  try {
    return make();
  } catch {
    throw new UserError(`cannot read ${name}: cannot allocate ${size} bytes of memory`);
  }
}

/** @throws UserError if a path with these properties is a folder, a pipe, a device or a socket, or the file is too large */
export function checkReadable(
  found: { isFile(): boolean; isDirectory(): boolean; size: number },
  name: string,
  maxBytes = Number.POSITIVE_INFINITY,
) {
  if (found.isDirectory()) throw new UserError(`cannot read ${name}: ${READ_PROBLEMS.EISDIR}`);
  if (!found.isFile()) {
    throw new UserError(`cannot read ${name}: it is a device, a pipe or a socket, but a file is needed`);
  }
  if (found.size > maxBytes) {
    throw new UserError(`cannot read ${name}: it has ${found.size} bytes; at most ${maxBytes} are accepted`);
  }
}
