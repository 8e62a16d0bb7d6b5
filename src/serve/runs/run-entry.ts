/** Runs and models as the API lists them, made from digests. */
import { kindNamed } from '../../data/dataset-name.js';
import type { RunPlace } from '../../runs/find-runs.js';
import { runFacts } from '../../runs/run-files.js';
import type { ModelEntry, RunEntry, RunState } from '../api.js';
import { problemOf, type RunDigest } from './run-digest.js';

/** A run is `stopped` after this many times the duration of its last epoch, plus a grace period, without a write. */
const SILENCE_EPOCHS = 3;
const SILENCE_GRACE_MS = 90_000;
/** The same before the first epoch ends, when its duration is unknown. */
const FIRST_EPOCH_MS = 15 * 60_000;

/** What the state of a run depends on, beside the time. */
export type Signs = Pick<RunDigest, 'changed' | 'ended'> & {
  /** Milliseconds without a write after which the run counts as stopped. */
  patience: number;
};

export function signsOf({ changed, ended, metrics }: RunDigest): Signs {
  const seconds = metrics.value?.last?.seconds;
  const patience =
    seconds === undefined ? FIRST_EPOCH_MS : SILENCE_EPOCHS * 1000 * seconds + SILENCE_GRACE_MS;
  return { changed, ended, patience };
}

/** `live` if the run has written recently enough. */
export function stateOf({ changed, ended, patience }: Signs, now: number): RunState {
  if (ended) return 'done';
  return now - changed < patience ? 'live' : 'stopped';
}

export function runEntry({ id, folder }: RunPlace, digest: RunDigest, now: number): RunEntry {
  const { started, changed, checkpoint } = digest;
  const config = digest.config.value;
  const metrics = digest.metrics.value;
  const summary = digest.summary.value;
  const data = config?.data ?? null;
  return {
    id,
    folder,
    state: stateOf(signsOf(digest), now),
    started: new Date(started).toISOString(),
    changed: new Date(changed).toISOString(),
    preset: config?.preset ?? summary?.preset ?? null,
    data,
    kind: checkpoint.value?.kind ?? (data === null ? null : kindNamed(data)),
    epochs: metrics?.epochs ?? 0,
    num_epochs: config?.numEpochs ?? null,
    best_val_accuracy: metrics?.bestAccuracy ?? null,
    test_accuracy: summary?.testAccuracy ?? null,
    parameters: summary?.parameters ?? null,
    train_seconds: summary?.trainSeconds ?? metrics?.seconds ?? 0,
    samples_per_second: summary?.samplesPerSecond ?? metrics?.last?.samplesPerSecond ?? null,
    peak_rss_mb: summary?.peakRssMb ?? null,
    model: checkpoint.stamp !== null,
    problem: problemOf(digest),
  };
}

/** The run's network; null if it has none, or a damaged one. */
export function modelEntry(place: RunPlace, { checkpoint, summary, config }: RunDigest): ModelEntry | null {
  const { stamp, value } = checkpoint;
  if (stamp === null || value === null) return null;
  const { preset, testAccuracy } = runFacts(place.checkpoint, summary.value, config.value);
  return {
    id: place.id,
    name: place.id,
    preset,
    kind: value.kind,
    classes: value.classes,
    parameters: value.parameters,
    test_accuracy: testAccuracy,
    file: `${encodeURIComponent(place.id)}.safetensors`,
    bytes: stamp.bytes,
    version: stamp.version,
  };
}
