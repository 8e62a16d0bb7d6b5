/**
 * Which class and which part a file in a folder of pictures belongs to. The layouts are torchvision's ImageFolder and
 * Hugging Face's imagefolder: `CLASS/1.png`, `train/CLASS/1.png` and `test/CLASS/1.png`, or a table of labels
 * (metadata.csv, metadata.jsonl) beside the pictures or above them.
 */
import { type OwnPart, partNamed } from '../own-picture.js';
import type { Labels } from '../picture-labels.js';
import { isPictureFile } from './picture-tree.js';

/** A picture's place, class and part; a reason where it has no class. */
export type PlacedPicture = { path: string } & (
  | { label: string; part: OwnPart | null }
  | { label: null; reason: string }
);

/**
 * @param paths of all files, sorted
 * @param labels from tables, by path; null without a table
 * @returns the pictures in the order of the paths; last the files that a table names and that do not exist
 */
export function placePictures(paths: readonly string[], labels: Labels | null): PlacedPicture[] {
  const files = paths.filter((path) => isPictureFile(path));
  const folders = files.map((path) => path.split('/').slice(0, -1));
  const skipped = sharedFolders(folders);
  const isDivided = folders.some(
    (names) =>
      partNamed(names[skipped] ?? '') !== undefined && (labels !== null || names.length > skipped + 1),
  );
  const placed = files.map((path, n): PlacedPicture => {
    const names = folders[n].slice(skipped);
    const folderPart = isDivided ? (partNamed(names[0] ?? '') ?? null) : null;
    const listed = labels?.get(path);
    if (listed) return { path, label: listed.label, part: listed.part ?? folderPart };
    if (isDivided && folderPart === null) {
      return { path, label: null, reason: 'it is in none of the folders train, test and validation' };
    }
    const label = names[isDivided ? 1 : 0];
    if (label !== undefined && labels === null) return { path, label, part: folderPart };
    const reason =
      labels === null ? 'it is in no folder of a class' : 'no table of labels (metadata) names it';
    return { path, label: null, reason };
  });
  if (labels === null) return placed;
  const known = new Set(files);
  const missing = [...labels].filter(([path]) => !known.has(path));
  return [
    ...placed,
    ...missing.map(([path, { where }]) => ({
      path,
      label: null,
      reason: `${where} names it, but there is no such picture`,
    })),
  ];
}

/**
 * Folders beside those of classes, in and below which there is no picture: their names are no classes.
 * @param folders of the tree
 * @param placed its pictures, placed without a table of labels
 */
export function emptyFolders(folders: readonly string[], placed: readonly PlacedPicture[]): string[] {
  const filled = new Set<string>();
  const ofClasses = new Set<string>();
  for (const { path, label } of placed) {
    const names = path.split('/').slice(0, -1);
    names.forEach((name, n) => {
      filled.add(names.slice(0, n + 1).join('/'));
      if (name === label) ofClasses.add(names.slice(0, n).join('/'));
    });
  }
  return folders.filter(
    (folder) => !filled.has(folder) && ofClasses.has(folder.split('/').slice(0, -1).join('/')),
  );
}

/** Number of folders that all pictures share and that are neither a part nor the folder of a class. */
function sharedFolders(folders: readonly string[][]): number {
  if (folders.length === 0) return 0;
  let shared = 0;
  const [first] = folders;
  while (
    partNamed(first[shared] ?? '') === undefined &&
    folders.every((names) => names.length > shared + 1 && names[shared] === first[shared])
  ) {
    shared++;
  }
  return shared;
}
