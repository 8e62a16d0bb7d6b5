/** Worker threads that convert files of drawings: each file belongs to one thread, which keeps it open. */
import { Worker } from 'node:worker_threads';
import { receivedError } from '../../../user-error.js';
import type { DrawingFile } from '../../pens/drawing-files.js';
import type {
  ConversionReply,
  ConversionRequest,
  ConversionStart,
  ConvertedDrawings,
} from './conversion-protocol.js';

export class ConversionThreads {
  readonly #workers: Worker[];
  /** By file: who waits for its next drawings. */
  readonly #waiting = new Map<
    number,
    { resolve: (drawings: ConvertedDrawings) => void; reject: (error: unknown) => void }
  >();

  /** @param scratch a folder for unpacked sketches @param threads at most @param signal ends every waiting */
  constructor(files: readonly DrawingFile[], scratch: string, threads: number, signal?: AbortSignal) {
    signal?.addEventListener('abort', () => this.#failed(signal.reason), { once: true });
    this.#workers = Array.from({ length: Math.max(1, Math.min(threads, files.length)) }, () => {
      const worker = new Worker(new URL('./conversion-worker.js', import.meta.url), {
        workerData: { files, scratch } satisfies ConversionStart,
      });
      worker.on('message', (reply: ConversionReply) => this.#received(reply));
      worker.on('error', (error) => this.#failed(error));
      worker.on('exit', () => this.#failed(new Error('strokes: a thread that converts drawings ended')));
      return worker;
    });
  }

  /** The next drawings of a file, at most `most`. @throws UserError if the file cannot be read further */
  next(file: number, most: number): Promise<ConvertedDrawings> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(file, { resolve, reject });
      this.#workers[file % this.#workers.length].postMessage({ file, most } satisfies ConversionRequest);
    });
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) worker.removeAllListeners('exit');
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #received(reply: ConversionReply): void {
    if ('error' in reply) {
      this.#failed(receivedError(reply.error));
      return;
    }
    const waiting = this.#waiting.get(reply.file);
    this.#waiting.delete(reply.file);
    waiting?.resolve(reply);
  }

  #failed(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
