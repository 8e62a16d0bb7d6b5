/** Options and results of teaching (train-symbols.ts). */
import type { BackendChoice } from '../backends/backend-names.js';
import type { TeachSummary } from '../data/pens/project.js';

/** Progress of a training. */
export interface TeachProgress {
  /** Passes over the drawings that are done, of `epochs`. May be a fraction. */
  epoch: number;
  epochs: number;
  /** Mean cross-entropy of the pass so far. */
  loss: number;
  /** Share of right answers in the pass so far, 0 to 1. */
  accuracy: number;
  /** An estimate. */
  secondsLeft: number;
}

/** Options of `trainSymbols`. */
export interface TeachOptions {
  /** Checkpoint of a network for strokes to begin from, such as the shipped `digit-strokes`. Null, the default: from scratch. */
  base?: Uint8Array | null;
  /** What computes, as for `openTrainer`. Default `auto`. */
  backend?: BackendChoice;
  /** Number of worker threads, as for `openTrainer`. The result does not depend on it. */
  threads?: number;
  /** Passes over the drawings. Default: by their number. */
  epochs?: number;
  /** Learn a class `none` from generated drawings that belong to no class. Default true. */
  none?: boolean;
  /** Default 0. */
  seed?: number;
  /** Aborting it ends the training after the current update; `trainSymbols` then throws the signal's reason. */
  signal?: AbortSignal;
  /** Called between updates. The training waits for a promise that it returns, and goes on when the promise resolves. */
  pause?: () => Promise<void> | null;
  /** Called after every update. */
  onProgress?: (progress: TeachProgress) => void;
  /** Called with a checkpoint whenever the network has become better, at most about once a second. */
  onBetter?: (checkpoint: Uint8Array) => void;
}

/** What `trainSymbols` returns. */
export interface TaughtSymbols {
  /** Content of the checkpoint: for `openRecognizer`, `exportModel`, and as a file for `scanstroke predict`. */
  checkpoint: Uint8Array;
  summary: TeachSummary;
}
