/** A folder or a ZIP archive with pictures: paths of files, and their bytes. */

import { inOneLine } from '../../../formats/quotation.js';

/** Limit for a picture's file, as for inputs of `predict`. */
export const MAX_FILE_BYTES = 2 ** 26;
/** Limit for the number of files. */
export const MAX_FILES = 5_000_000;

/** Names of pictures, also of those in formats that are not read, which are then listed as left out. */
const PICTURE_FILE = /\.(png|jpe?g|jpe|jfif|webp|gif|bmp|tiff?|heic|heif|avif|jxl)$/i;
/** Files and folders that systems and programs leave behind. */
const LEFT_BEHIND = /^(\..*|__macosx|thumbs\.db|desktop\.ini|@eadir)$/i;

/** Whether a file with this name should be a picture. */
export function isPictureFile(name: string): boolean {
  return PICTURE_FILE.test(name);
}

/** Whether a file or folder of this name is skipped without a word: `.git`, `Thumbs.db`, `__MACOSX`. */
export function isLeftBehind(name: string): boolean {
  return LEFT_BEHIND.test(name);
}

/** Letters of a path in a message. */
const MAX_SHOWN = 200;

/** A path as messages show it: in one line, not too long. */
export function shownPath(path: string): string {
  return inOneLine(path.length > MAX_SHOWN ? `…${path.slice(-MAX_SHOWN)}` : path);
}

/** Files below one place. */
export interface PictureTree {
  /** The data set's name in messages. */
  name: string;
  /** Paths of all files, relative to the place, with `/` between the names, sorted. */
  paths: string[];
  /** Paths of folders, empty ones included, as far as the place lists them. */
  folders: string[];
  /** A path as messages name it. */
  shown(path: string): string;
  /** Opens the files for reading. The caller closes the reader. */
  open(): Promise<TreeReader>;
}

/** Reads files of a tree. */
export interface TreeReader {
  /** @throws UserError if the file cannot be read or is larger than MAX_FILE_BYTES */
  read(path: string): Promise<Uint8Array>;
  close(): Promise<void>;
}
