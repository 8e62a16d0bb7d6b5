/**
 * Types of the server's JSON answers; keys are in snake_case, as in the files of a run. The page imports them.
 * docs/serving.md describes them for people, /api/openapi.json for programs.
 */

import type { KindName } from '../data/input-kind.js';
import type { ReadingJson } from '../recognize/symbols/reading-json.js';

/** GET /api/health */
export interface Health {
  status: 'ok';
  version: string;
  uptime_seconds: number;
  /** Number of models that answer requests. */
  models: number;
  /** Requests in the queue, and requests being answered. */
  waiting: number;
  running: number;
}

/** A network that answers requests. */
export interface ModelEntry {
  id: string;
  /** Shown to people. */
  name: string;
  /** Whether the network came with the package. */
  shipped: boolean;
  /** What it reads: the pixels of images, or pen strokes. */
  kind: KindName;
  preset: string | null;
  /** In the order of the probabilities. */
  classes: string[];
  parameters: number;
  /** Share of the test set, 0 to 1; null if the run has not ended. */
  test_accuracy: number | null;
  /** URL of the checkpoint relative to models/index.json, percent-encoded: `ID.safetensors`. */
  file: string;
  bytes: number;
  /** Changes when the checkpoint does. */
  version: string;
}

/** GET /api/models and GET /models/index.json; a static copy of the page has the latter as a file. */
export interface ModelList {
  /** True from a server, false in a static copy of the page. */
  api: boolean;
  /** The model that answers requests without a model id; null if there are no models. */
  default: string | null;
  models: ModelEntry[];
  /** The project that the page opens; null or missing for none. */
  project?: ProjectOffer | null;
}

/** A project file that the server was started with; GET /api/project has its content. */
export interface ProjectOffer {
  /** Of the file. */
  name: string;
  /** Stays the same for the same file. */
  id: string;
}

export interface GuessJson {
  index: number;
  class: string;
  probability: number;
}

/** The answer to one input. */
export interface PredictionJson {
  class: string;
  probability: number;
  /** The probability of the likeliest class is below 0.7. */
  unsure: boolean;
  /** Three at most, likeliest first. */
  top: GuessJson[];
  /** In the order of the model's classes. */
  probabilities: number[];
}

/** POST /api/predict */
export interface PredictResponse {
  model: string;
  /** One for each input, in their order; null where there is nothing to recognise. */
  results: (PredictionJson | null)[];
}

/** POST /api/predict?several=true */
export interface ReadResponse {
  model: string;
  /** One for each input, in their order. */
  results: ReadingJson[];
}

/** `live`: being trained. `done`: finished. `stopped`: interrupted or killed. */
export type RunState = 'live' | 'done' | 'stopped';

/** A run in the list. */
export interface RunEntry {
  id: string;
  /** Path of the run folder. */
  folder: string;
  state: RunState;
  /** Times of the configuration and of the last change of any file: ISO 8601. */
  started: string;
  changed: string;
  preset: string | null;
  /** The value of --data. */
  data: string | null;
  /** From the checkpoint, or else from the name of the data; null if neither tells. */
  kind: KindName | null;
  /** Completed epochs, and configured epochs. */
  epochs: number;
  num_epochs: number | null;
  best_val_accuracy: number | null;
  /** From the summary: null until the run ends. */
  test_accuracy: number | null;
  parameters: number | null;
  train_seconds: number | null;
  samples_per_second: number | null;
  peak_rss_mb: number | null;
  /** Whether the run has a checkpoint, which is in the list of models under the same id. */
  model: boolean;
  /** Whether it came with the package: the training was elsewhere, and nothing changes the files. */
  shipped: boolean;
  /** Message of the first file that cannot be read; null if all can. */
  problem: string | null;
}

/** GET /api/runs: newest first, then those that came with the package. */
export interface RunList {
  runs: RunEntry[];
}

/** GET /api/runs/:id: the contents of the run's files (docs/file-formats.md). */
export interface RunDetails extends RunEntry {
  /** config.json */
  config: Record<string, unknown> | null;
  /** The lines of metrics.jsonl. */
  metrics: Record<string, unknown>[];
  /** summary.json, with confusion_matrix [true class][predicted class]; null until the run ends. */
  summary: Record<string, unknown> | null;
}

/**
 * GET /api/runs/:id/events, Server-Sent Events:
 *
 * - `epoch`, whose event id is the epoch: a line of metrics.jsonl. The epochs after Last-Event-ID come first.
 * - `reset`: the run went back to epoch n, `{ "epoch": n }`; drop later epochs.
 * - `state`: `{ "state": "live" }`, first and at every change.
 * - `summary`: summary.json, when the run ends.
 */
export type RunEventName = 'epoch' | 'reset' | 'state' | 'summary';

/** `waiting`: in the queue. `running`: being trained. The others are ends. */
export type TrainingState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';

/** POST /api/projects/:name/train and GET /api/projects/:name: the last training of a project. */
export interface ProjectTraining {
  name: string;
  state: TrainingState;
  /** Trainings that are done before this one; 0 unless it waits. */
  before: number;
  classes: number;
  drawings: number;
  /** ISO 8601. `ended` is null until the training ends. */
  asked: string;
  ended: string | null;
  progress: TrainingProgress | null;
  /** Id of the run, which is also that of the model; null until the training is done. */
  run: string | null;
  /** What is known about the network, as in a project file; null until the training is done. */
  summary: Record<string, unknown> | null;
  /** Why the training failed. */
  problem: string | null;
}

export interface TrainingProgress {
  /** Passes over the drawings that are done, of `epochs`. May be a fraction. */
  epoch: number;
  epochs: number;
  loss: number;
  /** Share of right answers in the pass so far, 0 to 1. */
  accuracy: number;
  /** An estimate. */
  seconds_left: number;
}

/** GET /api/projects: newest first. */
export interface ProjectList {
  projects: ProjectTraining[];
}

/**
 * GET /api/projects/:name/events, Server-Sent Events:
 *
 * - `state`: ProjectTraining, first and at every change of the state.
 * - `progress`: TrainingProgress.
 */
export type ProjectEventName = 'state' | 'progress';

export type SamplePart = 'test' | 'validation' | 'train';

/** A sample with the network's answer. */
export interface SampleEntry {
  /** Index in the data set's test or training samples, from 0; validation samples are training samples. */
  index: number;
  /** The true class, and the answer. */
  label: number;
  predicted: number;
  /** Probabilities of the answer and of the true class. */
  probability: number;
  label_probability: number;
  picture: PictureJson | null;
  /** [N · 4] moves `dx dy eos eod`. */
  strokes: number[] | null;
}

export interface PictureJson {
  width: number;
  height: number;
  channels: number;
  /** [height, channels, width] bytes in base64. */
  pixels: string;
}

/** GET /api/runs/:id/samples: 200 when the answers are computed. */
export interface SampleList {
  part: SamplePart;
  classes: string[];
  /** Samples in the part, and those that match. */
  total: number;
  matching: number;
  offset: number;
  samples: SampleEntry[];
}

/** 202 while the answers are computed; ask again after a second. */
export interface SamplesPending {
  done: number;
  total: number;
}

/** GET /api/runs/:id/samples/:index */
export interface SampleDetails extends SampleEntry {
  classes: string[];
  probabilities: number[];
  /** Null where there is nothing to recognise. */
  trace: TraceJson | null;
  inspection: InspectionJson | null;
}

/** recognize/trace.ts */
export interface TraceJson {
  over: 'pen' | 'steps';
  /** [M] */
  moments: number[];
  /** [M][K] */
  probabilities: number[][];
}

/** recognize/recognizer.ts, Inspection: the input, hidden states and gradients. */
export interface InspectionJson {
  picture: PictureJson | null;
  strokes: number[] | null;
  steps: number;
  input_size: number;
  units: number;
  /** [T][U] */
  hidden: number[][];
  /** [T][I] */
  input_gradient: number[][];
  /** [pixels], or null for strokes */
  pixel_gradient: number[] | null;
}

/** The body of every answer that is not 2xx. */
export interface ErrorJson {
  error: { status: number; message: string };
}
