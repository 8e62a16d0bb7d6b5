/** Runs and models as the API lists them, made from digests. */
import { kindNamed } from '../../data/dataset-name.js';
import type { RunPlace } from '../../runs/find-runs.js';
import { runFacts } from '../../runs/run-files.js';
import { SILENT_MS } from '../../runs/run-lock.js';
import type { ModelEntry, RunEntry, RunState } from '../api.js';
import { problemOf, type RunDigest } from './run-digest.js';

/** A training touches its lock at shorter intervals. The grace is for busy machines and disks, and for old lists. */
const GRACE_MS = 10_000;
const UNTOUCHED_MS = SILENT_MS + GRACE_MS;

/** What the state of a run depends on, beside the time. */
export type Signs = Pick<RunDigest, 'touched' | 'ended'>;

/** `live` if a training holds the run folder's lock: it has touched it recently. */
export function stateOf({ touched, ended }: Signs, now: number): RunState {
  if (ended) return 'done';
  // A lock of the future is not held: a stranger's folder may have one.
  return touched !== null && Math.abs(now - touched) < UNTOUCHED_MS ? 'live' : 'stopped';
}

export function runEntry(
  { id, folder, shipped = false }: RunPlace,
  digest: RunDigest,
  now: number,
): RunEntry {
  const { started, changed, checkpoint } = digest;
  const config = digest.config.value;
  const metrics = digest.metrics.value;
  const summary = digest.summary.value;
  const data = config?.data ?? null;
  return {
    id,
    folder,
    state: stateOf(digest, now),
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
    shipped,
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
    shipped: place.shipped ?? false,
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
