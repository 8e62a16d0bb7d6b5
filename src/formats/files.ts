/**
 * Reading and writing files so that nothing is lost and every failure is explained. A file is replaced by writing a
 * temporary one beside it and renaming: whoever looks, whenever the process is killed, sees the old file or the new
 * one, whole. Node.js only.
 */

import { randomBytes } from 'node:crypto';
// The module object and not its functions, so that tests can simulate a full disk.
import fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../user-error.js';
import { quote } from './quotation.js';

/** What the codes of the operating system mean when writing and what to do. */
const WRITE_PROBLEMS: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space or choose a folder on another disk',
  EDQUOT: 'your quota of disk space is used up; free some space or choose a folder on another disk',
  EROFS: 'the file system is read-only; choose another folder',
  EACCES: 'you have no permission to write there; change the permissions or choose another folder',
  EPERM: 'the system does not permit it; change the permissions or choose another folder',
  EISDIR: 'it is a folder; remove it or choose another name',
  ENOTDIR: 'a part of its path is a file and not a folder; choose another folder',
  ENOENT: 'its folder does not exist; create it or choose another',
  EEXIST: 'a file is there already, where a folder is needed; choose another name',
  ENAMETOOLONG: 'its name is too long; choose a shorter one',
  EFBIG: 'it is larger than the file system or the limits of your account allow; choose another disk',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  EIO: 'the disk reports an input/output error; check the disk',
};

const READ_PROBLEMS: Record<string, string> = {
  ENOENT: 'it does not exist; check the path',
  EACCES: 'you have no permission to read it; change the permissions',
  EPERM: 'the system does not permit it; change the permissions',
  EISDIR: 'it is a folder, and a file is needed',
  ENOTDIR: 'a part of its path is a file and not a folder; check the path',
  ENAMETOOLONG: 'its name is too long; check the path',
  ELOOP: 'its symbolic links lead in a circle',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  EIO: 'the disk reports an input/output error; check the disk',
};

/**
 * The error for a failed file operation, in words: `cannot write runs/a/last.safetensors: the disk is full; free some
 * space or choose a folder on another disk (ENOSPC)`. An error that is not the operating system's is given back.
 */
export function explainFileError(operation: 'read' | 'write', what: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const problem = (operation === 'read' ? READ_PROBLEMS : WRITE_PROBLEMS)[code] ?? error.message;
  return new UserError(`cannot ${operation} ${what}: ${problem} (${code})`);
}

/** Temporary files that this process is writing at the moment. */
const inUse = new Set<string>();

/**
 * Replaces a file as a whole, or leaves everything as it was.
 *
 * Writes a temporary file in the same folder, flushes it to the disk, renames it and flushes the folder. Temporary
 * files of the same target that a killed process has left are removed.
 * @param path in a folder that exists
 * @param content bytes, not to be changed until the promise is kept, or text
 * @throws UserError naming the path, the cause in words and what to do; no temporary file stays behind
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

/** `.last.safetensors.` for any path to last.safetensors; the process id, random digits and `.tmp` follow. */
function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`;
}

/** Renaming onto a folder fails late, and onto a device such as /dev/null would succeed and replace it. */
async function refuseWhatIsNoFile(path: string): Promise<void> {
  const found = await fs.lstat(path).catch(() => undefined);
  if (found === undefined || found.isFile() || found.isSymbolicLink()) return;
  throw new UserError(
    found.isDirectory()
      ? `cannot write ${path}: ${WRITE_PROBLEMS.EISDIR} (EISDIR)`
      : `cannot write ${path}: it is a device, a pipe or a socket, and a file is needed`,
  );
}

/** Removes what killed processes have left; a file that cannot be removed does no harm and stays. */
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

/** In a container a restarted program often has the process id of the killed one: our own is never in the way. */
function isOtherLiveProcess(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Makes the rename last through a power failure, where the system can do that for folders. */
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
 * Adds a line to a file, which need not exist, and flushes it to the disk. If the file does not end with a line break
 * (a process was killed while writing), the line starts on a line of its own. After a failure the file is as before.
 * @param line without the line break
 * @throws UserError naming the path, the cause in words and what to do
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

/** Creates a folder and those above it; one that exists is fine. @throws UserError with the cause in words */
export async function makeFolder(path: string): Promise<void> {
  try {
    await fs.mkdir(path, { recursive: true });
  } catch (error) {
    throw explainFileError('write', `the folder ${path}`, error);
  }
}

/**
 * Reads a whole file, after a look at its size.
 * @param path
 * @param what for messages, with its article: `the checkpoint`
 * @param maxBytes larger files are refused before memory is taken for them
 * @returns bytes in a buffer of their own
 * @throws UserError if there is no such file, or it is a folder or a device, or too large
 */
export async function readFileBounded(path: string, what: string, maxBytes: number): Promise<Uint8Array> {
  const name = `${what} ${path}`;
  try {
    // Opening a pipe would wait for a writer, so its kind is asked first; size and kind then of what was opened.
    checkReadable(await fs.stat(path), name, maxBytes);
    const handle = await fs.open(path, 'r');
    try {
      const found = await handle.stat();
      checkReadable(found, name, maxBytes);
      const bytes = allocate(found.size, name);
      let at = 0;
      while (at < bytes.length) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(bytes.length - at, 2 ** 30), at);
        if (bytesRead === 0) {
          throw new UserError(
            `cannot read ${name}: it became shorter while being read (${found.size} bytes, then ${at})`,
          );
        }
        at += bytesRead;
      }
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explainFileError('read', name, error);
  }
}

function allocate(size: number, name: string): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch {
    throw new UserError(`cannot read ${name}: there is not enough memory for its ${size} bytes`);
  }
}

function checkReadable(
  found: { isFile(): boolean; isDirectory(): boolean; size: number },
  name: string,
  most: number,
) {
  if (found.isDirectory()) throw new UserError(`cannot read ${name}: ${READ_PROBLEMS.EISDIR}`);
  if (!found.isFile()) {
    throw new UserError(`cannot read ${name}: it is a device, a pipe or a socket, and a file is needed`);
  }
  if (found.size > most) {
    throw new UserError(`cannot read ${name}: it has ${found.size} bytes, and at most ${most} are accepted`);
  }
}
