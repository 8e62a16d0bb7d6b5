/**
 * Finds runs on the disk and gives each an id made of its folder's name. A link in a folder of runs is left out.
 * Node.js only.
 */
import { type Dirent, readdirSync, realpathSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explainFileError, lookAt, PATH_WORDS } from '../formats/file-errors.js';
import { UserError } from '../user-error.js';
import { readCheckpointHeader } from './checkpoint/checkpoint-file.js';
import { RUN_FILES } from './run-folder.js';
import { isSeedFolder, runPathOf } from './run-path.js';
import { isShipped, RUN_CHOICES, shippedModels } from './shipped-models.js';
import { isTrialFolder } from './sweep/sweep-folder.js';

/** A run's id and paths. */
export interface RunPlace {
  id: string;
  folder: string;
  /** Path of the best checkpoint; the file may not exist yet. */
  checkpoint: string;
  /** Whether it is a network that comes with the package. Default false. */
  shipped?: boolean;
}

/** The networks that come with the package. */
export function shippedRuns(): RunPlace[] {
  return shippedModels().map(({ name, folder }) => {
    // As namedRuns returns them.
    const real = realpathSync(folder);
    return { id: name, folder: real, checkpoint: join(real, RUN_FILES.best), shipped: true };
  });
}

/** Separates a folder of several seeds from a seed in an id: without meaning in URLs and in file names. */
const WITHIN = '~';

/** A training has no more seeds; a stranger's folder may hold any number of folders. */
const MAX_SEEDS = 1000;

/** What a folder holds: a run, or runs of several seeds or of a sweep's trials in these folders, or neither. */
export interface FolderListing {
  holdsRun: boolean;
  /** Names of folders, sorted. */
  seeds: string[];
}

/** Lists a folder; one that cannot be read holds nothing. */
export function listFolder(folder: string): FolderListing {
  const names = entriesOf(folder);
  const isMember = (name: string) => isSeedFolder(name) || isTrialFolder(name);
  const seeds = names.filter((each) => each.isDirectory() && isMember(each.name)).map(({ name }) => name);
  const holdsRun = names.some(({ name }) => name === RUN_FILES.config || name === RUN_FILES.last);
  return { holdsRun: holdsRun && seeds.length === 0, seeds: seeds.sort() };
}

/** Names of the folders in a folder of runs, sorted; none if it does not exist. */
export function foldersIn(runs: string): string[] {
  return entriesOf(runs)
    .filter((each) => each.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Whether a folder holds runs and is not a run itself. */
export function isFolderOfRuns(path: string): boolean {
  if (runsAt(path, '').length > 0) return false;
  return foldersIn(path).some((name) => runsAt(join(path, name), name).length > 0);
}

/**
 * The runs named on the command line.
 * @param operation what messages begin with
 * @param given run folders, folders of several seeds, checkpoints, names (runPathOf)
 * @throws UserError if one of them is none of these, or a file is no checkpoint
 */
export async function namedRuns(operation: string, given: readonly string[]): Promise<RunPlace[]> {
  const places: RunPlace[] = [];
  for (const name of given) {
    const path = runPathOf(operation, name);
    const kind = lookAt(path);
    if (kind !== 'file' && kind !== 'folder') {
      throw new UserError(`${operation}: ${path} ${PATH_WORDS[kind]}; give ${RUN_CHOICES}`);
    }
    const real = await realpath(path);
    const mark = isShipped(real) ? { shipped: true } : {};
    if (kind === 'file') {
      await readCheckpointHeader(path);
      const file = basename(real);
      const folder = dirname(real);
      const suffix = file === RUN_FILES.best ? '' : `${WITHIN}${file.replace(/\.safetensors$/, '')}`;
      places.push({ id: basename(folder) + suffix, folder, checkpoint: real, ...mark });
      continue;
    }
    const inside = runsAt(real, basename(real));
    if (inside.length === 0) {
      throw new UserError(
        `${operation}: ${path} holds no run (neither ${RUN_FILES.config} nor ${RUN_FILES.last}); and none of its folders does`,
      );
    }
    for (const place of inside) places.push({ ...place, ...mark });
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

/**
 * The run in a folder, or its runs with several seeds.
 * @param list lists a folder
 */
export function runsAt(
  folder: string,
  id: string,
  list: (folder: string) => FolderListing = listFolder,
): RunPlace[] {
  const { holdsRun, seeds } = list(folder);
  if (holdsRun) return [{ id, folder, checkpoint: join(folder, RUN_FILES.best) }];
  return seeds
    .slice(0, MAX_SEEDS)
    .map((name) => ({ name, inside: join(folder, name) }))
    .filter(({ inside }) => list(inside).holdsRun)
    .map(({ name, inside }) => ({
      id: id + WITHIN + name,
      folder: inside,
      checkpoint: join(inside, RUN_FILES.best),
    }));
}

/** Gives two folders of the same name different ids. */
export function withDistinctIds(places: readonly RunPlace[]): RunPlace[] {
  const taken = new Set<string>();
  return places.map((place) => {
    let id = place.id;
    for (let n = 2; taken.has(id); n++) id = `${place.id}${WITHIN}${n}`;
    taken.add(id);
    return id === place.id ? place : { ...place, id };
  });
}
