/**
 * The folder of a new run, and the run and checkpoint that a path on the command line means. The clock only names new
 * folders and selects the newest run. Node.js only.
 */
import { mkdirSync, readdirSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { explainFileError, lookAt, PATH_WORDS } from '../formats/file-errors.js';
import { prepareFolder } from '../formats/files.js';
import { UserError } from '../user-error.js';
import { numberedFolders } from './numbered-folders.js';
import { RUN_FILES } from './run-folder.js';
import { originOf } from './run-origin.js';
import { describeRunsIn } from './runs-in-folder.js';
import {
  isShipped,
  isShippedName,
  RUN_CHOICES,
  refuseShipped,
  shippedFolder,
  shippedFolderOf,
} from './shipped-models.js';

/** The folder of new runs. */
export const RUNS = 'runs';
/** Used in place of a path, means the newest run in runs/. */
export const NEWEST = 'last';

/** Folders that newRunFolder and prepareRunFolder have made in this process, by the run folder; outermost first. */
const claimed = new Map<string, string[]>();

/**
 * Makes the folder `runs/quick-20261121-214005`, or the first of `-2`, `-3` … that does not exist. Making it claims it:
 * a run that starts in the same second gets the next number.
 * @param runs the folder to make it in; made if it is missing, but not the folders around it
 * @throws UserError if the folder cannot be made
 */
export function newRunFolder(preset: string, now: Date, runs: string = RUNS): string {
  const pad = (value: number) => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${pad(now.getMonth() + 1)}${pad(now.getDate())}`;
  const time = `${pad(now.getHours())}${pad(now.getMinutes())}${pad(now.getSeconds())}`;
  const path = join(runs, `${preset}-${day}-${time}`);
  try {
    resolve(runs); // fails if the working folder is gone
    const made = isNew(() => mkdirSync(runs)) ? [runs] : [];
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? path : `${path}-${number}`;
      if (!isNew(() => mkdirSync(candidate))) continue;
      claimed.set(resolve(candidate), [...made, candidate]);
      return candidate;
    }
  } catch (error) {
    throw explainFileError('write', `the folder ${path}`, error);
  }
}

/**
 * Makes the folder that the user has named for a new run, before the data are read.
 * @param loadCp the checkpoint from which the run begins; null for none
 * @throws UserError if it holds a run, is part of the package, or cannot be made or written
 */
export async function prepareRunFolder(folder: string, loadCp: string | null): Promise<void> {
  refuseShipped('train', folder);
  const made = await prepareFolder(folder);
  await refuseOldRun(folder, loadCp);
  if (made.length > 0) claimed.set(resolve(folder), made);
}

/** Removes the folders that newRunFolder or prepareRunFolder have made for a run, if the run has written nothing. */
export function removeUnusedFolder(folder: string): void {
  const made = claimed.get(resolve(folder)) ?? [];
  claimed.delete(resolve(folder));
  try {
    for (const each of made.toReversed()) rmdirSync(each);
  } catch {
    // It has files, or is gone.
  }
}

/**
 * @param loadCp the checkpoint from which a run is about to begin in `folder`; null for none
 * @throws UserError if `folder` holds a run or a network: a new run never overwrites an old one. A run that was killed as it began
 * from the same checkpoint may begin again.
 */
export async function refuseOldRun(folder: string, loadCp: string | null): Promise<void> {
  if (!holdsRun(folder)) {
    if (!isThere(join(folder, RUN_FILES.best))) return;
    throw new UserError(
      `train: ${folder} holds a network already (${RUN_FILES.best}), which a new run would replace; choose another folder`,
      { settings: ['loadCp', 'savingPath'] },
    );
  }
  if (loadCp !== null && (await originOf(folder)) === resolve(loadCp)) return;
  throw new UserError(`train: ${folder} holds a run already; resume that run, or choose another folder`, {
    settings: ['loadCp', 'savingPath'],
  });
}

/** Whether `make` made its file or folder; false if another process had made it. */
function isNew(make: () => void): boolean {
  try {
    make();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether a run in `folder` goes on where its checkpoint `loadCp` is: not a new run, nor one from another folder. */
export function continuesIn(folder: string, loadCp: string | null): boolean {
  return loadCp !== null && !isBest(loadCp) && isSameFolder(dirname(loadCp), folder);
}

/** Whether a checkpoint is a best one: its weights begin a new run, as it has no state of a training. */
export function isBest(checkpoint: string): boolean {
  return basename(checkpoint) === RUN_FILES.best;
}

/** Whether two paths name one folder, perhaps through a link. */
export function isSameFolder(a: string, b: string): boolean {
  return resolve(a) === resolve(b) || realFolder(a) === realFolder(b);
}

/** A folder's path without links; of one that is not there, or cannot be looked at, the path itself. */
function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** A checkpoint and the folder that it lies in. */
export interface FoundCheckpoint {
  folder: string;
  checkpoint: string;
}

/**
 * The run folder or checkpoint that an argument names: `last` is the newest run in runs/; `digits` and `digit-strokes`
 * are networks of the package, unless there is a path of that name; anything else is a path.
 *
 * @param operation start of the messages: `evaluate`
 * @throws UserError if there is no newest run
 */
export function runPathOf(operation: string, given: string): string {
  if (given === NEWEST) return newestRun(operation);
  return shippedFolderOf(given) ?? given;
}

/**
 * The checkpoint that a path means. A file is itself. Of a run folder, `use` takes the best checkpoint; `look` the best,
 * or the last if there is no best yet; `resume` the last, which need not exist: a run that was killed before it wrote one
 * starts again. A folder of several seeds can be resumed; to use one of them, name it. A network of the package has only
 * its best checkpoint, from which a new run begins. runPathOf says what the names mean.
 *
 * @param operation start of the messages: `evaluate`
 * @throws UserError if there is no such checkpoint
 */
export function findCheckpoint(
  operation: string,
  given: string,
  purpose: 'use' | 'look' | 'resume',
): FoundCheckpoint {
  const path = runPathOf(operation, given);
  const kind = lookAt(path);
  if (kind === 'file') return { folder: dirname(path), checkpoint: path };
  if (kind !== 'folder') {
    throw new UserError(`${operation}: ${path} ${PATH_WORDS[kind]}; give ${RUN_CHOICES}`);
  }
  if (purpose === 'resume' && !isShipped(path)) {
    if (holdsRun(path)) return { folder: path, checkpoint: join(path, RUN_FILES.last) };
    const runs = seedFolders(path).length > 0 ? null : describeRunsIn(path);
    if (runs !== null) throw new UserError(`${operation}: ${path} holds ${runs}`);
    throw new UserError(
      isThere(join(path, RUN_FILES.config))
        ? `${operation}: ${path} holds no run (${RUN_FILES.config} is empty: a run was killed as it began); begin a new run in this folder`
        : `${operation}: ${path} holds no run (neither ${RUN_FILES.config} nor ${RUN_FILES.last}); give a run folder or a checkpoint${hidden(given)}`,
    );
  }
  const [best, last] = [RUN_FILES.best, RUN_FILES.last].map((name) => join(path, name));
  if (isThere(best)) return { folder: path, checkpoint: best };
  if (isThere(last)) {
    if (purpose === 'look') return { folder: path, checkpoint: last };
    throw new UserError(
      `${operation}: ${path} has no ${RUN_FILES.best}, because its first epoch has not ended; wait, or name ${last}`,
    );
  }
  const [seed] = seedFolders(path);
  const runs = seed === undefined ? describeRunsIn(path) : null;
  if (runs !== null) throw new UserError(`${operation}: ${path} holds ${runs}`);
  throw new UserError(
    seed === undefined
      ? `${operation}: ${path} holds no checkpoint (neither ${RUN_FILES.best} nor ${RUN_FILES.last}); give a run folder or a checkpoint${hidden(given)}`
      : `${operation}: ${path} holds the runs of several seeds; name one of them, such as ${seed}`,
  );
}

/** Where the package's network is whose name a folder without a run has. */
function hidden(name: string): string {
  return isShippedName(name) ? `; the package's network of this name is in ${shippedFolder(name)}` : '';
}

/** A model's name in files and URLs: that of its run folder or, outside of a run, of the checkpoint; letters, digits, `.`, `-`, `_`. */
export function modelName(checkpoint: string): string {
  const file = basename(checkpoint).replace(/\.(safetensors|json)$/, '');
  const name = ['best', 'last'].includes(file) ? basename(dirname(resolve(checkpoint))) : file;
  return name.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '') || 'model';
}

/**
 * Whether the folder holds a run: one that wrote its configuration or a checkpoint. An older version could leave an empty
 * configuration of a run that was killed as it began.
 */
export function holdsRun(folder: string): boolean {
  const config = join(folder, RUN_FILES.config);
  return (isThere(config) && !isEmptyFile(config)) || isThere(join(folder, RUN_FILES.last));
}

function isThere(path: string): boolean {
  return lookAt(path) !== 'nothing';
}

function isEmptyFile(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size === 0;
}

/** The run in runs/ whose last checkpoint is the newest. */
function newestRun(operation: string): string {
  let newest: { path: string; time: number } | undefined;
  for (const name of lookAt(RUNS) === 'nothing' ? [] : readdirSync(RUNS)) {
    const path = join(RUNS, name);
    const time = lastWritten(path);
    if (time !== undefined && (newest === undefined || time > newest.time)) newest = { path, time };
  }
  if (newest) return newest.path;
  throw new UserError(
    `${operation}: there is no run with a checkpoint in ${RUNS}/; name a run folder or a checkpoint`,
  );
}

/** Time of the last checkpoint of a run, or of any of its seeds; undefined if there is none that can be read. */
function lastWritten(folder: string): number | undefined {
  try {
    if (lookAt(folder) !== 'folder') return undefined;
    const times = [folder, ...seedFolders(folder)].flatMap((each) => {
      const found = statSync(join(each, RUN_FILES.last), { throwIfNoEntry: false });
      return found ? [found.mtimeMs] : [];
    });
    return times.length > 0 ? Math.max(...times) : undefined;
  } catch {
    return undefined; // One bad folder does not hide the others.
  }
}

/** The folder of one seed within a run of several. */
export function seedFolder(folder: string, seed: number): string {
  return join(folder, `seed-${seed}`);
}

/** Whether a folder's name is one of seedFolder's. */
export function isSeedFolder(name: string): boolean {
  return /^seed-\d+$/.test(name);
}

/** The folders of the seeds in a folder, in the order of the seeds. */
export function seedFolders(folder: string): string[] {
  return numberedFolders(folder, isSeedFolder);
}
