/**
 * Worker threads that answer jobs, so that the event loop stays free. Jobs wait in one queue; a worker that is free
 * takes all that are waiting, up to the size of a batch, and answers them together. A worker that fails, or takes too
 * long, is replaced, and only its own jobs fail.
 */
import { Worker } from 'node:worker_threads';
import { HttpError } from './http-error.js';

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
  /** Told of what workers say besides their answers. */
  onNews?: (news: unknown) => void;
}

/** Main thread → worker. */
export interface BatchMessage<Job> {
  /** What all jobs share; left out if it has not changed since the worker's last batch. */
  context?: unknown;
  jobs: Job[];
}
/** Worker → main thread: an answer for each job, in their order; or news. */
export type PoolMessage<Answer> = { answers: JobAnswer<Answer>[] } | { news: unknown };
export type JobAnswer<Answer> = { value: Answer } | { status: number; message: string; stack?: string };

interface Waiting<Job, Answer> {
  job: Job;
  bytes: number;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

interface Seat<Job, Answer> {
  worker: Worker;
  batch: Waiting<Job, Answer>[];
  context: unknown;
  timer: NodeJS.Timeout | undefined;
}

export class WorkerPool<Job, Answer> {
  readonly #options: PoolOptions;
  readonly #queue: Waiting<Job, Answer>[] = [];
  readonly #seats: Seat<Job, Answer>[] = [];
  #context: unknown = null;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    for (let n = 0; n < options.threads; n++) this.#seats.push(this.#open());
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get running(): number {
    return this.#seats.reduce((sum, { batch }) => sum + batch.length, 0);
  }

  /** What the jobs from now on share. Set it anew only when it has changed: it is posted to every worker. */
  set context(value: unknown) {
    this.#context = value;
  }

  /**
   * @param bytes how large the job is
   * @throws HttpError 503 when too many are waiting, the worker failed, or it took too long; and the job's own error
   */
  run(job: Job, bytes = 0): Promise<Answer> {
    if (this.#closed || this.#queue.length >= this.#options.waiting) {
      return Promise.reject(
        new HttpError(503, `${this.#queue.length} requests are waiting already; try again later`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, bytes, resolve, reject });
      // Whatever arrives in the same turn of the event loop shares a batch.
      if (this.#queue.length === 1) setImmediate(() => this.#dispatch());
    });
  }

  /** Ends the workers; jobs that are not answered yet fail. */
  async close(): Promise<void> {
    this.#closed = true;
    const unanswered = [...this.#queue.splice(0), ...this.#seats.flatMap(({ batch }) => batch.splice(0))];
    for (const { reject } of unanswered) reject(new HttpError(503, 'the server is closing'));
    await Promise.all(
      this.#seats.map(({ worker, timer }) => {
        clearTimeout(timer);
        return worker.terminate();
      }),
    );
  }

  #dispatch(): void {
    for (const seat of this.#seats) {
      if (this.#queue.length === 0) return;
      if (seat.batch.length === 0) this.#give(seat);
    }
  }

  #give(seat: Seat<Job, Answer>): void {
    const { jobs, bytes, deadline } = this.#options;
    let count = 0;
    let sum = 0;
    for (const waiting of this.#queue) {
      sum += waiting.bytes;
      if (count === jobs || (count > 0 && sum > bytes)) break;
      count++;
    }
    seat.batch = this.#queue.splice(0, count);
    const message: BatchMessage<Job> = { jobs: seat.batch.map(({ job }) => job) };
    if (seat.context !== this.#context) message.context = this.#context;
    seat.context = this.#context;
    seat.timer = setTimeout(() => {
      this.#replace(
        seat,
        new HttpError(503, `it took longer than ${deadline / 1000} s; send less at a time`),
      );
    }, deadline);
    seat.worker.postMessage(message);
  }

  #open(): Seat<Job, Answer> {
    const worker = new Worker(this.#options.script, { workerData: this.#options.data });
    const seat: Seat<Job, Answer> = { worker, batch: [], context: undefined, timer: undefined };
    worker.on('message', (message: PoolMessage<Answer>) => {
      if ('news' in message) this.#options.onNews?.(message.news);
      else this.#settle(seat, message.answers);
    });
    worker.on('error', (error) => this.#replace(seat, error));
    return seat;
  }

  #settle(seat: Seat<Job, Answer>, answers: JobAnswer<Answer>[]): void {
    clearTimeout(seat.timer);
    const batch = seat.batch;
    seat.batch = [];
    answers.forEach((answer, n) => {
      if ('value' in answer) batch[n].resolve(answer.value);
      else batch[n].reject(answer.stack ? defect(answer) : new HttpError(answer.status, answer.message));
    });
    this.#dispatch();
  }

  /** A new worker takes the seat; the old one's jobs fail. */
  #replace(seat: Seat<Job, Answer>, error: Error): void {
    if (this.#closed) return;
    clearTimeout(seat.timer);
    void seat.worker.terminate();
    this.#seats[this.#seats.indexOf(seat)] = this.#open();
    for (const { reject } of seat.batch) reject(error);
    seat.batch = [];
    this.#dispatch();
  }
}

/** An error that a worker did not expect, with its own stack. */
function defect({ message, stack }: { message: string; stack?: string }): Error {
  return Object.assign(new Error(message), { stack });
}
