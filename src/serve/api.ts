/**
 * What the server answers, as types: its JSON, value by value, keys in snake_case as in the files of a run. The page
 * imports them; docs/serving.md describes them for people, /api/openapi.json for programs.
 */

import type { KindName } from '../data/input-kind.js';

/** GET /api/health */
export interface Health {
  status: 'ok';
  version: string;
  uptime_seconds: number;
  /** Models that can be asked. */
  models: number;
  /** Requests that wait for their turn, and that are being answered. */
  waiting: number;
  running: number;
}

/** A network that can be asked. */
export interface ModelEntry {
  id: string;
  /** What people call it. */
  name: string;
  /** What it reads: the pixels of images, or pen strokes. */
  kind: KindName;
  preset: string | null;
  /** In the order of the probabilities. */
  classes: string[];
  parameters: number;
  /** Share of the test set, 0 to 1; null if the run has not ended. */
  test_accuracy: number | null;
  /** Its checkpoint, relative to models/index.json: `ID.safetensors`, ready for an address. */
  file: string;
  bytes: number;
  /** Changes when the checkpoint does. */
  version: string;
}

/** GET /api/models and GET /models/index.json; a static copy of the page has the latter as a file. */
export interface ModelList {
  /** A server stands behind the page; a static copy of the page says false. */
  api: boolean;
  /** Which one answers when none is named; null if there are none. */
  default: string | null;
  models: ModelEntry[];
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
  /** The likeliest class is no more than a guess. */
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

/** Being trained, finished, or neither: interrupted, or killed. */
export type RunState = 'live' | 'done' | 'stopped';

/** A run in the list. */
export interface RunEntry {
  id: string;
  /** As given, or below the folder of runs. */
  folder: string;
  state: RunState;
  /** When its configuration was written, and when it last changed: ISO 8601. */
  started: string;
  changed: string;
  preset: string | null;
  /** What it was trained on, as in --data. */
  data: string | null;
  /** What its network reads; null as long as neither a checkpoint nor the name of the data tells. */
  kind: KindName | null;
  /** Epochs done, and epochs wanted. */
  epochs: number;
  num_epochs: number | null;
  best_val_accuracy: number | null;
  /** These come with the summary, when a run has ended. */
  test_accuracy: number | null;
  parameters: number | null;
  train_seconds: number | null;
  samples_per_second: number | null;
  peak_rss_mb: number | null;
  /** Whether there is a checkpoint to ask: then it is among the models, by the same id. */
  model: boolean;
  /** What keeps its files from being read, if anything does. */
  problem: string | null;
}

/** GET /api/runs: newest first. */
export interface RunList {
  runs: RunEntry[];
}

/** GET /api/runs/:id: the run's files as they stand on disk (docs/file-formats.md). */
export interface RunDetails extends RunEntry {
  /** config.json */
  config: Record<string, unknown> | null;
  /** The lines of metrics.jsonl. */
  metrics: Record<string, unknown>[];
  /** summary.json, with confusion_matrix [true class][predicted class]; null while the run goes on. */
  summary: Record<string, unknown> | null;
}

/**
 * GET /api/runs/:id/events, Server-Sent Events:
 *
 * - `epoch`, its id the epoch: a line of metrics.jsonl. Those after Last-Event-ID come first.
 * - `reset`: the run has gone back, to `{ "epoch": n }`; forget later epochs.
 * - `state`: `{ "state": "live" }`, at the beginning and when it changes.
 * - `summary`: summary.json, when the run has ended.
 */
export type RunEventName = 'epoch' | 'reset' | 'state' | 'summary';

export type SamplePart = 'test' | 'validation' | 'train';

/** A sample with what the network says of it. */
export interface SampleEntry {
  /** In its file, from 0: of the test samples, or of the training samples (validation is a part of these). */
  index: number;
  /** The true class, and the answer. */
  label: number;
  predicted: number;
  /** Probabilities of the answer and of the true class. */
  probability: number;
  label_probability: number;
  picture: PictureJson | null;
  /** Moves `dx dy eos eod`, one after the other in one list. */
  strokes: number[] | null;
}

export interface PictureJson {
  width: number;
  height: number;
  channels: number;
  /** Bytes in base64, row by row, within a row channel by channel. */
  pixels: string;
}

/** GET /api/runs/:id/samples: 200 when the answers are known. */
export interface SampleList {
  part: SamplePart;
  classes: string[];
  /** Samples in the part, and those that match. */
  total: number;
  matching: number;
  offset: number;
  samples: SampleEntry[];
}

/** 202, while the answers are being computed; ask again in a second. */
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

/** recognize/recognizer.ts, Inspection: what the network read, and what went on in it. */
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

/** Every answer that is not 2xx. */
export interface ErrorJson {
  error: { status: number; message: string };
}
