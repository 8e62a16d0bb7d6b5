/**
 * Which class and which part a file in a folder of pictures belongs to. The layouts are torchvision's ImageFolder and
 * Hugging Face's imagefolder: `CLASS/1.png`, `train/CLASS/1.png` and `test/CLASS/1.png`, or a table of labels
 * (metadata.csv, metadata.jsonl) beside the pictures or above them; and Kaggle's `training_set/training_set/CLASS/1.png`.
 */
import { meaningOf } from '../name-words.js';
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
  const all = files.map((path) => path.split('/').slice(0, -1));
  const skipped = sharedFolders(all);
  const folders = all.map((names) => names.slice(skipped));
  const parts = partFolders(folders, labels !== null);
  const once = parts && foldersTwice(folders);
  const placed = files.map((path, n): PlacedPicture => {
    const [first = '', ...inner] = folders[n];
    const folderPart = parts?.get(first) ?? null;
    const listed = labels?.get(path);
    if (listed) return { path, label: listed.label, part: listed.part ?? folderPart };
    if (parts && folderPart === null) {
      return { path, label: null, reason: 'it is in none of the folders train, test and validation' };
    }
    const label = parts ? inner[once?.has(first) ? 1 : 0] : folders[n][0];
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
 * The parts of the outermost folders: of folders named `train`, `test` and so on; without such, of folders with these
 * words (`training_set`, `seg_test`), if each is named for a part, not all for the same, and has folders. So a class
 * `test tube` among others stays a class.
 * @param folders of each picture
 * @param isListed whether the classes are in a table, so that parts need no folders in them
 * @returns null if the outermost folders are no parts
 */
function partFolders(folders: readonly string[][], isListed: boolean): ReadonlyMap<string, OwnPart> | null {
  const outermost = new Set(folders.filter((names) => names.length > 0).map(([first]) => first));
  const divided = new Set(
    folders.filter((names) => names.length > (isListed ? 0 : 1)).map(([first]) => first),
  );
  const partsBy = (partOf: (name: string) => OwnPart | null | undefined) => {
    const parts = new Map<string, OwnPart>();
    for (const name of outermost) {
      const part = partOf(name);
      if (part) parts.set(name, part);
    }
    return parts;
  };
  const named = partsBy(partNamed);
  if ([...named.keys()].some((name) => divided.has(name))) return named;
  const worded = partsBy((name) => meaningOf(name).part);
  const found = new Set(worded.values());
  const areParts = worded.size === outermost.size && divided.size === outermost.size;
  return areParts && found.has('train') && found.size > 1 ? worded : null;
}

/** Outermost folders that hold nothing but a folder of the same name with folders in it: `seg_train/seg_train/CLASS`. */
function foldersTwice(folders: readonly string[][]): ReadonlySet<string> {
  const twice = new Set<string>();
  const others = new Set<string>();
  for (const [first, second, third] of folders) {
    if (first === second && third !== undefined) twice.add(first);
    else others.add(first);
  }
  for (const name of others) twice.delete(name);
  return twice;
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
