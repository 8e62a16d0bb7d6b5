/**
 * Reads and writes files, with an explanation for every failure. A file is replaced atomically: the content goes to a
 * temporary file in the same folder, which is then renamed. So other processes always see the complete old file or the
 * complete new one, even if this process is killed. Node.js only.
 */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats, statSync } from 'node:fs';
// Imported as an object, so that tests can replace its functions and simulate a full disk.
import fs from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../user-error.js';
import { quote } from './quotation.js';

/** Explanation and advice for each error code of the operating system, for writing. */
const WRITE_PROBLEMS: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space or choose a folder on another disk',
  EDQUOT: 'your quota of disk space is used up; free some space or choose a folder on another disk',
  EROFS: 'the file system is read-only; choose another folder',
  EACCES: 'you have no permission to write there; change the permissions or choose another folder',
  EPERM: 'the system does not permit it; change the permissions or choose another folder',
  EISDIR: 'it is a folder; remove it or choose another name',
  ENOTDIR: 'a part of its path is a file, not a folder; choose another folder',
  ENOENT: 'its folder does not exist; create it or choose another folder',
  EEXIST: 'a file of that name exists, but a folder is needed; choose another name',
  ENAMETOOLONG: 'its name is too long; choose a shorter one',
  EFBIG: 'it is larger than the file system or the limits of your account allow; choose another disk',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  EIO: 'the disk reports an input/output error; check the disk',
  ELOOP: 'its symbolic links form a cycle; check the links',
  EXDEV: 'it lies on another disk than its folder; choose another folder',
  ENOTEMPTY: 'the folder holds files; choose another name',
  EBUSY: 'another program uses it; choose another name',
  ETXTBSY: 'it is a program that runs now; choose another name',
  EINVAL: 'the file system does not accept the name; choose another one',
};

/** The same for reading. */
const READ_PROBLEMS: Record<string, string> = {
  ENOENT: 'it does not exist; check the path',
  EACCES: 'you have no permission to read it; change the permissions',
  EPERM: 'the system does not permit it; change the permissions',
  EISDIR: 'it is a folder, but a file is needed; check the path',
  ENOTDIR: 'a part of its path is a file, not a folder; check the path',
  ENAMETOOLONG: 'its name is too long; check the path',
  ELOOP: 'its symbolic links form a cycle; check the links',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  EIO: 'the disk reports an input/output error; check the disk',
};

/** Characters shown of a name that is too long. */
const SHOWN_OF_LONG_NAMES = 100;

/**
 * Turns an error of the operating system into a UserError: `cannot write runs/a/last.safetensors: the disk is full; free
 * some space or choose a folder on another disk (ENOSPC)`. Returns any other error unchanged.
 * @param what how the message names the file
 */
export function explainFileError(operation: 'read' | 'write', what: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  // Node.js checks paths, which may come from a file, before the system sees them.
  if (code === 'ERR_INVALID_ARG_VALUE' && error.message.includes('null bytes')) {
    return new UserError(`cannot ${operation} ${what}: the path contains the character NUL`);
  }
  if (code === undefined || syscall === undefined) return error;
  if (syscall === 'uv_cwd') return new UserError(NO_WORKING_FOLDER);
  const problem = (operation === 'read' ? READ_PROBLEMS : WRITE_PROBLEMS)[code] ?? error.message;
  const name = code === 'ENAMETOOLONG' ? what.slice(0, SHOWN_OF_LONG_NAMES) : what;
  return new UserError(`cannot ${operation} ${name}${name === what ? '' : '…'}: ${problem} (${code})`);
}

const NO_WORKING_FOLDER = 'the working folder does not exist any more; change to another folder (cd)';

/** System calls that change files and folders. */
const WRITING_CALLS = new Set([
  ...['mkdir', 'mkdtemp', 'rmdir', 'rm', 'rename', 'unlink', 'copyfile', 'cp', 'symlink', 'link', 'chmod'],
  ...['write', 'fsync', 'ftruncate', 'utime'],
]);
/** Codes of \`open\` that only writing causes. */
const WRITING_CODES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EEXIST', 'EFBIG', 'ETXTBSY']);

/**
 * The same for an error whose operation is not known: that follows from the system call, and the file from the error.
 * For the outermost catch; code that knows the file's role calls explainFileError.
 * @returns a UserError if the operating system refuses a file or folder; any other error unchanged
 */
export function explainSystemError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code = '', syscall = '', path } = error as NodeJS.ErrnoException;
  if (path === undefined && syscall !== 'uv_cwd' && WRITE_PROBLEMS[code] === undefined) return error;
  if (/^(spawn|connect|listen|bind|getaddrinfo)/.test(syscall)) return error;
  const writes = WRITING_CALLS.has(syscall) || WRITING_CODES.has(code);
  return explainFileError(writes ? 'write' : 'read', path ?? 'a file', error);
}

/** What a path names; links are followed. \`other\`: a device, a pipe or a socket. */
export type PathKind = 'file' | 'folder' | 'other' | 'dangling link' | 'nothing';

/**
 * Looks at a path. All checks of paths that cannot wait for a promise use this function.
 * @throws UserError if the system cannot say: no permission, links that form a cycle, a name that is too long, a file
 * where a folder is needed
 */
export function lookAt(path: string): PathKind {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined) return kindOf(found);
    return lstatSync(path, { throwIfNoEntry: false }) ? 'dangling link' : 'nothing';
  } catch (error) {
    throw explainFileError('read', path, error);
  }
}

function kindOf(found: Pick<Stats, 'isFile' | 'isDirectory'>): PathKind {
  return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
}

/** What messages say of a path that cannot be used, after its name. */
export const PATH_WORDS: Readonly<Record<PathKind, string>> = {
  file: 'is a file',
  folder: 'is a folder',
  other: 'is a device, a pipe or a socket',
  'dangling link': 'is a symbolic link to something that does not exist',
  nothing: 'does not exist',
};

/** Temporary files that this process is currently writing. */
const inUse = new Set<string>();

/**
 * Replaces a file atomically, or changes nothing.
 *
 * Writes a temporary file in the same folder, flushes it to the disk, renames it and flushes the folder. Removes
 * temporary files of the same target that a killed process has left.
 * @param path in a folder that exists
 * @param content text, or bytes that must not change until the promise is resolved
 * @throws UserError with the path, the cause and what to do; no temporary file is left
 */
export async function writeFileAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  const temporary = temporaryPath(path);
  inUse.add(temporary);
  try {
    await refuseWhatIsNoFile(path);
    await removeStaleTemporaries(path);
    const handle = await openNew(temporary, path);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, path);
    await flushFolder(folder);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw explainFileError('write', path, error);
  } finally {
    inUse.delete(temporary);
  }
}

/**
 * Checks before long work that writeFileAtomically could write a file, by making an empty temporary file and removing it.
 * @throws UserError if it cannot
 */
export async function checkFileTarget(path: string): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await refuseWhatIsNoFile(path);
    await (await openNew(temporary, path)).close();
    await fs.rm(temporary, { force: true });
  } catch (error) {
    throw explainFileError('write', path, error);
  }
}

/** Renames a file over another one in the same folder, atomically, and flushes the folder. @throws UserError */
export async function replaceFile(from: string, to: string): Promise<void> {
  try {
    await refuseWhatIsNoFile(to);
    await fs.rename(from, to);
    await flushFolder(dirname(to));
  } catch (error) {
    throw explainFileError('write', to, error);
  }
}

/** Creates the temporary file of `path`. */
async function openNew(temporary: string, path: string): Promise<fs.FileHandle> {
  try {
    return await fs.open(temporary, 'wx');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const folder = dirname(path);
    if (code !== 'ENOENT' || !(await fs.stat(folder).catch(unlessMissing))) throw error;
    throw new UserError(`cannot write ${path}: the system makes no file in ${folder}; choose another folder`);
  }
}

function temporaryPath(path: string): string {
  const name = `${temporaryPrefix(path)}${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
  return join(dirname(path), name);
}

/** Characters of a name in the name of its temporary file: 255 bytes are the limit, a character has at most 4. */
const KEPT_OF_NAME = 50;

/** `.last.safetensors.` for any path to last.safetensors. The process id, random digits and `.tmp` follow it. */
function temporaryPrefix(path: string): string {
  return `.${[...basename(path)].slice(0, KEPT_OF_NAME).join('')}.`;
}

/**
 * Refuses folders and devices as targets, and names that are too long. A rename onto a folder would fail only at the
 * end; onto /dev/null it would replace it.
 * @throws UserError with the path
 */
export async function refuseWhatIsNoFile(path: string): Promise<void> {
  const found = await fs.lstat(path).catch(unlessMissing);
  if (found === undefined || found.isFile() || found.isSymbolicLink()) return;
  throw new UserError(
    found.isDirectory()
      ? `cannot write ${path}: ${WRITE_PROBLEMS.EISDIR} (EISDIR)`
      : `cannot write ${path}: it is a device, a pipe or a socket, but a file is needed`,
  );
}

/** For a `catch`: undefined for a path that does not exist; throws any other error. */
function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Removes temporary files of killed processes. A file that cannot be removed is ignored. */
async function removeStaleTemporaries(path: string): Promise<void> {
  const folder = dirname(path);
  const prefix = temporaryPrefix(path);
  const names = await fs.readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^([0-9]+)-[0-9a-f]{12}\.tmp$/.exec(name.slice(prefix.length))?.[1];
    const stale = join(folder, name);
    if (pid === undefined || inUse.has(stale) || isOtherLiveProcess(Number(pid))) continue;
    await fs.rm(stale, { force: true }).catch(() => {});
  }
}

/**
 * Whether another live process has this id. Our own id does not count: in a container, a restarted program often has
 * the id of the killed one.
 */
function isOtherLiveProcess(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Flushes a folder, so that a rename survives a power failure. Does nothing where the system cannot flush folders. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'ENOTSUP' && code !== 'EPERM') throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Appends a line to a file and flushes it to the disk. Creates the file if necessary. If the file does not end with a
 * line break (a process was killed while writing), a line break is added first. After a failure the file is unchanged.
 * @param line without the line break
 * @throws UserError with the path, the cause and what to do
 */
export async function appendLine(path: string, line: string): Promise<void> {
  if (line.includes('\n')) throw new Error(`appendLine: ${quote(line)} is more than one line`);
  try {
    const handle = await fs.open(path, 'a+');
    try {
      const { size } = await handle.stat();
      const torn = size > 0 && (await handle.read(new Uint8Array(1), 0, 1, size - 1)).buffer[0] !== 0x0a;
      try {
        await handle.appendFile(`${torn ? '\n' : ''}${line}\n`);
        await handle.sync();
      } catch (error) {
        await handle.truncate(size).catch(() => {});
        throw error;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explainFileError('write', path, error);
  }
}

/**
 * Creates a folder and its parents; an existing folder is accepted. Removes what it has made if it fails. Unlike Node's
 * recursive mkdir, it ends in /proc, which answers that a new folder does not exist.
 * @returns the folders that were made, outermost first
 * @throws UserError with the cause
 */
export async function makeFolder(path: string): Promise<string[]> {
  const made: string[] = [];
  try {
    const missing: string[] = [];
    let at = resolve(path);
    while (!(await isMadeOrThere(at, made, path))) {
      missing.push(at);
      at = dirname(at);
    }
    for (const folder of missing.reverse()) {
      if (await isMadeOrThere(folder, made, path)) continue;
      throw new UserError(
        `cannot write the folder ${path}: the system makes no folder in ${dirname(folder)}; choose another folder`,
      );
    }
    return made;
  } catch (error) {
    await removeEmptyFolders(made);
    throw explainFileError('write', `the folder ${path}`, error);
  }
}

/** Makes one of the folders of `path`, and adds it to `made`. False if its parent does not exist. */
async function isMadeOrThere(folder: string, made: string[], path: string): Promise<boolean> {
  try {
    await fs.mkdir(folder);
    made.push(folder);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(folder) !== folder) return false;
    const found = await fs.stat(folder).catch(unlessMissing);
    if (found?.isDirectory()) return true;
    if (code !== 'EEXIST' || found !== undefined) throw error;
    throw new UserError(
      `cannot write the folder ${path}: ${folder} ${PATH_WORDS['dangling link']}; remove the link or choose another folder`,
    );
  }
}

/** Removes folders that makeFolder has made, innermost first; folders with files in them stay. */
export async function removeEmptyFolders(folders: readonly string[]): Promise<void> {
  for (const folder of folders.toReversed()) await fs.rmdir(folder).catch(() => {});
}

/**
 * Prepares a folder for files that a command writes later: makes it, and checks that files can be created in it.
 * @returns the folders that were made, for removeEmptyFolders if the command fails
 * @throws UserError
 */
export async function prepareFolder(path: string): Promise<string[]> {
  const made = await makeFolder(path);
  try {
    await fs.access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw explainFileError('write', `the folder ${path}`, error);
  }
  return made;
}

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
  check?: (start: Uint8Array, size: number) => void;
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

/**
 * Reads a whole file of limited size.
 * @param path
 * @param what how messages name the file, with article: `the checkpoint`
 * @param maxBytes a larger file is refused before memory is allocated
 * @param check called with the first bytes of the file (4096, or all if there are fewer) and its size, before memory is
 *   allocated for the rest; throws if this is not the expected kind of file
 * @returns the bytes, in a separate buffer
 * @throws UserError if the file does not exist, is a folder or a device, or is too large; and what `check` throws
 */
export async function readFileBounded(
  path: string,
  what: string,
  maxBytes: number,
  check?: (start: Uint8Array, size: number) => void,
): Promise<Uint8Array> {
  const name = `${what} ${path}`;
  const { handle, size } = await openRegularFile(path, name, maxBytes);
  try {
    if (check) check(await startOf(handle, size, name), size);
    const bytes = await readRange(handle, 0, size, name);
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
  const bytes = allocate(end - start, name);
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, 2 ** 30), start + at);
    if (bytesRead === 0) throw becameShorter(name, end, start + at);
    at += bytesRead;
  }
  return bytes;
}

function becameShorter(name: string, before: number, now: number): UserError {
  return new UserError(
    `cannot read ${name}: it became shorter while it was read (${before} bytes, then ${now}); try again`,
  );
}

function allocate(size: number, name: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
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
