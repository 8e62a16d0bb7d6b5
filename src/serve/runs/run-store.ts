/**
 * The runs that the server shows: those given on the command line, those in a folder of runs, and the networks of the
 * package. Each has an id made of its folder's name. A request names an id, which is looked up in this list and never becomes part of a path.
 *
 * Two worker threads read the files: one for the lists of all runs, one for single runs. This thread keeps the last
 * lists. A request starts a look at the folder if the lists are older than a moment; the more runs there are, the longer
 * a look takes, and the longer that moment is, up to five seconds.
 */
import { basename, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { quote } from '../../formats/quotation.js';
import { isFolderOfRuns, namedRuns, type RunPlace } from '../../runs/find-runs.js';
import type { ProjectOffer } from '../api.js';
import { HttpError } from '../http-error.js';
import type { ModelSource, PredictContext } from '../predict/predict-jobs.js';
import { MAX_WORKER_HEAP_MIB } from '../server-limits.js';
import { WorkerPool } from '../workers/worker-pool.js';
import type { ScanVersions } from './run-scan.js';
import type { RunProgress, RunsAnswer, RunsJob, ScanNews } from './runs-worker.js';

/** A list is used for this time, or for this many times the duration of a look, then made anew. */
const STALE_MS = 250;
const STALE_LOOKS = 5;
const MAX_STALE_MS = 5000;
/** A request for a list waits this long for the look that it has started, if looks are short. */
const PATIENCE_MS = 100;
/** A health report waits this long for networks that have not been counted yet. */
const COUNT_MS = 500;
/** A list that is this many times as old is not used any more. */
const OLD = 4;
/** An unknown id waits at most this long until the folder is looked at again. */
const MAX_RESCAN_MS = 1000;
/** Time to read new and changed runs: at the start, when there is nothing to show, and later. */
const FIRST_BUDGET_MS = 20_000;
const BUDGET_MS = 2000;
/** A look, or reading a run, that takes longer fails. */
const READ_MS = 60_000;
/** Most requests that wait for a look, and for single runs. */
const MAX_WAITING = 1000;

/** Among ten thousand runs, a new one is listed after some seconds. */
const LISTED_MS = 15_000;

/** What has been asked for, as of a look. */
interface Kept<T> {
  value: T;
  version: number;
}

export class RunStore {
  /** The folder of runs; null for none. */
  readonly folder: string | null;
  readonly #scan: WorkerPool<RunsJob, RunsAnswer>;
  readonly #single: WorkerPool<RunsJob, RunsAnswer>;
  #places: Kept<Map<string, RunPlace>> = { value: new Map(), version: -1 };
  #context: PredictContext = { default: null, models: [] };
  readonly #json: Record<'models' | 'list', Kept<Uint8Array> | null> = { models: null, list: null };
  /** When the last look began, and how long it took. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #lookMs = 0;
  #looking: { wanted: Set<keyof ScanVersions>; done: Promise<void> } | null = null;

  /**
   * @param given run folders or checkpoints
   * @param runs a folder of runs, which need not exist yet
   * @param shipped networks of the package
   * @param project the project that the list of models offers; null for none
   */
  constructor(
    given: readonly RunPlace[],
    runs: string | null,
    shipped: readonly RunPlace[] = [],
    project: ProjectOffer | null = null,
  ) {
    this.folder = runs;
    const options = {
      script: new URL('./runs-worker.js', import.meta.url),
      data: { given, runs, shipped, project },
      threads: 1,
      jobs: 1,
      bytes: 0,
      deadline: READ_MS,
      heapMiB: MAX_WORKER_HEAP_MIB,
      waiting: MAX_WAITING,
    };
    this.#scan = new WorkerPool(options);
    this.#single = new WorkerPool(options);
  }

  /** JSON of GET /api/runs. */
  async list(): Promise<Uint8Array> {
    return this.#jsonOf('list');
  }

  /** JSON of GET /api/models. */
  async models(): Promise<Uint8Array> {
    return this.#jsonOf('models');
  }

  /** The networks, for the workers that answer requests: the identical object until something changes. */
  async context(): Promise<PredictContext> {
    // Requests do not wait for a look while there are many.
    await this.#fresh('models', 0);
    return this.#context;
  }

  /** Number of networks. While the first look at many runs takes long, those that are known: 0. */
  async modelCount(): Promise<number> {
    const counted = this.#fresh('models', 0).catch(() => {});
    await Promise.race([counted, sleep(COUNT_MS, undefined, { ref: false })]);
    return this.#context.models.length;
  }

  /** The network whose file the list of models names so. @throws HttpError 404 */
  async model(file: string): Promise<ModelSource> {
    await this.#fresh('models', PATIENCE_MS);
    const found = this.#context.models.find(({ id }) => `${id}.safetensors` === file);
    if (found) return found;
    throw new HttpError(404, `there is no model file ${quote(file)}; models/index.json lists all of them`);
  }

  /** @throws HttpError 404 */
  async find(id: string): Promise<RunPlace> {
    const began = performance.now();
    await this.#fresh('places', PATIENCE_MS);
    // The run may have begun after the last look, so an unknown id waits for a look that begins after the request.
    while (!this.#places.value.has(id) && this.#lookedAt < began) {
      const pause = Math.min(MAX_RESCAN_MS, STALE_LOOKS * this.#lookMs) - this.#age();
      if (this.#looking === null && pause > 0) await sleep(pause);
      await this.#look('places');
    }
    const place = this.#places.value.get(id);
    if (place) return place;
    throw new HttpError(404, `there is no run ${quote(id)}; GET /api/runs lists all of them`);
  }

  /**
   * The id of a run that has just been written to the folder of runs. When this resolves, the lists have the run.
   * @throws HttpError 404 if another process has removed it
   */
  async idOf(folder: string): Promise<string> {
    const written = resolve(folder);
    const began = performance.now();
    for (;;) {
      await this.#look('models');
      const place = [...this.#places.value.values()].find((each) => each.folder === written);
      const isListed = place && this.#context.models.some(({ path }) => path === place.checkpoint);
      if (place && (isListed || performance.now() - began > LISTED_MS)) return place.id;
      if (!place && this.#lookedAt > began) break;
    }
    throw new HttpError(404, `the run ${quote(basename(folder))} was removed a moment ago`);
  }

  /** JSON of GET /api/runs/:id. */
  async details(place: RunPlace): Promise<Uint8Array> {
    return (await this.#single.run({ type: 'details', place })) as Uint8Array;
  }

  /**
   * Progress of a run.
   * @param after the epoch after which lines are wanted
   * @param known the version that is known already; null to read in any case
   * @returns null if nothing has changed
   */
  async progress(place: RunPlace, after: number, known: string | null): Promise<RunProgress | null> {
    return (await this.#single.run({ type: 'progress', place, after, known })) as RunProgress | null;
  }

  async close(): Promise<void> {
    await Promise.all([this.#scan.close(), this.#single.close()]);
  }

  async #jsonOf(what: 'models' | 'list'): Promise<Uint8Array> {
    await this.#fresh(what, PATIENCE_MS);
    const kept = this.#json[what];
    if (kept === null) throw new HttpError(503, 'the runs have not been read yet; try again later');
    return kept.value;
  }

  /** Milliseconds since the last look began. */
  #age(): number {
    return performance.now() - this.#lookedAt;
  }

  /**
   * Sees to it that something is fresh: starts a look if necessary, and waits for it.
   * @param patience milliseconds to wait if what there is can still be used
   */
  async #fresh(what: keyof ScanVersions, patience: number): Promise<void> {
    const stale = Math.min(MAX_STALE_MS, Math.max(STALE_MS, STALE_LOOKS * this.#lookMs));
    const there = what === 'places' ? this.#places.version >= 0 : this.#json[what] !== null;
    const age = this.#age();
    if (there && age <= stale) return;
    const look = this.#look(what);
    if (!there || age > OLD * stale) return look;
    // Later requests report what is wrong, if anything is.
    look.catch(() => {});
    const stop = new AbortController();
    if (this.#lookMs < patience) {
      await Promise.race([look, sleep(patience, undefined, { signal: stop.signal }).catch(() => {})]);
    }
    stop.abort();
  }

  /** Looks at the runs, once for all concurrent calls. */
  async #look(what: keyof ScanVersions): Promise<void> {
    if (this.#looking !== null) {
      const { wanted, done } = this.#looking;
      if (wanted.has(what)) return done;
      await done;
      return this.#look(what);
    }
    const wanted = new Set<keyof ScanVersions>(['places', what]);
    // What has been asked for before is likely to be asked for again.
    for (const each of ['models', 'list'] as const) if (this.#json[each] !== null) wanted.add(each);
    const done = this.#lookFor(wanted).finally(() => {
      this.#looking = null;
    });
    this.#looking = { wanted, done };
    return done;
  }

  async #lookFor(wanted: ReadonlySet<keyof ScanVersions>): Promise<void> {
    const began = performance.now();
    const version = (what: keyof ScanVersions, kept: Kept<unknown> | null) =>
      wanted.has(what) ? (kept?.version ?? -1) : null;
    const job: RunsJob = {
      type: 'scan',
      budgetMs: this.#places.version < 0 ? FIRST_BUDGET_MS : BUDGET_MS,
      wanted: {
        places: version('places', this.#places),
        models: version('models', this.#json.models),
        list: version('list', this.#json.list),
      },
    };
    let complete: boolean;
    try {
      const news = (await this.#scan.run(job)) as ScanNews;
      this.#take(news);
      complete = news.complete;
    } catch (error) {
      // A new worker counts versions anew.
      for (const kept of [this.#places, this.#json.models, this.#json.list]) if (kept) kept.version = -1;
      throw error;
    }
    this.#lookedAt = began;
    this.#lookMs = performance.now() - began;
    // The other runs are read at once; a closed pool ends this.
    if (!complete) setImmediate(() => this.#look('places').catch(() => {}));
  }

  #take({ versions, places, context, models, list }: ScanNews): void {
    if (places) {
      const value = new Map(places.map((place) => [place.id, place]));
      this.#places = { value, version: versions.places };
    }
    if (context) this.#context = context;
    if (models) this.#json.models = { value: models, version: versions.models };
    if (list) this.#json.list = { value: list, version: versions.list };
  }
}

/**
 * @param given run folders, folders of several seeds, checkpoints; or one folder of runs, used in place of `runs`
 * @param runs a folder of runs, which need not exist yet
 * @param shipped networks of the package, listed last
 * @param project a project file, whose network is listed after those given
 * @throws UserError if one of those given is none of these
 */
export async function openRunStore(
  given: readonly string[],
  runs: string | null,
  shipped: readonly RunPlace[] = [],
  project: { offer: ProjectOffer; place: RunPlace | null } | null = null,
): Promise<RunStore> {
  const own = project?.place ? [project.place] : [];
  const offer = project?.offer ?? null;
  if (given.length === 1 && isFolderOfRuns(given[0])) return new RunStore(own, given[0], shipped, offer);
  return new RunStore([...(await namedRuns('serve', given)), ...own], runs, shipped, offer);
}
