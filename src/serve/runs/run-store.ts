/**
 * The runs that the server shows: those given on the command line, and those in a folder of runs. Each has an id made
 * of its folder's name. A request names an id, which is looked up in this list and never becomes part of a path.
 */
import { join } from 'node:path';
import { kindNamed } from '../../data/dataset-name.js';
import { quote } from '../../formats/quotation.js';
import type { CheckpointHeader } from '../../runs/checkpoint.js';
import { readCheckpointHeader } from '../../runs/checkpoint-file.js';
import { type FileStamp, openFile, stampOf } from '../../runs/file-stamp.js';
import { isFolderOfRuns, namedRuns, type RunPlace, runsIn, withDistinctIds } from '../../runs/find-runs.js';
import { readConfig, readMetrics, readSummary } from '../../runs/run-files.js';
import { type EpochMetrics, RUN_FILES, type RunSummary } from '../../runs/run-folder.js';
import { UserError } from '../../user-error.js';
import type { RunEntry, RunState } from '../api.js';
import { HttpError } from '../http-error.js';
import { LruCache } from '../lru-cache.js';

/** A run with the contents of its files; null for missing files. */
export interface RunRecord extends RunPlace {
  state: RunState;
  /** Milliseconds since 1970. */
  started: number;
  changed: number;
  config: Record<string, unknown> | null;
  metrics: EpochMetrics[];
  summary: RunSummary | null;
  /** Of the checkpoint. */
  stamp: FileStamp | null;
  /** What the checkpoint's header says; null if there is none, or it is damaged. */
  header: CheckpointHeader | null;
  problem: string | null;
}

/** A list is used for this time, then made anew. */
const STALE_MS = 250;
/** For an unknown id the folder is scanned again, at most once in this time. */
const RESCAN_MS = 2;
/** A run is `stopped` after this many times the duration of its last epoch, plus a grace period, without a write. */
const SILENCE_EPOCHS = 3;
const SILENCE_GRACE_MS = 90_000;
/** The same before the first epoch ends, when its duration is unknown. */
const FIRST_EPOCH_MS = 15 * 60_000;

export class RunStore {
  readonly #given: RunPlace[];
  readonly #runs: string | null;
  #list: { places: Promise<RunPlace[]>; since: number } | undefined;
  readonly #configs = new LruCache<Record<string, unknown>>(500);
  readonly #metrics = new LruCache<EpochMetrics[]>(500);
  readonly #summaries = new LruCache<RunSummary>(500);
  readonly #headers = new LruCache<CheckpointHeader>(500);

  /**
   * @param given run folders or checkpoints
   * @param runs a folder of runs, which need not exist yet
   */
  constructor(given: RunPlace[], runs: string | null) {
    this.#given = given;
    this.#runs = runs;
  }

  /** All runs: those given, then the others by name. */
  places(fresh = STALE_MS): Promise<RunPlace[]> {
    const now = performance.now();
    if (!this.#list || now - this.#list.since > fresh) this.#list = { places: this.#find(), since: now };
    return this.#list.places;
  }

  /** @throws HttpError 404 */
  async find(id: string): Promise<RunPlace> {
    for (const fresh of [STALE_MS, RESCAN_MS]) {
      const place = (await this.places(fresh)).find((each) => each.id === id);
      if (place) return place;
    }
    throw new HttpError(404, `there is no run ${quote(id)}; GET /api/runs lists all of them`);
  }

  /** Sort key: the runs given on the command line in their order, then all others. */
  rank({ folder, checkpoint }: RunPlace): number {
    const at = this.#given.findIndex((each) => each.folder === folder && each.checkpoint === checkpoint);
    return at < 0 ? this.#given.length : at;
  }

  /** Newest first. */
  async records(): Promise<RunRecord[]> {
    const records = await Promise.all((await this.places()).map((place) => this.record(place)));
    return records.sort((a, b) => b.started - a.started || (a.id < b.id ? -1 : 1));
  }

  /** Reads a run's files, which a training may be writing. */
  async record(place: RunPlace): Promise<RunRecord> {
    const { folder } = place;
    const names = [RUN_FILES.config, RUN_FILES.metrics, RUN_FILES.summary];
    const stamps = await Promise.all(names.map((name) => stampOf(join(folder, name))));
    const [config, metrics, summary] = stamps;
    const key = ({ version }: FileStamp) => `${version} ${folder}`;
    const stamp = await stampOf(place.checkpoint);
    const header =
      stamp &&
      (await this.#headers
        .get(`${stamp.version} ${place.checkpoint}`, () => readCheckpointHeader(place.checkpoint, openFile))
        .catch(() => null));
    const problems: string[] = [];
    const readable = async <T>(value: Promise<T> | null): Promise<T | null> => {
      try {
        return await value;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problems.push(error.message);
        return null;
      }
    };
    const read = {
      config: await readable(config && this.#configs.get(key(config), () => readConfig(folder))),
      metrics: (await readable(metrics && this.#metrics.get(key(metrics), () => readMetrics(folder)))) ?? [],
      summary: await readable(summary && this.#summaries.get(key(summary), () => readSummary(folder))),
    };
    const times = [...stamps, stamp].flatMap((each) => (each ? [each.changed] : []));
    const changed = Math.max(0, ...times);
    const ended = summary !== null && summary.changed >= (metrics?.changed ?? 0);
    return {
      ...place,
      ...read,
      stamp,
      header,
      changed,
      started: config?.changed ?? changed,
      problem: problems[0] ?? null,
      state: ended ? 'done' : stateOf(read.metrics, changed),
    };
  }

  async #find(): Promise<RunPlace[]> {
    const found = this.#runs === null ? [] : await runsIn(this.#runs);
    const known = new Set(this.#given.map(({ folder }) => folder));
    return withDistinctIds([...this.#given, ...found.filter(({ folder }) => !known.has(folder))]);
  }
}

/** `live` if the run has written recently enough. */
function stateOf(metrics: readonly EpochMetrics[], changed: number): RunState {
  const patience =
    metrics.length === 0
      ? FIRST_EPOCH_MS
      : SILENCE_EPOCHS * 1000 * metrics[metrics.length - 1].seconds + SILENCE_GRACE_MS;
  return Date.now() - changed < patience ? 'live' : 'stopped';
}

/**
 * @param given run folders, folders of several seeds, checkpoints; or one folder of runs, used in place of `runs`
 * @param runs a folder of runs, which need not exist yet
 * @throws UserError if one of those given is none of these
 */
export async function openRunStore(given: readonly string[], runs: string | null): Promise<RunStore> {
  if (given.length === 1 && (await isFolderOfRuns(given[0]))) return new RunStore([], given[0]);
  return new RunStore(await namedRuns('serve', given), runs);
}

/** A run as the API lists it. */
export function runEntry(record: RunRecord): RunEntry {
  const { id, folder, state, started, changed, config, metrics, summary, stamp, header, problem } = record;
  const text = (key: string) => (typeof config?.[key] === 'string' ? config[key] : null);
  const data = text('data');
  const last = metrics.at(-1);
  const accuracies = metrics.map(({ validationAccuracy }) => validationAccuracy);
  return {
    id,
    folder,
    state,
    started: new Date(started).toISOString(),
    changed: new Date(changed).toISOString(),
    preset: text('preset') ?? summary?.preset ?? null,
    data,
    kind: header?.preprocessing.kind ?? (data === null ? null : kindNamed(data)),
    epochs: metrics.length,
    num_epochs: typeof config?.num_epochs === 'number' ? config.num_epochs : null,
    best_val_accuracy: accuracies.length > 0 ? Math.max(...accuracies) : null,
    test_accuracy: summary?.testAccuracy ?? null,
    parameters: summary?.parameters ?? null,
    train_seconds: summary?.trainSeconds ?? metrics.reduce((sum, { seconds }) => sum + seconds, 0),
    samples_per_second: summary?.samplesPerSecond ?? last?.samplesPerSecond ?? null,
    peak_rss_mb: summary?.peakRssMb ?? null,
    model: stamp !== null,
    problem,
  };
}
