/**
 * Writes files and makes folders. A file is replaced atomically: the content goes to a temporary file in the same folder,
 * which is then renamed. So other processes always see the complete old file or the complete new one, even if this
 * process is killed. Node.js only.
 */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
// Imported as an object, so that tests can replace its functions and simulate a full disk.
import fs from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../user-error.js';
import { explainFileError, PATH_WORDS, WRITE_PROBLEMS } from './file-errors.js';
import { quote } from './quotation.js';

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
 * Makes a folder of files that appears as a whole, or not at all: its files are written into a temporary folder beside it,
 * flushed, and the folder is renamed. If another process has made the folder meanwhile, that one stays.
 * @param path in a folder that exists
 * @param fill writes and flushes the files in the temporary folder
 * @throws UserError with the path, the cause and what to do, and what `fill` throws; no temporary folder is left
 */
export async function makeFolderAtomically(
  path: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryPath(path);
  inUse.add(temporary);
  try {
    await removeStaleTemporaries(path);
    await fs.mkdir(temporary);
    await fill(temporary);
    await flushFolder(temporary);
    await fs.rename(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    await flushFolder(dirname(path));
  } catch (error) {
    throw explainFileError('write', path, error);
  } finally {
    await fs.rm(temporary, { force: true, recursive: true }).catch(() => {});
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

/** Removes temporary files and folders of killed processes. A file that cannot be removed is ignored. */
async function removeStaleTemporaries(path: string): Promise<void> {
  const folder = dirname(path);
  const prefix = temporaryPrefix(path);
  const names = await fs.readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^([0-9]+)-[0-9a-f]{12}\.tmp$/.exec(name.slice(prefix.length))?.[1];
    const stale = join(folder, name);
    if (pid === undefined || inUse.has(stale) || isOtherLiveProcess(Number(pid))) continue;
    await fs.rm(stale, { force: true, recursive: true }).catch(() => {});
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
