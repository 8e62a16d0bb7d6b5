/**
 * Yardsticks on any number of threads, with the same work for each thread: multiply-adds in registers alone, and our
 * largest matrix product.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { HostChoice } from '#src/backends/open-node.js';
import type { Activity } from './measurement.js';

/** Rows, columns and depth of the largest product. */
export const PRODUCT_SIZE = 2048;

/** The operation that each thread repeats, with the kernels of a backend. */
export interface PeakTask {
  backend: HostChoice;
  /** `limit`, `bf16-limit`: multiply-adds in registers. */
  activity: Extract<Activity, 'product' | 'limit' | 'bf16-limit'>;
}

export class Peak {
  readonly #workers: Worker[];
  /** Floating-point operations of one operation, all threads together; 0 if the processor lacks the instruction. */
  readonly flops: number;

  private constructor(workers: Worker[], flops: number) {
    this.#workers = workers;
    this.flops = flops;
  }

  static async open(task: PeakTask, threads: number): Promise<Peak> {
    const workers = Array.from(
      { length: threads },
      () => new Worker(new URL('./peak-worker.js', import.meta.url), { workerData: task }),
    );
    const flops = await Promise.all(
      workers.map(async (worker) => (await once(worker, 'message'))[0] as number),
    );
    return new Peak(
      workers,
      flops.reduce((sum, count) => sum + count, 0),
    );
  }

  /** Mean seconds in which every thread finishes one operation. */
  async run(times: number): Promise<number> {
    const began = performance.now();
    await Promise.all(
      this.#workers.map((worker) => {
        worker.postMessage(times);
        return once(worker, 'message');
      }),
    );
    return (performance.now() - began) / 1000 / times;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
