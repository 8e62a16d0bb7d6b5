/**
 * Reads and writes files, with an explanation for every failure. A file is replaced atomically: the content goes to a
 * temporary file in the same folder, which is then renamed. So other processes always see the complete old file or the
 * complete new one, even if this process is killed. Node.js only.
 */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
// Imported as an object, so that tests can replace its functions and simulate a full disk.
import fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
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

/**
 * Turns an error of the operating system into a UserError: `cannot write runs/a/last.safetensors: the disk is full; free
 * some space or choose a folder on another disk (ENOSPC)`. Returns any other error unchanged.
 * @param what how the message names the file
 */
export function explainFileError(operation: 'read' | 'write', what: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const problem = (operation === 'read' ? READ_PROBLEMS : WRITE_PROBLEMS)[code] ?? error.message;
  return new UserError(`cannot ${operation} ${what}: ${problem} (${code})`);
}

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
  const temporary = join(
    folder,
    `${temporaryPrefix(path)}${process.pid}-${randomBytes(6).toString('hex')}.tmp`,
  );
  inUse.add(temporary);
  try {
    await refuseWhatIsNoFile(path);
    await removeStaleTemporaries(path);
    const handle = await fs.open(temporary, 'wx');
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

/** `.last.safetensors.` for any path to last.safetensors. The process id, random digits and `.tmp` follow it. */
function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`;
}

/** Refuses folders and devices. A rename onto a folder would fail only at the end; onto /dev/null it would replace it. */
async function refuseWhatIsNoFile(path: string): Promise<void> {
  const found = await fs.lstat(path).catch(() => undefined);
  if (found === undefined || found.isFile() || found.isSymbolicLink()) return;
  throw new UserError(
    found.isDirectory()
      ? `cannot write ${path}: ${WRITE_PROBLEMS.EISDIR} (EISDIR)`
      : `cannot write ${path}: it is a device, a pipe or a socket, but a file is needed`,
  );
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

/** Creates a folder and its parents; an existing folder is accepted. @throws UserError with the cause */
export async function makeFolder(path: string): Promise<void> {
  try {
    await fs.mkdir(path, { recursive: true });
  } catch (error) {
    throw explainFileError('write', `the folder ${path}`, error);
  }
}

/** Bytes that readFileBounded gives to its check. */
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
    if (check) {
      const start = new Uint8Array(Math.min(START_BYTES, size));
      await fill(handle, start, name);
      check(start, size);
    }
    const bytes = allocate(size, name);
    await fill(handle, bytes, name);
    return bytes;
  } catch (error) {
    throw explainFileError('read', name, error);
  } finally {
    await handle.close();
  }
}

/** Fills `bytes` from the start of a file. @throws UserError if the file is shorter */
async function fill(handle: fs.FileHandle, bytes: Uint8Array, name: string): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, 2 ** 30), at);
    if (bytesRead === 0) {
      throw new UserError(
        `cannot read ${name}: it became shorter while it was read (${bytes.length} bytes, then ${at}); try again`,
      );
    }
    at += bytesRead;
  }
}

function allocate(size: number, name: string): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch {
    throw new UserError(`cannot read ${name}: cannot allocate ${size} bytes of memory`);
  }
}

function checkReadable(
  found: { isFile(): boolean; isDirectory(): boolean; size: number },
  name: string,
  maxBytes: number,
) {
  if (found.isDirectory()) throw new UserError(`cannot read ${name}: ${READ_PROBLEMS.EISDIR}`);
  if (!found.isFile()) {
    throw new UserError(`cannot read ${name}: it is a device, a pipe or a socket, but a file is needed`);
  }
  if (found.size > maxBytes) {
    throw new UserError(`cannot read ${name}: it has ${found.size} bytes; at most ${maxBytes} are accepted`);
  }
}
