/**
 * What the server knows about a run without keeping its files: a few numbers of each file, read again when the file
 * changes. Runs come from strangers, so every file is limited, and a damaged one is a `problem` of its run alone. Runs in
 * worker threads.
 */
import { join } from 'node:path';
import type { KindName } from '../../data/input-kind.js';
import { isPlainObject, parseJson } from '../../formats/json.js';
import { checkedHeader, headerEnd, LENGTH_BYTES } from '../../formats/safetensors/safetensors.js';
import { decodeHeader } from '../../runs/checkpoint/checkpoint.js';
import { type FileStamp, readPieces, stampOfSync } from '../../runs/file-stamp.js';
import type { RunPlace } from '../../runs/find-runs.js';
import { MAX_CHECKPOINT_BYTES, MAX_CONFIG_BYTES } from '../../runs/limits.js';
import { type EpochMetrics, RUN_FILES, type RunSummary } from '../../runs/run-folder.js';
import { LOCK } from '../../runs/run-lock.js';
import { runSummaryOf } from '../../runs/run-values.js';
import { UserError } from '../../user-error.js';
import { MetricsFile, type MetricsTally } from './metrics-file.js';

/** What is known of a file. */
interface Known<T> {
  /** Null if the file does not exist, or is no regular file. */
  stamp: FileStamp | null;
  /** Null if there is no file, or it is damaged. */
  value: T | null;
  /** Why it cannot be read. */
  problem: string | null;
}

export interface RunDigest {
  config: Known<{ preset: string | null; data: string | null; numEpochs: number | null }>;
  metrics: Known<MetricsTally>;
  summary: Known<Omit<RunSummary, 'confusionMatrix' | 'classes'>>;
  checkpoint: Known<{ kind: KindName; classes: string[]; parameters: number }>;
  /** When a training touched its lock of the folder, in milliseconds since 1970; null if there is no lock. */
  touched: number | null;
  /** Milliseconds since 1970: of the configuration, and of the last change of any file but the lock. */
  started: number;
  changed: number;
  /** Whether the run has ended: its summary is newer than its metrics, or it has only a network. */
  ended: boolean;
  /** Reads what is appended to the metrics. */
  metricsFile: MetricsFile;
}

/** Receives the contents of the files, where they are wanted. */
export interface RunReader {
  config?: (config: Record<string, unknown>) => void;
  epoch?: (line: EpochMetrics) => void;
  summary?: (summary: RunSummary) => void;
}

/** Read first: most headers are shorter. */
const START_BYTES = 2 ** 14;
/** Room for a thousand classes. */
const MAX_LISTED_SUMMARY_BYTES = 16 * 2 ** 20;
/** Objects and keys cost a hundred times what numbers cost. A matrix of a thousand classes has as many lists. */
const MAX_MARKS = 10_000;
/** A checkpoint with a longer header is not listed: ten times that of the deepest network with its optimiser. */
const MAX_LISTED_HEADER_BYTES = 2 ** 20;
/** A checkpoint with more classes is not listed. */
const MAX_LISTED_CLASSES = 1024;
/** A checkpoint whose class names are longer in all is not listed. */
const MAX_CLASS_NAMES_LENGTH = 2 ** 16;

/**
 * Reads a run's files, which a training may be writing.
 * @param before what is known already; only changed files are read
 * @param reader receives the contents; give it without `before`
 * @returns `before` itself if nothing has changed
 */
export function digestOf(
  { folder, checkpoint: path, shipped = false }: RunPlace,
  before?: RunDigest,
  reader: RunReader = {},
): RunDigest {
  const at = (name: string) => join(folder, name);
  // First: a training writes its summary before it gives up the lock.
  const touched = touchedAt(folder);
  const metricsFile = before?.metricsFile ?? new MetricsFile(at(RUN_FILES.metrics));
  const config = known(at(RUN_FILES.config), before?.config, (file) => configFacts(file, reader));
  const metrics = known(at(RUN_FILES.metrics), before?.metrics, () => metricsFile.update(reader.epoch));
  const summary = known(at(RUN_FILES.summary), before?.summary, (file) => summaryFacts(file, reader));
  const checkpoint = known(path, before?.checkpoint, checkpointFacts);
  const files = [config, metrics, summary, checkpoint];
  if (
    before?.touched === touched &&
    before.config === config &&
    before.metrics === metrics &&
    before.summary === summary &&
    before.checkpoint === checkpoint
  ) {
    return before;
  }
  const changed = files.reduce((latest, { stamp }) => Math.max(latest, stamp?.changed ?? 0), 0);
  // The files of a package have the times of its installation.
  const isNewer = shipped || (summary.stamp?.changed ?? 0) >= (metrics.stamp?.changed ?? 0);
  // A network that was imported, merged or taught has no metrics: no training was interrupted.
  const isFinished = checkpoint.stamp !== null && metrics.stamp === null && touched === null;
  const ended = isFinished || (summary.stamp !== null && isNewer);
  const started = config.stamp?.changed ?? changed;
  return { config, metrics, summary, checkpoint, touched, started, changed, ended, metricsFile };
}

/** When the lock of a run folder was touched, in milliseconds since 1970; null if there is none. */
export function touchedAt(folder: string): number | null {
  return stampOfSync(join(folder, LOCK))?.changed ?? null;
}

/** Message of the first file that cannot be read; null if all can. */
export function problemOf({ config, metrics, summary, checkpoint }: RunDigest): string | null {
  return config.problem ?? metrics.problem ?? summary.problem ?? checkpoint.problem;
}

function known<T>(path: string, before: Known<T> | undefined, read: (path: string) => T): Known<T> {
  const stamp = stampOfSync(path);
  if (before && before.stamp?.version === stamp?.version) return before;
  if (stamp === null) return { stamp, value: null, problem: null };
  try {
    return { stamp, value: read(path), problem: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { stamp, value: null, problem: error.message };
  }
}

function configFacts(path: string, reader: RunReader) {
  const config = parseJson(readText(path, MAX_CONFIG_BYTES), path);
  if (!isPlainObject(config)) throw new UserError(`${path}: expected a JSON object`);
  reader.config?.(config);
  const text = (key: string) => (typeof config[key] === 'string' ? config[key] : null);
  const numEpochs = typeof config.num_epochs === 'number' ? config.num_epochs : null;
  return { preset: text('preset'), data: text('data'), numEpochs };
}

function summaryFacts(path: string, reader: RunReader) {
  const text = readText(path, MAX_LISTED_SUMMARY_BYTES);
  const marks = countMarks(text);
  if (marks > MAX_MARKS) {
    throw new UserError(`${path}: ${marks} brackets and colons; the server accepts at most ${MAX_MARKS}`);
  }
  const summary = runSummaryOf(parseJson(text, path), path);
  reader.summary?.(summary);
  const { confusionMatrix: _, classes: __, ...facts } = summary;
  return facts;
}

/** The number of `[`, `{` and `:` in a text. */
function countMarks(text: string): number {
  let marks = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5b || c === 0x7b || c === 0x3a) marks++;
  }
  return marks;
}

/** Reads the header alone. */
function checkpointFacts(path: string) {
  const header = readPieces(path, MAX_CHECKPOINT_BYTES, (size, fill) => {
    const start = new Uint8Array(Math.min(START_BYTES, size));
    fill(start, 0);
    const length = headerEnd(start, size, path) - LENGTH_BYTES;
    if (length > MAX_LISTED_HEADER_BYTES) {
      throw new UserError(
        `${path}: a header of ${length} bytes; the server accepts at most ${MAX_LISTED_HEADER_BYTES}`,
      );
    }
    const bytes = new Uint8Array(length);
    bytes.set(start.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
    const there = Math.min(length, start.length - LENGTH_BYTES);
    if (there < length) fill(bytes.subarray(there), LENGTH_BYTES + there);
    return decodeHeader(checkedHeader(bytes, size, path), path);
  });
  const { preprocessing, classes, parameters } = header;
  if (classes.length > MAX_LISTED_CLASSES) {
    throw new UserError(
      `${path}: ${classes.length} classes; the server accepts at most ${MAX_LISTED_CLASSES}`,
    );
  }
  const letters = classes.reduce((sum, name) => sum + name.length, 0);
  if (letters > MAX_CLASS_NAMES_LENGTH) {
    throw new UserError(
      `${path}: class names of ${letters} letters in all; the server accepts at most ${MAX_CLASS_NAMES_LENGTH}`,
    );
  }
  return { kind: preprocessing.kind, classes, parameters };
}

function readText(path: string, maxBytes: number): string {
  return readPieces(path, maxBytes, (size, fill) => {
    const bytes = new Uint8Array(size);
    return new TextDecoder().decode(bytes.subarray(0, fill(bytes, 0)));
  });
}
