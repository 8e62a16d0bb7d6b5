/** Runs a trial in a process of its own, and says how it ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explainFileError } from '../../formats/file-errors.js';
import { makeFolder } from '../../formats/files.js';
import { writeConfig } from '../../runs/run-files.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import { holdsRun } from '../../runs/run-path.js';
import { SWEEP_FILES } from '../../runs/sweep/sweep-folder.js';
import type { TrainConfig } from '../../train/config/options.js';
import { configToDisk } from '../../train/config/run-config.js';
import type { TrialMessage } from './trial-message.js';

export interface TrialJob {
  /** The run folder. */
  folder: string;
  /** Of a trial that has not begun. */
  config: TrainConfig;
  /** Number of threads; null: as the configuration says. */
  threads: number | null;
  /** The epoch after which the trial pauses; null: it trains to its end. */
  pauseAfter: number | null;
  /** Ends the trial with a checkpoint. */
  stop: AbortSignal;
  onMessage(message: TrialMessage): void;
}

export type TrialEnd =
  | { type: 'finished' | 'paused' }
  | {
      type: 'failed';
      message: string;
      /** Whether it failed before its first update: the same may be wrong with all trials. */
      atBeginning: boolean;
      /** Whether the process said why; else its log may tell. */
      isExplained: boolean;
    };

const PROCESS = fileURLToPath(new URL('./trial-process.js', import.meta.url));
const INTERRUPTED = 130;

/**
 * Trains a trial until it ends or pauses. What it prints is added to `train.log` in its folder.
 * @throws UserError if the folder cannot be written
 */
export async function runTrial(job: TrialJob): Promise<TrialEnd> {
  const { folder, config, threads, pauseAfter, stop, onMessage } = job;
  await makeFolder(folder);
  const isNew = !holdsRun(folder);
  // A run that has only a configuration begins with it, as one that was killed at its beginning.
  if (isNew) await writeConfig(folder, configToDisk(config));
  const log = openLog(join(folder, SWEEP_FILES.log));
  let child: ChildProcess;
  try {
    child = fork(PROCESS, [folder, String(threads ?? 'none'), String(pauseAfter ?? 'none')], {
      stdio: ['ignore', log, log, 'ipc'],
    });
  } finally {
    closeSync(log);
  }
  const ask = () => child.connected && child.send('stop', () => {});
  stop.addEventListener('abort', ask);
  if (stop.aborted) ask();
  try {
    const end = await ended(child, folder, onMessage);
    if (isNew && end.type === 'failed' && end.atBeginning && end.isExplained) await removeUnbegun(folder);
    return end;
  } finally {
    stop.removeEventListener('abort', ask);
  }
}

function ended(child: ChildProcess, folder: string, onMessage: TrialJob['onMessage']): Promise<TrialEnd> {
  let begun = false;
  let problem: string | null = null;
  child.on('message', (message: TrialMessage) => {
    if (message.type === 'start') begun = true;
    if (message.type === 'failed') problem = message.message;
    onMessage(message);
  });
  return new Promise((resolve) => {
    const failed = (message: string) =>
      resolve({ type: 'failed', message, atBeginning: !begun, isExplained: problem !== null });
    child.on('error', (error) => failed(`its process did not start: ${error.message}`));
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ type: 'finished' });
      else if (code === INTERRUPTED) resolve({ type: 'paused' });
      else {
        const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
        failed(problem ?? `its process ended ${how}; see ${join(folder, SWEEP_FILES.log)}`);
      }
    });
  });
}

/** Removes a folder in which no training has begun. */
async function removeUnbegun(folder: string): Promise<void> {
  if (existsSync(join(folder, RUN_FILES.last))) return;
  for (const name of [RUN_FILES.config, SWEEP_FILES.log]) await rm(join(folder, name), { force: true });
  await rmdir(folder).catch(() => {}); // It has other files.
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a');
  } catch (error) {
    throw explainFileError('write', path, error);
  }
}
