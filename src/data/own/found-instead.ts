/** What lies in a folder or archive without pictures, and which path to give instead. */
import { UserError } from '../../user-error.js';
import { isDrawingFile } from '../dataset-name.js';
import { isLabelTable } from './picture-labels.js';
import { tableType } from './tables/open-table.js';
import { isPictureFile, type PictureTree } from './trees/picture-tree.js';

/** Files that a message names. */
const NAMED = 3;
const IDX_FILE = /idx[134]-ubyte/i;

/** Files that are read from another path, in the order in which they are looked for. */
const KINDS: readonly {
  name: string;
  holds: (path: string) => boolean;
  /** Whether the folder of the files is to be given, not one of them. */
  asFolder: boolean;
}[] = [
  { name: 'tables', holds: (path) => tableType(path) === 'csv', asFolder: false },
  { name: 'tables', holds: (path) => tableType(path) !== null, asFolder: true },
  { name: 'IDX files', holds: (path) => IDX_FILE.test(path), asFolder: true },
  // Any file may be called .json.
  { name: 'drawings', holds: (path) => isDrawingFile(path) && !/\.json$/i.test(path), asFolder: true },
];

/**
 * Refuses a tree that holds other data than pictures, which are read from another path: tables beside folders, files in a
 * folder further down. A tree with pictures, with a table of their labels, or without any known file passes.
 * @param isArchive whether it must be unpacked first
 * @throws UserError naming what was found and the path to give
 */
export function refuseOtherData({ name, paths, shown }: PictureTree, isArchive: boolean): void {
  if (paths.some((path) => isPictureFile(path) || isLabelTable(path))) return;
  for (const { name: kind, holds, asFolder } of KINDS) {
    const depth = (path: string) => path.split('/').length;
    const found = paths.filter(holds).sort((a, b) => depth(a) - depth(b));
    if (found.length === 0) continue;
    const [first] = found;
    const listed = found.slice(0, NAMED).map(shown).join(', ');
    const more = found.length > NAMED ? ` and ${found.length - NAMED} more` : '';
    const folder = first.includes('/') ? first.slice(0, first.lastIndexOf('/')) : '';
    const instead = asFolder && folder !== '' ? shown(folder) : shown(first);
    const way = isArchive
      ? 'unpack the archive, and give the unpacked file'
      : asFolder
        ? `give ${instead}`
        : `give ${found.length > 1 ? 'one of them, such as ' : ''}${instead}: CSV files beside or below folders are not read`;
    throw new UserError(`${name}: no pictures found, but ${kind}: ${listed}${more}; ${way}`, {
      settings: ['data'],
    });
  }
}
