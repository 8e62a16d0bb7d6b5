/**
 * Yardsticks on any number of threads: our largest matrix product, one per thread, and the peak rate of 128-bit SIMD
 * without fused multiply-add in WASM.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { HostChoice } from '#src/backends/open-node.js';

/** Rows, columns and depth of the largest product. */
export const PRODUCT_SIZE = 2048;

/** The operation that each thread repeats. */
export type PeakTask = { product: HostChoice } | { limit: WebAssembly.Module };

export class Peak {
  readonly #workers: Worker[];
  /** Floating-point operations of one operation, all threads together. */
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

/** Compiles simd-limit.c with the compiler of the WASM kernels. Takes a few seconds. */
export async function compileSimdLimit(): Promise<WebAssembly.Module> {
  const { commands, runLLVM } = await import('@yowasp/clang');
  const source = await readFile(new URL('../../../bench/measure/simd-limit.c', import.meta.url), 'utf8');
  const flags = ['--target=wasm32', '-O2', '-msimd128', '-nostdlib', '-Wl,--no-entry', '-Wl,--export=run'];
  // Loads the compiler without running it. This option suppresses its progress output.
  await runLLVM(undefined, {}, { fetchProgress: () => {} });
  const built = await commands.clang([...flags, 'limit.c', '-o', 'limit.wasm'], { 'limit.c': source });
  const module = built?.['limit.wasm'];
  if (!(module instanceof Uint8Array)) throw new Error('bench: clang wrote no limit.wasm');
  return WebAssembly.compile(new Uint8Array(module));
}
