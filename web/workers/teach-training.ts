/** The training of the Teach view, inside its worker: can be paused, and tells its progress a few times a second. */
import type { TeachProject } from '#src/data/pens/project.js';
import { trainSymbols } from '#src/teach/train-symbols-page.js';
import type { TeachCalls, TeachEvent } from './teach-protocol.js';

/** Progress is sent at most this often. */
const TELL_MS = 120;
/** Without shared memory this thread computes: it looks for messages this often. */
const LISTEN_MS = 100;

/** Of the trainings that are under way or wait. */
const controllers = new Set<AbortController>();
/** Resolves when the training goes on; null while it runs. */
let paused: { promise: Promise<void>; goOn: () => void } | null = null;

/** Acts on the training under way, and `pause` on the next one. */
export function controlTraining(control: 'pause' | 'continue' | 'stop'): void {
  if (control === 'pause') paused ??= newPause();
  else {
    paused?.goOn();
    paused = null;
  }
  if (control === 'stop') for (const each of controllers) each.abort();
}

/** Call when the request arrives, so that `stop` also ends a training that waits. */
export function controllerOfTraining(): AbortController {
  const controller = new AbortController();
  controllers.add(controller);
  return controller;
}

function newPause() {
  let goOn = () => {};
  const promise = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  return { promise, goOn };
}

/** @returns null if the training was stopped */
export async function train(
  { project, base, threads }: { project: TeachProject; base: Uint8Array | null; threads: number },
  controller: AbortController,
  tell: (event: TeachEvent) => void,
): Promise<TeachCalls['train']['answer']> {
  const { signal } = controller;
  let toldAt = 0;
  let listenedAt = performance.now();
  try {
    if (signal.aborted) return null;
    return await from(base);
  } catch (error) {
    if (signal.aborted) return null;
    // A served network may have a form that a training cannot begin from.
    if (base === null) throw error;
    return await from(null).catch((reason) => {
      if (signal.aborted) return null;
      throw reason;
    });
  } finally {
    controllers.delete(controller);
  }

  /** What the training waits for. Epochs of some milliseconds would let no message through. */
  function pause(): Promise<void> | null {
    if (paused) return paused.promise;
    if (performance.now() - listenedAt < LISTEN_MS) return null;
    listenedAt = performance.now();
    return new Promise<void>((resolve) => setTimeout(resolve)).then(() => paused?.promise);
  }

  function from(weights: Uint8Array | null) {
    return trainSymbols(project, {
      base: weights,
      threads,
      backend: 'wasm',
      signal,
      pause,
      onProgress: (progress) => {
        const now = performance.now();
        if (now - toldAt < TELL_MS && progress.epoch < progress.epochs) return;
        toldAt = now;
        tell({ event: 'progress', progress });
      },
      onBetter: (checkpoint) => tell({ event: 'better', checkpoint }),
    });
  }
}
