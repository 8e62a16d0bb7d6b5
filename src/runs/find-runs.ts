/**
 * Finds runs on the disk and gives each an id made of its folder's name. A link in a folder of runs is left out.
 * Node.js only.
 */
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { explainFileError, lookAt, PATH_WORDS } from '../formats/files.js';
import { UserError } from '../user-error.js';
import { readCheckpointHeader } from './checkpoint-file.js';
import { RUN_FILES } from './run-folder.js';
import { isSeedFolder } from './run-path.js';

/** A run's id and paths. */
export interface RunPlace {
  id: string;
  folder: string;
  /** Path of the best checkpoint; the file may not exist yet. */
  checkpoint: string;
}

/** Separates a folder of several seeds from a seed in an id: without meaning in URLs and in file names. */
const WITHIN = '~';

/** Whether a folder holds runs and is not a run itself. */
export async function isFolderOfRuns(path: string): Promise<boolean> {
  return (await runsAt(path, '')).length === 0 && (await runsIn(path)).length > 0;
}

/**
 * The runs named on the command line.
 * @param operation what messages begin with
 * @param paths run folders, folders of several seeds, checkpoints
 * @throws UserError if one of them is none of these, or a file is no checkpoint
 */
export async function namedRuns(operation: string, paths: readonly string[]): Promise<RunPlace[]> {
  const places: RunPlace[] = [];
  for (const path of paths) {
    const kind = lookAt(path);
    if (kind !== 'file' && kind !== 'folder') {
      throw new UserError(`${operation}: ${path} ${PATH_WORDS[kind]}; give run folders or checkpoints`);
    }
    const real = await realpath(path);
    if (kind === 'file') {
      await readCheckpointHeader(path);
      const file = basename(real);
      const folder = dirname(real);
      const suffix = file === RUN_FILES.best ? '' : `${WITHIN}${file.replace(/\.safetensors$/, '')}`;
      places.push({ id: basename(folder) + suffix, folder, checkpoint: real });
      continue;
    }
    const inside = await runsAt(real, basename(real));
    if (inside.length === 0) {
      throw new UserError(
        `${operation}: ${path} holds no run (neither ${RUN_FILES.config} nor ${RUN_FILES.last}); and none of its folders does`,
      );
    }
    places.push(...inside);
  }
  return places;
}

/**
 * Checks a folder of runs, which need not exist yet.
 * @param operation start of the messages
 * @throws UserError if it is no folder, or cannot be read
 */
export async function checkFolderOfRuns(operation: string, path: string): Promise<void> {
  const kind = lookAt(path);
  if (kind === 'nothing') return;
  if (kind !== 'folder') {
    throw new UserError(`${operation}: ${path} ${PATH_WORDS[kind]}; give a folder of runs`);
  }
  await readdir(path).catch((error: unknown) => {
    throw explainFileError('read', `the folder of runs ${path}`, error);
  });
}

/** The runs in a folder, by name; none if the folder does not exist. */
export async function runsIn(runs: string): Promise<RunPlace[]> {
  const names = await readdir(runs, { withFileTypes: true }).catch(() => []);
  const folders = names.filter((each) => each.isDirectory()).map(({ name }) => name);
  const places = await Promise.all(folders.sort().map((name) => runsAt(resolve(runs, name), name)));
  return places.flat();
}

/** The run in a folder, or its runs with several seeds. */
async function runsAt(folder: string, id: string): Promise<RunPlace[]> {
  const names = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const seeds = names.filter((each) => each.isDirectory() && isSeedFolder(each.name)).map(({ name }) => name);
  const nested = await Promise.all(
    seeds.sort().map((name) => runsAt(join(folder, name), id + WITHIN + name)),
  );
  const holdsRun = names.some(({ name }) => name === RUN_FILES.config || name === RUN_FILES.last);
  const own =
    holdsRun && seeds.length === 0 ? [{ id, folder, checkpoint: join(folder, RUN_FILES.best) }] : [];
  return [...own, ...nested.flat()];
}

/** Gives two folders of the same name different ids. */
export function withDistinctIds(places: readonly RunPlace[]): RunPlace[] {
  const taken = new Set<string>();
  return places.map((place) => {
    let id = place.id;
    for (let n = 2; taken.has(id); n++) id = `${place.id}${WITHIN}${n}`;
    taken.add(id);
    return { ...place, id };
  });
}
