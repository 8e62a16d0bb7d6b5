/** One training of a project: its state, and the worker thread that computes it. */
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { snakeCaseKeys } from '../../formats/key-case.js';
import type { ProjectTraining, TrainingState } from '../api.js';
import { MAX_WORKER_HEAP_MIB, TRAINING_MS } from '../server-limits.js';
import type { CheckedProject } from './project-check.js';
import type { TrainMessage, TrainWork } from './train-worker.js';

const TRAIN_WORKER = new URL('./train-worker.js', import.meta.url);
/** A worker that is told to stop has this time; then it is ended. */
const STOP_MS = 3000;

/** What a training tells. */
export interface TrainingListener {
  onProgress(): void;
  /** A defect of scanstroke. */
  onDefect(error: unknown): void;
  /** The run is written. @returns its id in the lists */
  onRun(folder: string): Promise<string>;
}

export class Training {
  readonly name: string;
  state: TrainingState = 'waiting';
  progress: ProjectTraining['progress'] = null;
  readonly #about: Pick<ProjectTraining, 'classes' | 'drawings' | 'asked'>;
  #ended: string | null = null;
  #run: string | null = null;
  #summary: ProjectTraining['summary'] = null;
  #problem: string | null = null;
  readonly #script: URL;
  readonly #limitMs: number;
  /** Null after the training, so that a long list of trainings takes little memory. */
  #work: TrainWork | null;
  #worker: Worker | null = null;
  /** Why the worker was told to stop; null if it was not. */
  #reason: { state: TrainingState; problem: string | null } | null = null;
  /** Set while the id of a new run is looked up: the worker may end meanwhile. */
  #isSettling = false;
  #end: () => void = () => {};
  /** Resolves when the training has ended, for any reason. */
  readonly ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  /** @param options script of the worker and time limit in milliseconds; others for tests */
  constructor(
    work: TrainWork,
    { classes, drawings }: Pick<CheckedProject, 'classes' | 'drawings'>,
    { script = TRAIN_WORKER, limitMs = TRAINING_MS }: { script?: URL; limitMs?: number } = {},
  ) {
    this.name = work.name;
    this.#work = work;
    this.#script = script;
    this.#limitMs = limitMs;
    this.#about = { classes, drawings, asked: new Date().toISOString() };
  }

  get hasEnded(): boolean {
    return this.state !== 'waiting' && this.state !== 'running';
  }

  /** @param before number of trainings that are done first */
  json(before: number): ProjectTraining {
    return {
      name: this.name,
      state: this.state,
      before,
      ...this.#about,
      ended: this.#ended,
      progress: this.progress,
      run: this.#run,
      summary: this.#summary,
      problem: this.#problem,
    };
  }

  /** Begins, and resolves when it has ended. Never throws. */
  async start(listener: TrainingListener): Promise<void> {
    if (this.state !== 'waiting') return;
    this.state = 'running';
    const worker = new Worker(this.#script, {
      workerData: this.#work,
      resourceLimits: { maxOldGenerationSizeMb: MAX_WORKER_HEAP_MIB },
    });
    this.#worker = worker;
    const late = setTimeout(() => {
      void this.#stop(
        'failed',
        `it took longer than ${this.#limitMs / 1000} s; send fewer drawings or epochs`,
      );
    }, this.#limitMs);
    worker.on('message', (message: TrainMessage) => void this.#hear(message, listener));
    worker.on('error', (error) => {
      const tooMuch = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#settle('failed', {
        problem: tooMuch
          ? `it needed more than ${MAX_WORKER_HEAP_MIB} MiB of memory; send fewer drawings`
          : 'a defect of the server; its standard error says more',
      });
      if (!tooMuch) listener.onDefect(error);
    });
    worker.on('exit', (code) => {
      if (!this.#isSettling) this.#settle('failed', { problem: `its worker ended with code ${code}` });
    });
    await this.ended;
    clearTimeout(late);
    this.#worker = null;
    void worker.terminate();
  }

  /** Resolves when the training has ended; one that has ended stays as it is. */
  cancel(): Promise<void> {
    return this.#stop('cancelled', null);
  }

  async #hear(message: TrainMessage, listener: TrainingListener): Promise<void> {
    if (this.hasEnded) return;
    if (message.type === 'progress') {
      const { secondsLeft, ...rest } = message.progress;
      this.progress = { ...rest, seconds_left: secondsLeft };
      listener.onProgress();
    } else if (message.type === 'failed') {
      if (this.#reason !== null) this.#settle(this.#reason.state, this.#reason);
      else this.#settle('failed', { problem: message.message });
      if (message.stack !== undefined) listener.onDefect(Object.assign(new Error(message.message), message));
    } else {
      this.#isSettling = true;
      const run = await listener.onRun(message.folder).catch(() => basename(message.folder));
      const summary = snakeCaseKeys(message.summary, 'summary') as Record<string, unknown>;
      this.#settle('done', { run, summary });
    }
  }

  async #stop(state: 'failed' | 'cancelled', problem: string | null): Promise<void> {
    if (this.hasEnded) return;
    const worker = this.#worker;
    if (worker === null) {
      this.#settle(state, { problem });
      return;
    }
    this.#reason ??= { state, problem };
    worker.postMessage('stop');
    const given = new AbortController();
    const late = sleep(STOP_MS, undefined, { signal: given.signal }).catch(() => {});
    await Promise.race([this.ended, late]);
    given.abort();
    if (!this.#isSettling) this.#settle(this.#reason.state, this.#reason);
    await this.ended;
  }

  #settle(
    state: TrainingState,
    {
      run = null,
      summary = null,
      problem = null,
    }: Partial<Pick<ProjectTraining, 'run' | 'summary' | 'problem'>>,
  ): void {
    if (this.hasEnded) return;
    this.state = state;
    this.#ended = new Date().toISOString();
    this.#work = null;
    this.#run = run;
    this.#summary = summary;
    this.#problem = problem;
    this.#end();
  }
}
