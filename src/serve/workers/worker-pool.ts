/**
 * Worker threads that answer jobs, so that the event loop stays free. Jobs wait in one queue. A free worker takes all
 * waiting jobs, up to the size of a batch, and answers them together. A worker that fails, takes too long or needs too
 * much memory is replaced; only its own jobs fail.
 *
 * Before a worker opens a file from strangers, it reports this as a risk (worker-side.ts). If the worker is lost
 * meanwhile, that file in that version is refused from then on, and the other jobs of the worker are done again.
 */
import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
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
  /** Milliseconds after which a worker is replaced that has jobs and sends no message. Default: none. */
  silence?: number;
  /** Most memory of a worker's objects; larger typed arrays are not counted. Default: Node's. */
  heapMiB?: number;
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
  /** Messages of the risks that are refused, by key; left out if the worker has them already. */
  refused?: ReadonlyMap<string, string>;
  jobs: Job[];
}
/** Worker → main thread: an answer for each job, in order; or a message; or what it begins, null when this is done. */
export type PoolMessage<Answer> =
  | { id: number; answers: JobAnswer<Answer>[] }
  | { news: unknown }
  | { risk: Risk | null };
/** Work that may cost a worker its life. */
export interface Risk {
  key: string;
  /** Start of the message if it does: `the network "a" cannot be opened`. */
  problem: string;
}
export type JobAnswer<Answer> = { value: Answer } | { status: number; message: string; stack?: string };

interface Waiting<Job, Answer> {
  job: Job;
  bytes: number;
  wanted: () => boolean;
  /** Whether a worker was lost with it already. */
  again: boolean;
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
  /** Number of the refusals that it knows. */
  refusals: number;
  risk: Risk | null;
  silence: NodeJS.Timeout | undefined;
}

/** Most refusals that are remembered. */
const MAX_REFUSED = 1000;
/** A worker that has not ended after this time is stuck in a call of the system; nobody waits for it any longer. */
const END_MS = 2000;

export class WorkerPool<Job, Answer> {
  readonly #options: PoolOptions;
  readonly #queue: Waiting<Job, Answer>[] = [];
  readonly #seats: Seat<Job, Answer>[];
  readonly #refused = new Map<string, string>();
  #refusals = 0;
  #context: unknown = null;
  #batches = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#seats = Array.from({ length: options.threads }, emptySeat<Job, Answer>);
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
   * @throws HttpError 503 if the queue is full, or the worker took too long or too much memory; 422 if opening a file
   *   cost a worker its life; and the job's own error
   */
  run(job: Job, options: { bytes?: number; wanted?: () => boolean } = {}): Promise<Answer> {
    const { bytes = 0, wanted = () => true } = options;
    if (this.#closed || this.#queue.length >= this.#options.waiting) {
      return Promise.reject(
        new HttpError(503, `${this.#queue.length} requests are waiting already; try again later`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, bytes, wanted, again: false, resolve, reject });
      // Jobs that arrive in the same turn of the event loop share a batch.
      if (this.#queue.length === 1) setImmediate(() => this.#dispatch());
    });
  }

  /** Ends the workers, and waits at most END_MS for them; jobs without an answer fail. */
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
    if (seat.refusals !== this.#refusals) message.refused = this.#refused;
    seat.refusals = this.#refusals;
    const { worker } = seat;
    const timer = setTimeout(() => this.#abandon(seat, worker, tooLong(deadline)), deadline);
    seat.batches.set(id, { jobs: batch, timer });
    this.#hear(seat, worker);
    worker.postMessage(message);
  }

  /** Starts the time of silence anew. */
  #hear(seat: Seat<Job, Answer>, worker: Worker): void {
    const { silence } = this.#options;
    clearTimeout(seat.silence);
    if (silence === undefined || seat.batches.size === 0) return;
    seat.silence = setTimeout(() => this.#abandon(seat, worker, tooLong(silence)), silence);
  }

  #open(seat: Seat<Job, Answer>): Worker {
    const { script, data, heapMiB } = this.#options;
    const worker = new Worker(script, {
      workerData: data,
      resourceLimits: heapMiB === undefined ? {} : { maxOldGenerationSizeMb: heapMiB },
    });
    worker.on('message', (message: PoolMessage<Answer>) => {
      if (seat.worker !== worker) return;
      if ('news' in message) this.#options.onNews?.(message.news);
      else if ('risk' in message) seat.risk = message.risk;
      else this.#settle(seat, message.id, message.answers);
      this.#hear(seat, worker);
    });
    worker.on('error', (error) => {
      const outOfMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#abandon(seat, worker, outOfMemory ? tooMuch(heapMiB) : error);
    });
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

  /**
   * Ends a worker; the next batch gets a new one. Its jobs fail. If it was lost to a risk, this risk is refused from now
   * on, and jobs that have lost no worker before are done again.
   */
  #abandon(seat: Seat<Job, Answer>, worker: Worker, error: Error): void {
    if (this.#closed || seat.worker !== worker) return;
    const jobs = jobsOf(seat);
    const { risk } = seat;
    void leave(seat);
    Object.assign(seat, emptySeat());
    if (risk !== null) this.#refuse(risk, error);
    for (const job of jobs) {
      if (risk === null || job.again) job.reject(error);
      else this.#queue.unshift(Object.assign(job, { again: true }));
    }
    this.#dispatch();
  }

  #refuse({ key, problem }: Risk, { message }: Error): void {
    const [oldest] = this.#refused.keys();
    if (this.#refused.size === MAX_REFUSED) this.#refused.delete(oldest);
    this.#refused.set(key, `${problem}: ${message}`);
    this.#refusals++;
  }
}

function emptySeat<Job, Answer>(): Seat<Job, Answer> {
  return {
    worker: null,
    batches: new Map(),
    context: undefined,
    refusals: 0,
    risk: null,
    silence: undefined,
  };
}

function jobsOf<Job, Answer>({ batches }: Seat<Job, Answer>): Waiting<Job, Answer>[] {
  return [...batches.values()].flatMap(({ jobs }) => jobs);
}

/** Ends a worker. A thread that is stuck in a call of the system does not end; so the wait for it does. */
async function leave<Job, Answer>({ worker, batches, silence }: Seat<Job, Answer>): Promise<void> {
  clearTimeout(silence);
  for (const { timer } of batches.values()) clearTimeout(timer);
  if (worker === null) return;
  const given = new AbortController();
  await Promise.race([
    worker.terminate(),
    setTimeoutPromise(END_MS, undefined, { signal: given.signal }).catch(() => {}),
  ]);
  given.abort();
}

function tooLong(limit: number): HttpError {
  return new HttpError(503, `it took longer than ${limit / 1000} s; send less at a time`);
}

function tooMuch(heapMiB: number | undefined): HttpError {
  return new HttpError(503, `it needed more than ${heapMiB} MiB of memory; send less at a time`);
}

/** An unexpected error of a worker, with the worker's stack. */
function defect({ message, stack }: { message: string; stack?: string }): Error {
  return Object.assign(new Error(message), { stack });
}
