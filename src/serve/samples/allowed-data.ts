/**
 * Decides which data sets the server may open. A run folder may come from a stranger, and its config.json may name any
 * file of this machine. So only the built-in data sets and paths inside the data roots are opened: the folders that the
 * command line gives.
 */
import { createHash } from 'node:crypto';
import { lstatSync, type Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { isDrawingOrSketchFile, kindNamed, STROKES_PREFIX, withoutPrefix } from '../../data/dataset-name.js';
import { arraysBeside } from '../../data/own/tables/open-table.js';
import { MOST_NESTED } from '../../data/own/trees/folder-tree.js';
import { isLeftBehind } from '../../data/own/trees/picture-tree.js';
import { severalFiles } from '../../data/pens/drawing-files.js';
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import { HttpError } from '../http-error.js';

/** The data sets that come with the package. */
const BUILT_IN = ['mnist', 'strokes'];
/** A data set of strokes has its files here, if not in the folder itself. */
const SUBFOLDER = 'sequences';

/**
 * The data roots with all symbolic links resolved.
 * @throws UserError if one does not exist
 */
export async function openDataRoots(given: readonly string[]): Promise<string[]> {
  const roots = given.map(async (path) => {
    const real = path === '' ? null : await realpath(path).catch(() => null);
    if (real !== null && (await stat(real).catch(() => null))?.isDirectory()) return real;
    throw new UserError(
      `serve: --data-root must be a folder of data sets, found ${quote(path, 200)}, which ${real === null ? 'does not exist' : 'is no folder'}`,
    );
  });
  return Promise.all(roots);
}

/**
 * Checks that the server may open a data set: the path, every file below its folder and the files that are read with it
 * are, after all symbolic links, inside a data root, and are neither pipes nor devices. What lies outside is neither
 * opened nor described.
 * @param spec the run's `data`, as for loadDataset; a relative path starts at the working folder of the server
 * @param roots data roots, as openDataRoots returns them
 * @returns the version of the data, which changes when a file is changed, added or removed
 * @throws HttpError 403 if the server may not, with what to do
 */
export async function checkAllowed(spec: string, roots: readonly string[]): Promise<string> {
  const look = new DataLook(roots);
  if (BUILT_IN.includes(spec)) return look.version();
  const isStrokes = spec.startsWith(STROKES_PREFIX);
  const path = withoutPrefix(spec);
  for (const each of severalFiles(path, isDrawingOrSketchFile) ?? [path]) {
    // The name tells a file; looking would tell strangers what is there.
    await look.check(each, !isStrokes && kindNamed(each) !== null);
  }
  return look.version();
}

/** A look at the files of a data set. */
class DataLook {
  readonly #roots: readonly string[];
  readonly #stamps = createHash('sha256');

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** Of all that has been checked. */
  version(): string {
    return this.#stamps.digest('hex');
  }

  /** @param isFile whether the path must be a file */
  async check(path: string, isFile: boolean): Promise<void> {
    const real = await realpath(path).catch(() => null);
    if (real === null || !this.#allows(real)) {
      // Only a path that is inside as it is written is told from one that does not exist.
      if (!this.#allows(resolve(path))) throw notAllowed(path, isFile);
      if (real !== null) throw leadsOut(path);
      throw new HttpError(403, `samples: this run's data are in ${quote(path, 200)}, which does not exist`);
    }
    const found = await stat(real);
    this.#note(found, path);
    if (found.isDirectory()) {
      await this.#checkFolder(real, path, 0);
      const below = join(real, SUBFOLDER);
      const realBelow = await realpath(below).catch(() => null);
      // A link to it is followed, and one out of the roots has been refused as an entry.
      if (realBelow !== null && realBelow !== below && (await stat(realBelow)).isDirectory()) {
        await this.#checkFolder(realBelow, join(path, SUBFOLDER), 0);
      }
      return;
    }
    const beside = await arraysBeside(path);
    // A link from outside leads to the file, but not to those beside it.
    if (beside.length > 0 && !this.#allows(await realpath(dirname(path)))) throw notAllowed(path, isFile);
    for (const each of beside) await this.#checkLink(each, each);
  }

  /**
   * Checks a folder, and the folders below it that are read.
   * @param shown the folder as the run names it
   */
  async #checkFolder(folder: string, shown: string, depth: number): Promise<void> {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const [path, name] = [folder, shown].map((each) => join(each, entry.name));
      if (entry.isSymbolicLink()) {
        await this.#checkLink(path, name);
        continue;
      }
      // At once: there may be tens of thousands, and this thread does nothing else meanwhile.
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found === undefined) continue;
      this.#note(found, name);
      if (entry.isDirectory() && depth < MOST_NESTED && !isLeftBehind(entry.name)) {
        await this.#checkFolder(path, name, depth + 1);
      }
    }
  }

  /** @param shown the path as the run names it */
  async #checkLink(path: string, shown: string): Promise<void> {
    const real = await realpath(path).catch(() => null);
    // A link to nothing gives nothing to read.
    if (real === null) return;
    if (!this.#allows(real)) throw leadsOut(shown);
    this.#note(await stat(real), shown);
  }

  #allows(path: string): boolean {
    return isInside(path, this.#roots);
  }

  /** Refuses pipes, sockets and devices, which may never end. */
  #note(found: Stats, path: string): void {
    if (!found.isFile() && !found.isDirectory()) {
      throw new HttpError(
        403,
        `samples: ${quote(path, 200)} is a device, a pipe or a socket; serve opens only files and folders`,
      );
    }
    const { size, mtimeMs, ctimeMs, ino } = found;
    this.#stamps.update(`${path} ${size} ${mtimeMs} ${ctimeMs} ${ino}\n`);
  }
}

function isInside(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => {
    const way = relative(root, path);
    return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && resolve(root, way) === path);
  });
}

function leadsOut(path: string): HttpError {
  return new HttpError(
    403,
    `samples: ${quote(path, 200)} is a symbolic link that leads out of the data roots; serve may not follow it`,
  );
}

function notAllowed(path: string, isFile: boolean): HttpError {
  const root = isFile ? dirname(path) : path;
  const argument = /^[\w./~+@%,:=-]+$/.test(root) ? root : quote(root, 200);
  return new HttpError(
    403,
    `samples: this run's data are in ${quote(path, 200)}, which serve may not open; if you trust this run, start serve with --data-root ${argument}`,
  );
}
