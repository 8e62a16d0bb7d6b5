/** Opens people's own pictures: a folder, a ZIP archive, or tables of pictures. Node.js only. */
import { readdir } from 'node:fs/promises';
import { lookAt } from '../../formats/file-errors.js';
import { isOwnFile } from '../dataset-name.js';
import type { ImageDataset } from '../images/image-examples.js';
import { type CollectOptions, collectPictures } from './collect-pictures.js';
import { refuseOtherData } from './found-instead.js';
import type { OwnSource } from './own-picture.js';
import { isLabelTable } from './picture-labels.js';
import { readOwnPicture } from './read-own-picture.js';
import { openTable, tableType } from './tables/open-table.js';
import { openFolderTree } from './trees/folder-tree.js';
import { isLeftBehind, isPictureFile } from './trees/picture-tree.js';
import { treeSource } from './trees/tree-source.js';
import { openZipTree } from './trees/zip-tree.js';

/**
 * The pictures at a path.
 * @returns null if there is nothing of the kind: another file, or a folder with neither pictures nor folders
 * @throws UserError if the path cannot be read
 */
export async function openOwn(path: string, signal?: AbortSignal): Promise<OwnSource | null> {
  const table = await openTable(path, readOwnPicture);
  if (table !== null) return table;
  const isArchive = isOwnFile(path);
  if (!isArchive && (lookAt(path) !== 'folder' || !(await holdsPictures(path)))) return null;
  const tree = isArchive ? await openZipTree(path) : await openFolderTree(path, signal);
  refuseOtherData(tree, isArchive);
  return treeSource(tree);
}

/** As openOwn and collectPictures. */
export async function loadOwn(path: string, options: CollectOptions): Promise<ImageDataset | null> {
  const source = await openOwn(path, options.signal);
  return source && collectPictures(source, options);
}

/** Whether a folder has pictures, folders or a table of labels. IDX files take precedence. */
export async function holdsPictures(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  if (entries.some(({ name }) => /idx[134]-ubyte/i.test(name))) return false;
  return entries.some(
    (entry) =>
      !isLeftBehind(entry.name) &&
      (entry.isDirectory() ||
        isPictureFile(entry.name) ||
        isLabelTable(entry.name) ||
        tableType(entry.name) !== null),
  );
}
