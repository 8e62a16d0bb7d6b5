/** All buffers that one object has from a backend: allocated one by one, released together. */
import type { Backend } from './backend.js';

/**
 * @example
 * const memory = new Allocations(backend);
 * try {
 *   const losses = memory.floats(32);
 * } finally {
 *   memory.close();
 * }
 */
export class Allocations {
  readonly #backend: Backend;
  readonly #arrays: (Float32Array | Int32Array)[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** A zeroed buffer. */
  floats(length: number): Float32Array {
    const array = this.#backend.allocate(length);
    this.#arrays.push(array);
    return array;
  }

  ints(length: number): Int32Array {
    const array = this.#backend.allocateInts(length);
    this.#arrays.push(array);
    return array;
  }

  /** Releases all of them. */
  close(): void {
    for (const array of this.#arrays.splice(0)) this.#backend.release(array);
  }

  /** Runs `make`, and releases all buffers if it throws. */
  orRelease<R>(make: () => R): R {
    try {
      return make();
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
