/**
 * The rates that everything is held against, on any number of threads: our own largest matrix product, one a thread,
 * and what 128-bit SIMD without fused multiply-add allows a WASM module.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { BackendChoice } from '#src/backends/open-node.js';

/** Rows, columns and depth of the largest product. */
export const PRODUCT_SIZE = 2048;

/** What a thread repeats. */
export type PeakTask = { product: BackendChoice } | { limit: WebAssembly.Module };

export class Peak {
  readonly #workers: Worker[];
  /** Of one operation of all threads together. */
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

  /** Seconds that all threads take for one operation each, the mean of `times`. */
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

/** Compiles simd-limit.c, with the compiler that builds the WASM kernels. Takes a few seconds. */
export async function compileSimdLimit(): Promise<WebAssembly.Module> {
  const { commands, runLLVM } = await import('@yowasp/clang');
  const source = await readFile(new URL('../../bench/simd-limit.c', import.meta.url), 'utf8');
  const flags = ['--target=wasm32', '-O2', '-msimd128', '-nostdlib', '-Wl,--no-entry', '-Wl,--export=run'];
  // Without a command the compiler only loads; it would print its progress otherwise.
  await runLLVM(undefined, {}, { fetchProgress: () => {} });
  const built = await commands.clang([...flags, 'limit.c', '-o', 'limit.wasm'], { 'limit.c': source });
  return WebAssembly.compile((built as Record<string, Uint8Array<ArrayBuffer>>)['limit.wasm']);
}
