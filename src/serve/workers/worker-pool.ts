/**
 * Worker threads that answer jobs, so that the event loop stays free. Jobs wait in one queue; a worker that is free
 * takes all that are waiting, up to the size of a batch, and answers them together. A worker that fails, or takes too
 * long, is replaced, and only its own jobs fail.
 */
import { Worker } from 'node:worker_threads';
import { HttpError } from '../http-error.js';

export interface PoolOptions {
  script: URL;
  /** Given to every worker as its workerData. */
  data: unknown;
  threads: number;
  /** Of a batch. One job is always taken, however large. */
  jobs: number;
  bytes: number;
  /** After so many milliseconds a batch is given up. */
  deadline: number;
  /** Jobs that may wait. */
  waiting: number;
  /** A worker is given a batch while it is at others. */
  overlapping?: boolean;
  /** Told of what workers say besides their answers. */
  onNews?: (news: unknown) => void;
}

/** Main thread → worker. */
export interface BatchMessage<Job> {
  id: number;
  /** What all jobs share; left out if it has not changed since the worker's last batch. */
  context?: unknown;
  jobs: Job[];
}
/** Worker → main thread: an answer for each job, in their order; or news. */
export type PoolMessage<Answer> = { id: number; answers: JobAnswer<Answer>[] } | { news: unknown };
export type JobAnswer<Answer> = { value: Answer } | { status: number; message: string; stack?: string };

interface Waiting<Job, Answer> {
  job: Job;
  bytes: number;
  wanted: () => boolean;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

interface Batch<Job, Answer> {
  jobs: Waiting<Job, Answer>[];
  timer: NodeJS.Timeout;
}

interface Seat<Job, Answer> {
  /** Null before its first batch, and after it has failed. */
  worker: Worker | null;
  /** Those it is at, by their ids. */
  batches: Map<number, Batch<Job, Answer>>;
  context: unknown;
}

export class WorkerPool<Job, Answer> {
  readonly #options: PoolOptions;
  readonly #queue: Waiting<Job, Answer>[] = [];
  readonly #seats: Seat<Job, Answer>[];
  #context: unknown = null;
  #batches = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#seats = Array.from({ length: options.threads }, () => ({
      worker: null,
      batches: new Map(),
      context: undefined,
    }));
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get running(): number {
    return this.#seats.flatMap(jobsOf).length;
  }

  /** What the jobs from now on share. Set it anew only when it has changed: it is posted to every worker. */
  set context(value: unknown) {
    this.#context = value;
  }

  /**
   * @param options.bytes how large the job is
   * @param options.wanted asked before it is given to a worker: whoever sent it may have gone
   * @throws HttpError 503 when too many are waiting, the worker failed, or it took too long; and the job's own error
   */
  run(job: Job, options: { bytes?: number; wanted?: () => boolean } = {}): Promise<Answer> {
    const { bytes = 0, wanted = () => true } = options;
    if (this.#closed || this.#queue.length >= this.#options.waiting) {
      return Promise.reject(
        new HttpError(503, `${this.#queue.length} requests are waiting already; try again later`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, bytes, wanted, resolve, reject });
      // Whatever arrives in the same turn of the event loop shares a batch.
      if (this.#queue.length === 1) setImmediate(() => this.#dispatch());
    });
  }

  /** Ends the workers; jobs that are not answered yet fail. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of [...this.#queue.splice(0), ...this.#seats.flatMap(jobsOf)]) {
      reject(new HttpError(503, 'the server is closing'));
    }
    await Promise.all(this.#seats.map(leave));
  }

  #dispatch(): void {
    for (const seat of this.#seats) {
      while (this.#queue.length > 0 && (seat.batches.size === 0 || this.#options.overlapping)) {
        this.#give(seat);
      }
    }
  }

  #give(seat: Seat<Job, Answer>): void {
    const { jobs, bytes, deadline } = this.#options;
    const batch: Waiting<Job, Answer>[] = [];
    let taken = 0;
    let sum = 0;
    for (const waiting of this.#queue) {
      if (batch.length === jobs || (batch.length > 0 && sum + waiting.bytes > bytes)) break;
      taken++;
      if (waiting.wanted()) {
        batch.push(waiting);
        sum += waiting.bytes;
      } else waiting.reject(new HttpError(499, 'nobody waits for the answer any more'));
    }
    this.#queue.splice(0, taken);
    if (batch.length === 0) return;
    const id = ++this.#batches;
    seat.worker ??= this.#open(seat);
    const message: BatchMessage<Job> = { id, jobs: batch.map(({ job }) => job) };
    if (seat.context !== this.#context) message.context = this.#context;
    seat.context = this.#context;
    const { worker } = seat;
    const timer = setTimeout(() => {
      const message = `it took longer than ${deadline / 1000} s; send less at a time`;
      this.#abandon(seat, worker, new HttpError(503, message));
    }, deadline);
    seat.batches.set(id, { jobs: batch, timer });
    worker.postMessage(message);
  }

  #open(seat: Seat<Job, Answer>): Worker {
    const worker = new Worker(this.#options.script, { workerData: this.#options.data });
    worker.on('message', (message: PoolMessage<Answer>) => {
      if ('news' in message) this.#options.onNews?.(message.news);
      else this.#settle(seat, message.id, message.answers);
    });
    worker.on('error', (error) => this.#abandon(seat, worker, error));
    worker.on('exit', (code) => this.#abandon(seat, worker, new Error(`a worker ended with code ${code}`)));
    return worker;
  }

  #settle(seat: Seat<Job, Answer>, id: number, answers: JobAnswer<Answer>[]): void {
    const batch = seat.batches.get(id);
    seat.batches.delete(id);
    clearTimeout(batch?.timer);
    batch?.jobs.forEach(({ resolve, reject }, n) => {
      const answer = answers[n];
      if ('value' in answer) resolve(answer.value);
      else reject(answer.stack ? defect(answer) : new HttpError(answer.status, answer.message));
    });
    this.#dispatch();
  }

  /** The next batch gets a new worker; the old one's jobs fail. */
  #abandon(seat: Seat<Job, Answer>, worker: Worker, error: Error): void {
    if (this.#closed || seat.worker !== worker) return;
    const jobs = jobsOf(seat);
    void leave(seat);
    Object.assign(seat, { worker: null, batches: new Map(), context: undefined });
    for (const { reject } of jobs) reject(error);
    this.#dispatch();
  }
}

function jobsOf<Job, Answer>({ batches }: Seat<Job, Answer>): Waiting<Job, Answer>[] {
  return [...batches.values()].flatMap(({ jobs }) => jobs);
}

function leave<Job, Answer>({ worker, batches }: Seat<Job, Answer>): Promise<unknown> | undefined {
  for (const { timer } of batches.values()) clearTimeout(timer);
  return worker?.terminate();
}

/** An error that a worker did not expect, with its own stack. */
function defect({ message, stack }: { message: string; stack?: string }): Error {
  return Object.assign(new Error(message), { stack });
}
