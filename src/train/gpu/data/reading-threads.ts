/**
 * Reads and varies sequences in worker threads of Node.js, ahead of the GPU. Each thread reads a piece of what is asked
 * for. The variation of a sample depends on seed, epoch and sample alone, so the pieces may have any size.
 */
import { Worker } from 'node:worker_threads';
import { receivedError } from '../../../user-error.js';
import type { ReadingReply, ReadingRequest, ReadingStart } from './reading-worker.js';
import type { ReadSequences, SequenceReader, StartReader } from './sequence-reader.js';

/** @param threads at least 1 */
export function readInThreads(threads: number): StartReader {
  return (data, training) => {
    const start: ReadingStart = { data, training };
    const workers = Array.from({ length: threads }, () => new ReadingThread(start));
    return new ReadingThreads(workers);
  };
}

class ReadingThreads implements SequenceReader {
  readonly isConcurrent = true;
  readonly #threads: readonly ReadingThread[];

  constructor(threads: readonly ReadingThread[]) {
    this.#threads = threads;
  }

  read(indices: Int32Array, epoch: number): Promise<ReadSequences[]> {
    const threads = this.#threads;
    const size = Math.ceil(indices.length / threads.length);
    const pieces: Promise<ReadSequences>[] = [];
    for (let from = 0; from < indices.length; from += size) {
      // A copy: a view would be posted with its whole buffer.
      pieces.push(threads[pieces.length].read({ indices: indices.slice(from, from + size), epoch }));
    }
    return Promise.all(pieces);
  }

  close(): void {
    for (const thread of this.#threads) thread.end();
  }
}

/** A worker thread that answers requests in their order. */
class ReadingThread {
  readonly #worker: Worker;
  readonly #waiting: { resolve(read: ReadSequences): void; reject(error: Error): void }[] = [];
  #death: Error | null = null;

  constructor(start: ReadingStart) {
    // `node --input-type=module --eval …` would hand its flag on to a worker, which is a file and refuses it.
    const evaluated = process.execArgv.some((flag) => flag.startsWith('--input-type'));
    this.#worker = new Worker(new URL('./reading-worker.js', import.meta.url), {
      workerData: start,
      ...(evaluated && { execArgv: [] }),
    });
    const failed = (error: Error) =>
      this.#died(
        new Error(`train: a thread that reads sequences failed: ${error.message}`, { cause: error }),
      );
    this.#worker.on('message', (reply: ReadingReply) => this.#received(reply));
    this.#worker.on('messageerror', failed);
    this.#worker.on('error', failed);
    this.#worker.on('exit', (code) =>
      this.#died(
        new Error(`train: a thread that reads sequences ended unexpectedly, with exit code ${code}`),
      ),
    );
    this.#worker.unref();
  }

  read(request: ReadingRequest): Promise<ReadSequences> {
    if (this.#death) return Promise.reject(this.#death);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // Keeps the process alive only while something is waited for.
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
  }

  end(): void {
    this.#died(new Error('train: the reader is closed'));
    void this.#worker.terminate();
  }

  #received(reply: ReadingReply): void {
    const next = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    if ('error' in reply) next?.reject(receivedError(reply.error));
    else next?.resolve(reply);
  }

  #died(cause: Error): void {
    this.#death ??= cause;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#death);
  }
}
