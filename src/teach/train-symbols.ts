/**
 * Teaches a network the symbols of a project: an LSTM is trained on the drawings, with variation, from the weights of a
 * trained network or from scratch. Runs in Node.js and in a page's worker, which both stay responsive: the training
 * looks at its signal between updates.
 */
import type { TeachProject, TeachSummary } from '../data/pens/project.js';

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
  backend?: string;
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

/**
 * Teaches a network.
 *
 * @throws UserError if there are fewer than two classes with drawings, or fewer than two drawings of a class
 * @throws the signal's reason when it is aborted
 */
export type TrainSymbols = (project: TeachProject, options?: TeachOptions) => Promise<TaughtSymbols>;
