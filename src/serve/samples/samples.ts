/** The samples of runs, from a worker thread. While a part is computed, requests are answered with its progress. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { BackendName } from '../../backends/backend.js';
import { stampOf } from '../../runs/file-stamp.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import type { SamplePart, SamplesPending } from '../api.js';
import { HttpError } from '../http-error.js';
import type { RunStore } from '../runs/run-store.js';
import { MAX_WORKER_HEAP_MIB } from '../server-limits.js';
import { WorkerPool } from '../workers/worker-pool.js';
import type { SampleFilter } from './sample-answers.js';
import { partKey, type SampleSource } from './sample-jobs.js';
import type { SampleJob, SampleNews } from './sample-worker.js';

/** After this time a request is answered with the progress. */
const EARLY_ANSWER_MS = 1500;
/** A failure is remembered for so long: requests that ask for progress come again sooner. */
const FAILED_MS = 5000;
/** Time to answer a part: enough for a large data set and a large network. */
const MAX_MS = 30 * 60_000;
/** Time without progress: enough to read a large data set. */
const MAX_SILENCE_MS = 2 * 60_000;

export class Samples {
  readonly #runs: RunStore;
  readonly #pool: WorkerPool<SampleJob, string>;
  /** The parts being answered, with their progress. */
  readonly #pending = new Map<string, { ready: Promise<unknown>; news: SampleNews }>();

  /** @param roots folders with data sets that may be opened, with symbolic links resolved */
  constructor(runs: RunStore, backend: BackendName | 'auto', roots: readonly string[]) {
    this.#runs = runs;
    this.#pool = new WorkerPool<SampleJob, string>({
      script: new URL('./sample-worker.js', import.meta.url),
      data: { backend, roots },
      threads: 1,
      jobs: 1,
      bytes: 0,
      deadline: MAX_MS,
      silence: MAX_SILENCE_MS,
      heapMiB: MAX_WORKER_HEAP_MIB,
      waiting: 256,
      overlapping: true,
      onNews: (news) => this.#note(news as SampleNews),
    });
  }

  /** A SampleList as JSON, or the progress of computing it. @throws HttpError */
  async list(id: string, filter: SampleFilter): Promise<string | SamplesPending> {
    const source = await this.#source(id, filter.part);
    return (await this.#wait(source)) ?? this.#pool.run({ type: 'list', source, filter });
  }

  /** SampleDetails as JSON, or the progress of computing them. @throws HttpError */
  async describe(id: string, part: SamplePart, index: number): Promise<string | SamplesPending> {
    const source = await this.#source(id, part);
    return (await this.#wait(source)) ?? this.#pool.run({ type: 'describe', source, index });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #source(id: string, part: SamplePart): Promise<SampleSource> {
    const place = await this.#runs.find(id);
    const path = join(place.folder, RUN_FILES.config);
    const [stamp, config] = await Promise.all([stampOf(place.checkpoint), stampOf(path)]);
    if (stamp === null)
      throw new HttpError(404, `samples: the run ${id} has no checkpoint yet; wait for its first epoch`);
    if (config === null) {
      throw new HttpError(
        404,
        `samples: the run ${id} has no ${RUN_FILES.config}, which names its data; without it samples cannot be shown`,
      );
    }
    const model = { id, path: place.checkpoint, version: stamp.version };
    return { model, config: path, configVersion: config.version, part };
  }

  /** Null when the part is answered, else the progress. */
  async #wait(source: SampleSource): Promise<SamplesPending | null> {
    const key = partKey(source);
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      const ready = this.#pool.run({ type: 'answer', source });
      pending = { ready, news: { key, done: 0, total: 0 } };
      this.#pending.set(key, pending);
      const forget = () => this.#pending.delete(key);
      ready.then(forget, () => setTimeout(FAILED_MS, undefined, { ref: false }).then(forget));
    }
    const ended = await Promise.race([pending.ready.then(() => true), setTimeout(EARLY_ANSWER_MS, false)]);
    return ended ? null : { done: pending.news.done, total: pending.news.total };
  }

  #note(news: SampleNews): void {
    const pending = this.#pending.get(news.key);
    if (pending) pending.news = news;
  }
}
