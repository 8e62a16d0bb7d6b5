/**
 * The checkpoints of a run folder, as a training takes them up. Node.js only.
 *
 * The best checkpoint is written under a name with its epoch, and gets its own name after `last.safetensors` has been
 * written. So a run that is killed in between keeps the best checkpoint that its `last.safetensors` knows, also if the
 * epoch is then run again with other settings.
 */
import { existsSync, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { explainFileError } from '../../formats/file-errors.js';
import { replaceFile } from '../../formats/files.js';
import { UserError } from '../../user-error.js';
import { damagedName, RUN_FILES } from '../run-folder.js';
import type { Checkpoint } from './checkpoint.js';
import { readCheckpoint } from './checkpoint-file.js';

/**
 * The checkpoint to resume from; null if the run was killed before its first `last.safetensors`: it then starts anew.
 * @throws UserError as readCheckpoint, and if a run has lost its `last.safetensors`
 */
export async function readCheckpointToResume(path: string): Promise<Checkpoint | null> {
  const folder = dirname(path);
  const begun = existsSync(join(folder, RUN_FILES.config)) && path.endsWith(RUN_FILES.last);
  if (!begun || existsSync(path)) return readCheckpoint(path);
  const best = join(folder, RUN_FILES.best);
  if (existsSync(best) || isFilled(join(folder, RUN_FILES.metrics))) {
    throw new UserError(
      `train: ${folder} has lost ${RUN_FILES.last}, so this run cannot go on; begin a new run` +
        (existsSync(best) ? ` from the weights in ${best}` : ''),
      { settings: ['loadCp', 'savingPath'] },
    );
  }
  return null;
}

function isFilled(path: string): boolean {
  return existsSync(path) && statSync(path).size > 0;
}

/** The best checkpoint of an epoch until `last.safetensors` is written. */
export function pendingBest(folder: string, epoch: number): string {
  return join(folder, `.${RUN_FILES.best}.epoch-${epoch}`);
}

/** The file that has the best checkpoint, of a run whose `last.safetensors` says that its best epoch is `epoch`. */
export function bestOf(folder: string, epoch: number): string {
  const pending = pendingBest(folder, epoch);
  return existsSync(pending) ? pending : join(folder, RUN_FILES.best);
}

/**
 * Gives the best checkpoint of an epoch its own name, and removes those of epochs that are run again.
 * @param epoch the best epoch so far; null for none
 * @throws UserError when a file cannot be written
 */
export async function settleBest(folder: string, epoch: number | null): Promise<void> {
  if (epoch !== null && existsSync(pendingBest(folder, epoch))) {
    await replaceFile(pendingBest(folder, epoch), join(folder, RUN_FILES.best));
  }
  const prefix = pendingBest('', 0).slice(0, -1);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(prefix)) continue;
    const path = join(folder, name);
    await rm(path, { force: true }).catch((error: unknown) => {
      throw explainFileError('write', path, error);
    });
  }
}

/** Renames a damaged file to the first free name, such as `best.safetensors.damaged-1`. @returns the new path */
export async function setAside(path: string): Promise<string> {
  for (let n = 1; ; n++) {
    const aside = damagedName(path, n);
    if (existsSync(aside)) continue;
    await replaceFile(path, aside);
    return aside;
  }
}
