/**
 * Which folder a run is written to, and where a resumed one goes on. Time names new folders and picks the newest
 * run; it decides nothing else.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../user-error.js';
import { RUN_FILES } from './run-folder.js';

/** Where new runs go. */
export const RUNS = 'runs';

/** `runs/quick-20261121-214005`, or with `-2` if there is one already. */
export function newRunFolder(preset: string, now: Date): string {
  const pad = (value: number) => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}${pad(now.getMonth() + 1)}${pad(now.getDate())}`;
  const time = `${pad(now.getHours())}${pad(now.getMinutes())}${pad(now.getSeconds())}`;
  const path = join(RUNS, `${preset}-${day}-${time}`);
  for (let number = 2; ; number++) {
    const candidate = number === 2 && !existsSync(path) ? path : `${path}-${number}`;
    if (!existsSync(candidate)) return candidate;
  }
}

/** A new run never writes over an old one. Throws UserError if `folder` holds a run. */
export function refuseOldRun(folder: string): void {
  if (!holdsRun(folder)) return;
  throw new UserError(
    `train: ${folder} holds a run already; use --load-cp to go on with it, or another --saving-path`,
  );
}

/** Where a resumed run goes on: its folder, and its checkpoint if it is not the folder's own `last`. */
export interface ResumePoint {
  folder: string;
  checkpoint: string;
}

/**
 * What `--load-cp` means: `last` alone is the run in `savingPath`, or else the newest in runs/; a folder is that run,
 * a file that checkpoint. Throws UserError if there is nothing to go on from.
 */
export function resumePoint(loadCp: string, savingPath: string | null): ResumePoint {
  const path = loadCp === 'last' ? (savingPath ?? newestRun()) : loadCp;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new UserError(`train: --load-cp: ${path} does not exist; give a run folder or a checkpoint`);
  }
  if (found.isFile()) return { folder: savingPath ?? dirname(path), checkpoint: path };
  if (!holdsRun(path)) {
    throw new UserError(
      `train: --load-cp: ${path} holds no run (there is no ${RUN_FILES.last}); give a run folder or a checkpoint`,
    );
  }
  return { folder: savingPath ?? path, checkpoint: join(path, RUN_FILES.last) };
}

/** Whether the folder holds a run: one that wrote its configuration or a checkpoint. */
export function holdsRun(folder: string): boolean {
  return existsSync(join(folder, RUN_FILES.config)) || existsSync(join(folder, RUN_FILES.last));
}

/** The run in runs/ whose last checkpoint is the newest. */
function newestRun(): string {
  let newest: { path: string; time: number } | undefined;
  for (const name of existsSync(RUNS) ? readdirSync(RUNS) : []) {
    const path = join(RUNS, name);
    const time = lastWritten(path);
    if (time !== undefined && (newest === undefined || time > newest.time)) newest = { path, time };
  }
  if (newest) return newest.path;
  throw new UserError(
    `train: --load-cp: there is no run with a checkpoint in ${RUNS}/; name a run folder or a checkpoint`,
  );
}

/** When the run's last checkpoint was written, that of any seed's; undefined if there is none. */
function lastWritten(folder: string): number | undefined {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const folders = [
    folder,
    ...readdirSync(folder)
      .filter(isSeedFolder)
      .map((name) => join(folder, name)),
  ];
  const times = folders.flatMap((each) => {
    const found = statSync(join(each, RUN_FILES.last), { throwIfNoEntry: false });
    return found ? [found.mtimeMs] : [];
  });
  return times.length > 0 ? Math.max(...times) : undefined;
}

/** The folder of one seed within a run of several. */
export function seedFolder(folder: string, seed: number): string {
  return join(folder, `seed-${seed}`);
}

function isSeedFolder(name: string): boolean {
  return /^seed-\d+$/.test(basename(name));
}
