/** Pictures in the files of a folder or a ZIP archive, class by class. Node.js only. */
import { UserError } from '../../../user-error.js';
import type { LeaveOut, OwnPicture, OwnSource } from '../own-picture.js';
import { isLabelTable, type Label, readLabelTable } from '../picture-labels.js';
import { readOwnPicture } from '../read-own-picture.js';
import type { PictureTree } from './picture-tree.js';
import { emptyFolders, placePictures } from './tree-layout.js';

/**
 * The pictures of a tree.
 * @throws UserError if a table of labels is damaged
 */
export async function treeSource(tree: PictureTree): Promise<OwnSource> {
  const labels = new Map<string, Label>();
  const tables = tree.paths.filter(isLabelTable);
  if (tables.length > 0) {
    const reader = await tree.open();
    try {
      for (const path of tables)
        await readLabelTable(await reader.read(path), path, tree.shown(path), labels);
    } finally {
      await reader.close();
    }
  }
  const pictures = placePictures(tree.paths, tables.length === 0 ? null : labels);
  async function* read(signal: AbortSignal | undefined, leaveOut: LeaveOut): AsyncGenerator<OwnPicture> {
    const reader = await tree.open();
    try {
      for (const { path, ...placed } of pictures) {
        signal?.throwIfAborted();
        const where = tree.shown(path);
        if (placed.label === null) {
          leaveOut(where, placed.reason);
          continue;
        }
        const picture = await orReason(async () =>
          readOwnPicture(await reader.read(path), { ...placed, where }),
        );
        if (typeof picture === 'string') leaveOut(where, picture.replace(`${where}: `, ''));
        else yield picture;
      }
    } finally {
      await reader.close();
    }
  }
  const empty = tables.length === 0 ? emptyFolders(tree.folders, pictures) : [];
  return { name: tree.name, total: pictures.length, pictures: read, emptyFolders: empty.map(tree.shown) };
}

/** The result, or the message of the UserError that is thrown instead. */
async function orReason<T>(make: () => Promise<T>): Promise<T | string> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}
