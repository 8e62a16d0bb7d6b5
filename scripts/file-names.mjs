/** Names of files with slashes on every system: Windows answers `vendor\zod.js`, which no pattern here would match. */
import { readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';

/** `path` with slashes. @param separator what separates its parts; by default what this system uses */
export const withSlashes = (path, separator = sep) => path.replaceAll(separator, '/');

/** The files in a folder and its subfolders: sorted names, relative to the folder, with slashes. */
export function listFiles(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => withSlashes(name))
    .sort();
}
