/**
 * The files below a folder. Symbolic links are followed only within the folder, so whoever may name the folder reads
 * nothing outside of it. Node.js only.
 */
import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { explainFileError } from '../../../formats/file-errors.js';
import { readFileBounded } from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';
import { isLeftBehind, MAX_FILE_BYTES, MAX_FILES, type PictureTree, shownPath } from './picture-tree.js';

/** Folders within folders: a part, a class, and some more. No reader of a folder goes deeper. */
export const MOST_NESTED = 8;

/**
 * Lists the files below a folder.
 * @throws UserError if the folder cannot be read, or has too many files
 */
export async function openFolderTree(folder: string, signal?: AbortSignal): Promise<PictureTree> {
  const root = await realpath(folder).catch((error: unknown) => {
    throw explainFileError('read', `the data folder ${folder}`, error);
  });
  const paths: string[] = [];
  const folders: string[] = [];
  const walk = async (below: string, depth: number): Promise<void> => {
    signal?.throwIfAborted();
    const place = join(folder, below);
    const entries = await readdir(place, { withFileTypes: true }).catch((error: unknown) => {
      throw explainFileError('read', `the data folder ${place}`, error);
    });
    for (const entry of entries) {
      if (isLeftBehind(entry.name)) continue;
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      const kind = await kindOf(entry, join(folder, path), root);
      if (kind === 'folder' && depth < MOST_NESTED) {
        folders.push(path);
        await walk(path, depth + 1);
      }
      if (kind !== 'file') continue;
      if (paths.length >= MAX_FILES) {
        throw new UserError(
          `the data folder ${folder} has more than ${MAX_FILES} files; give a smaller folder`,
        );
      }
      paths.push(path);
    }
  };
  await walk('', 0);
  return {
    name: basename(resolve(folder)),
    paths: paths.sort(),
    folders: folders.sort(),
    shown: (path) => shownPath(join(folder, path)),
    open: async () => ({
      read: (path) => readFileBounded(join(folder, path), 'the picture', MAX_FILE_BYTES),
      close: async () => {},
    }),
  };
}

async function kindOf(entry: Dirent, path: string, root: string): Promise<'file' | 'folder' | 'other'> {
  if (!entry.isSymbolicLink()) return entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other';
  const real = await realpath(path).catch(() => null);
  if (real === null) return 'other';
  const way = relative(root, real);
  // A link to a folder could lead in circles: only links to files are followed.
  if (way === '..' || way.startsWith(`..${sep}`) || resolve(root, way) !== real) return 'other';
  return (await stat(real)).isFile() ? 'file' : 'other';
}
