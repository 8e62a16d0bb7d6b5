/** The rate of our own largest matrix product, one a thread: the practical peak that a step is compared with. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BackendChoice } from '#src/backends/open-node.js';

export class ProductPeak {
  readonly #workers: Worker[];
  readonly #ready: Promise<unknown>;

  constructor(backend: BackendChoice, threads: number) {
    this.#workers = Array.from(
      { length: threads },
      () => new Worker(new URL('./product-worker.js', import.meta.url)),
    );
    this.#ready = Promise.all(
      this.#workers.map((worker) => {
        worker.postMessage(backend);
        return once(worker, 'message');
      }),
    );
  }

  /** GFLOP/s of all threads together, over `times` products each. */
  async measure(times: number): Promise<number> {
    await this.#ready;
    const began = performance.now();
    const flops = await Promise.all(
      this.#workers.map(async (worker) => {
        worker.postMessage(times);
        const [count] = await once(worker, 'message');
        return count as number;
      }),
    );
    return flops.reduce((sum, count) => sum + count, 0) / (performance.now() - began) / 1e6;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
