/**
 * Worker threads that answer jobs, so that the event loop stays free. Jobs wait in one queue. A free worker takes all
 * waiting jobs, up to the size of a batch, and answers them together. A worker that fails or takes too long is
 * replaced; only its own jobs fail.
 */
import { Worker } from 'node:worker_threads';
import { HttpError } from '../http-error.js';

export interface PoolOptions {
  script: URL;
  /** The workers' workerData. */
  data: unknown;
  threads: number;
  /** Most jobs and bytes in a batch. A batch has at least one job, however large. */
  jobs: number;
  bytes: number;
  /** Milliseconds after which a batch fails. */
  deadline: number;
  /** Most jobs in the queue. */
  waiting: number;
  /** Whether a worker gets a new batch while it works on others. */
  overlapping?: boolean;
  /** Called with messages of workers that are not answers. */
  onNews?: (news: unknown) => void;
}

/** Main thread → worker. */
export interface BatchMessage<Job> {
  id: number;
  /** Shared by all jobs; left out if the worker has it already. */
  context?: unknown;
  jobs: Job[];
}
/** Worker → main thread: an answer for each job, in order; or a message. */
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
  /** Null before the first batch and after a failure. */
  worker: Worker | null;
  /** The batches it works on, by id. */
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

  /** Shared by all jobs from now on. A new object is posted to every worker, so set it only on a change. */
  set context(value: unknown) {
    this.#context = value;
  }

  /**
   * @param options.bytes size of the job
   * @param options.wanted called before the job is given to a worker: false if the client has disconnected
   * @throws HttpError 503 if the queue is full, or the worker failed or took too long; and the job's own error
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
      // Jobs that arrive in the same turn of the event loop share a batch.
      if (this.#queue.length === 1) setImmediate(() => this.#dispatch());
    });
  }

  /** Ends the workers; jobs without an answer fail. */
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

  /** Fails the worker's jobs; the next batch gets a new worker. */
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

/** An unexpected error of a worker, with the worker's stack. */
function defect({ message, stack }: { message: string; stack?: string }): Error {
  return Object.assign(new Error(message), { stack });
}
