/** The trainings of a server: one runs, a few wait, and the last one of each project is remembered. */
import type { PassThrough, Readable } from 'node:stream';
import { quote } from '../../formats/quotation.js';
import type { ProjectEventName, ProjectTraining } from '../api.js';
import { beat, openEventStream, sendEvent } from '../event-stream.js';
import { HttpError } from '../http-error.js';
import {
  COMPUTE_MS,
  MAX_LISTENERS,
  MAX_REMEMBERED_TRAININGS,
  MAX_TAUGHT_RUNS,
  MAX_WAITING_TRAININGS,
  MAX_WORKER_HEAP_MIB,
} from '../server-limits.js';
import { WorkerPool } from '../workers/worker-pool.js';
import type { CheckedProject, ProjectBody } from './project-check.js';
import type { TrainWork } from './train-worker.js';
import { Training, type TrainingListener } from './training.js';

/** Where trainings run, and who hears of them. */
export interface TrainingsOptions extends Pick<TrainWork, 'runs' | 'backend' | 'threads'> {
  onRun: TrainingListener['onRun'];
  onDefect: TrainingListener['onDefect'];
}

/** Bodies that wait to be checked; their size is limited, too (bodies.ts). */
const WAITING_CHECKS = 64;
/** Seconds after which a client may try again, if the training under way does not tell. */
const RETRY_S = 10;

export class Trainings {
  readonly #options: TrainingsOptions;
  readonly #check: WorkerPool<ProjectBody, CheckedProject>;
  /** The last training of each project, oldest first. */
  readonly #last = new Map<string, Training>();
  readonly #queue: Training[] = [];
  readonly #listeners = new Map<string, Set<PassThrough>>();
  #running: Training | null = null;
  #written = 0;
  #beat: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: TrainingsOptions) {
    this.#options = options;
    this.#check = new WorkerPool<ProjectBody, CheckedProject>({
      script: new URL('./check-worker.js', import.meta.url),
      data: null,
      threads: 1,
      jobs: 1,
      bytes: 0,
      deadline: COMPUTE_MS,
      heapMiB: MAX_WORKER_HEAP_MIB,
      waiting: WAITING_CHECKS,
    });
  }

  /** @throws HttpError 409 or 503 if a training of this name cannot begin now */
  checkRoom(name: string): void {
    const before = this.#last.get(name);
    if (before && !before.hasEnded) {
      throw new HttpError(
        409,
        `train: the project ${quote(name)} is ${before.state === 'running' ? 'being trained' : 'in the queue'}; wait, or cancel it: DELETE /api/projects/${name}/train`,
      );
    }
    if (this.#isClosed) throw new HttpError(503, 'the server is closing');
    if (this.#written >= MAX_TAUGHT_RUNS) {
      throw new HttpError(
        503,
        `train: this server has written ${MAX_TAUGHT_RUNS} runs, as many as it may; remove old ones and start it anew`,
        3600,
      );
    }
    if (this.#queue.length >= MAX_WAITING_TRAININGS) {
      const left = this.#running?.progress?.seconds_left ?? RETRY_S;
      throw new HttpError(
        503,
        `train: one training runs and ${this.#queue.length} wait, as many as may; try again later`,
        Math.min(600, Math.max(1, Math.ceil(left))),
      );
    }
  }

  /**
   * Checks a project and puts its training in the queue.
   * @param wanted false if the client has disconnected
   * @throws HttpError as checkRoom, and 400 or 413 for a body that cannot be taught
   */
  async begin(
    body: ProjectBody,
    choices: TrainWork['choices'],
    wanted: () => boolean,
  ): Promise<ProjectTraining> {
    const { name } = body;
    this.checkRoom(name);
    const checked = await this.#check.run(body, { bytes: body.body.length, wanted });
    // Another request may have been faster.
    this.checkRoom(name);
    const { runs, backend, threads } = this.#options;
    const training = new Training({ name, file: checked.file, choices, runs, backend, threads }, checked);
    this.#last.delete(name);
    this.#last.set(name, training);
    this.#forget();
    this.#queue.push(training);
    this.#tell(training, 'state');
    this.#next();
    return this.#json(training);
  }

  /** Newest first. */
  list(): ProjectTraining[] {
    return [...this.#last.values()].reverse().map((each) => this.#json(each));
  }

  /** @throws HttpError 404 */
  get(name: string): ProjectTraining {
    return this.#json(this.#find(name));
  }

  /** @throws HttpError 404 for an unknown name, 409 for a training that is done or has failed */
  async cancel(name: string): Promise<ProjectTraining> {
    const training = this.#find(name);
    if (training.state === 'done' || training.state === 'failed') {
      throw new HttpError(409, `cancel: the training of ${quote(name)} has ended already: ${training.state}`);
    }
    const place = this.#queue.indexOf(training);
    if (place >= 0) this.#queue.splice(place, 1);
    const wasOpen = !training.hasEnded;
    await training.cancel();
    // The end of one that ran is told by #next.
    if (wasOpen && place >= 0) {
      // Those behind it wait for one less.
      for (const each of [training, ...this.#queue.slice(place)]) this.#tell(each, 'state');
    }
    return this.#json(training);
  }

  /**
   * The events of a project: its state now, then everything new.
   * @throws HttpError 404 for an unknown name, 503 if there are too many listeners
   */
  listen(name: string): Readable {
    const training = this.#find(name);
    const count = [...this.#streams()].length;
    if (count >= MAX_LISTENERS) {
      throw new HttpError(503, `${count} connections listen to projects already; close some of them`);
    }
    const stream = openEventStream();
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(stream));
    stream.on('close', () => {
      listeners.delete(stream);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#beat);
      this.#beat = undefined;
    });
    this.#beat ??= beat(() => this.#streams());
    sendEvent(stream, 'state' satisfies ProjectEventName, JSON.stringify(this.#json(training)));
    return stream;
  }

  /** Cancels all trainings and ends all event streams; resolves when no worker runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.length = 0;
    await Promise.all([...[...this.#last.values()].map((each) => each.cancel()), this.#check.close()]);
    for (const stream of this.#streams()) stream.end();
    clearInterval(this.#beat);
  }

  #next(): void {
    const training = this.#running === null ? this.#queue.shift() : undefined;
    if (training === undefined) return;
    this.#running = training;
    const ended = training.start({
      onProgress: () => this.#tell(training, 'progress'),
      onDefect: this.#options.onDefect,
      onRun: (folder) => {
        this.#written++;
        return this.#options.onRun(folder);
      },
    });
    for (const each of [training, ...this.#queue]) this.#tell(each, 'state');
    void ended.then(() => {
      this.#running = null;
      this.#tell(training, 'state');
      this.#next();
    });
  }

  #tell(training: Training, event: ProjectEventName): void {
    const listeners = this.#listeners.get(training.name);
    if (!listeners) return;
    const json = JSON.stringify(event === 'progress' ? training.progress : this.#json(training));
    for (const stream of listeners) sendEvent(stream, event, json);
  }

  #json(training: Training): ProjectTraining {
    const place = this.#queue.indexOf(training);
    return training.json(place < 0 ? 0 : place + (this.#running === null ? 0 : 1));
  }

  #find(name: string): Training {
    const found = this.#last.get(name);
    if (found) return found;
    throw new HttpError(404, `there is no training of a project ${quote(name)}; GET /api/projects lists all`);
  }

  /** Forgets the oldest trainings that have ended. */
  #forget(): void {
    for (const [name, training] of this.#last) {
      if (this.#last.size <= MAX_REMEMBERED_TRAININGS) return;
      if (training.hasEnded) this.#last.delete(name);
    }
  }

  #streams(): PassThrough[] {
    return [...this.#listeners.values()].flatMap((listeners) => [...listeners]);
  }
}
