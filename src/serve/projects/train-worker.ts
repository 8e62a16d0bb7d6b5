/**
 * Worker thread of one training: teaches a network the symbols of a project, and writes a run folder. It ends with the
 * training. The thread that answers requests only hears of the progress.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { BackendName } from '../../backends/backend.js';
import { readProject, type TeachSummary } from '../../data/pens/project.js';
import { prepareFolder, removeEmptyFolders } from '../../formats/files.js';
import { shippedModel, shippedModels } from '../../runs/shipped-models.js';
import type { TeachProgress } from '../../teach/train-symbols.js';
import { trainSymbols } from '../../teach/train-symbols-node.js';
import { writeTaughtRun } from '../../train/run/begin/taught-run.js';
import { errorStatus } from '../http-error.js';

/** What a client may choose. */
export interface TrainChoices {
  base: 'digit-strokes' | 'none';
  none: boolean;
  epochs: number | null;
  seed: number;
}

/** workerData */
export interface TrainWork {
  /** Of the run folder, before the time. */
  name: string;
  /** The project's file. */
  file: Uint8Array;
  choices: TrainChoices;
  /** The folder of runs. */
  runs: string;
  backend: BackendName | 'auto';
  threads: number;
}

/** Worker → main thread. The last message is `done` or `failed`. */
export type TrainMessage =
  | { type: 'progress'; progress: TeachProgress }
  | { type: 'done'; folder: string; summary: TeachSummary }
  /** `stack` of a defect. */
  | { type: 'failed'; message: string; stack?: string };

/** Progress is sent at most this often. */
const TELL_MS = 100;

const stop = new AbortController();
// Any message means: stop.
parentPort?.once('message', () => stop.abort(new Error('cancelled')));

try {
  tell(await train(workerData as TrainWork));
} catch (error) {
  const { status, message } = errorStatus(error);
  const isDefect = status === 500 && !stop.signal.aborted && error instanceof Error;
  tell(isDefect ? { type: 'failed', message, stack: error.stack } : { type: 'failed', message });
}
parentPort?.close();

async function train({ name, file, choices, runs, backend, threads }: TrainWork): Promise<TrainMessage> {
  const project = readProject(file, 'train: the project');
  // Fails before the training, not after it.
  const made = await prepareFolder(runs);
  try {
    let told = Number.NEGATIVE_INFINITY;
    const { checkpoint, summary } = await trainSymbols(project, {
      base: await baseOf(choices.base),
      backend,
      threads,
      none: choices.none,
      seed: choices.seed,
      ...(choices.epochs !== null && { epochs: choices.epochs }),
      signal: stop.signal,
      pause: listening(),
      onProgress: (progress) => {
        if (performance.now() - told < TELL_MS && progress.epoch < progress.epochs) return;
        told = performance.now();
        tell({ type: 'progress', progress });
      },
    });
    stop.signal.throwIfAborted();
    const network = { checkpoint, summary, taught: new Date().toISOString() };
    const folder = await writeTaughtRun('train', project, network, { out: null, name, runs });
    return { type: 'done', folder, summary };
  } catch (error) {
    await removeEmptyFolders(made);
    throw error;
  }
}

/** From scratch, where the package's networks are missing, as in a bundled server. */
async function baseOf(base: TrainChoices['base']): Promise<Uint8Array | null> {
  const isThere = shippedModels().some(({ name }) => name === base);
  return base !== 'none' && isThere ? shippedModel(base) : null;
}

/** A pause between updates now and then, in which the message to stop arrives. */
function listening(): () => Promise<void> | null {
  let since = performance.now();
  return () => {
    if (performance.now() - since < TELL_MS) return null;
    since = performance.now();
    return new Promise((resolve) => setImmediate(resolve));
  };
}

function tell(message: TrainMessage): void {
  parentPort?.postMessage(message);
}
