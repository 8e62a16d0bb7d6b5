/**
 * Explains errors of the operating system about files, and looks at paths: one line with the file, the cause and what to
 * do. Node.js only.
 */
import { lstatSync, type Stats, statSync } from 'node:fs';
import { UserError } from '../user-error.js';

/** Explanation and advice for each error code of the operating system, for writing. */
export const WRITE_PROBLEMS: Record<string, string> = {
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
export const READ_PROBLEMS: Record<string, string> = {
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
