/**
 * Writes a network from elsewhere as a run folder: config.json, best.safetensors, and last.safetensors, from which a
 * training goes on. Node.js only.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lookAt } from '../../../formats/file-errors.js';
import { prepareFolder, removeEmptyFolders, writeFileAtomically } from '../../../formats/files.js';
import { type Checkpoint, encodeCheckpoint } from '../../../runs/checkpoint/checkpoint.js';
import { writeConfig } from '../../../runs/run-files.js';
import { RUN_FILES } from '../../../runs/run-folder.js';
import { lockRun, type RunLock } from '../../../runs/run-lock.js';
import { holdsRun, newRunFolder, removeUnusedFolder } from '../../../runs/run-path.js';
import { UserError } from '../../../user-error.js';

/** What a run folder is made of. */
export interface NewRun {
  /** What messages begin with, and the setting that names the folder. */
  command: string;
  folderSetting: string;
  /** config.json, keys in snake_case. @param folder the run folder */
  config: Record<string, unknown> | ((folder: string) => Record<string, unknown>);
  best: Checkpoint;
  /** From which a training goes on. */
  last: Checkpoint;
  /** project.json, for a network that was taught from a project. */
  project?: string;
}

/** Where a run is written. */
export interface NewRunPlace {
  /** The run folder; null for a new one in `runs`. */
  out: string | null;
  /** Of a new folder, before the time. */
  name: string;
  /** The folder of runs. Default `runs/`. */
  runs?: string;
}

/**
 * Makes a run folder. After a failure nothing is left.
 * @returns the folder
 * @throws UserError if the folder holds a run or cannot be written
 */
export async function writeNewRun(run: NewRun, { out, name, runs }: NewRunPlace): Promise<string> {
  const made = out === null ? [] : await prepareFolder(out);
  const folder = out ?? newRunFolder(name, new Date(), runs);
  try {
    refuseRun(run, folder);
    const lock = await lockRun(folder);
    try {
      await writeFiles(run, folder, lock);
    } finally {
      await lock.release();
    }
    return folder;
  } catch (error) {
    removeUnusedFolder(folder);
    await removeEmptyFolders(made);
    throw error;
  }
}

/**
 * Writes the files of the run. After a failure the folder is as before.
 * @param folder locked by `lock`
 * @throws UserError if the folder holds a run, or cannot be written
 */
async function writeFiles(run: NewRun, folder: string, lock: RunLock): Promise<void> {
  // In this order a killed process leaves no folder from which a training would begin with random weights.
  const files: [string, Uint8Array][] = [
    [RUN_FILES.best, encodeCheckpoint(run.best)],
    [RUN_FILES.last, encodeCheckpoint(run.last)],
  ];
  if (run.project !== undefined) files.unshift([RUN_FILES.project, new TextEncoder().encode(run.project)]);
  refuseRun(run, folder);
  const written: string[] = [];
  try {
    for (const [name, bytes] of files) {
      await lock.check();
      written.push(name);
      await writeFileAtomically(join(folder, name), bytes);
    }
    await lock.check();
    written.push(RUN_FILES.config);
    await writeConfig(folder, typeof run.config === 'function' ? run.config(folder) : run.config);
  } catch (error) {
    for (const name of written) await rm(join(folder, name), { force: true }).catch(() => {});
    throw error;
  }
}

/** @throws UserError if the folder holds a run or a checkpoint: a new run never overwrites one */
function refuseRun({ command, folderSetting }: NewRun, folder: string): void {
  if (!holdsRun(folder) && lookAt(join(folder, RUN_FILES.best)) === 'nothing') return;
  throw new UserError(`${command}: ${folder} holds a run already; choose another folder`, {
    settings: [folderSetting],
  });
}
