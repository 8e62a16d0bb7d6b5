/** A backend that counts its buffers and can fail after a number of allocations. */
import type { Backend } from '#src/backends/backend.js';

export class Counting {
  /** The backend that computes. */
  readonly backend: Backend;
  /** Allocated buffers that were not released. */
  readonly live = new Set<Float32Array | Int32Array>();
  /** Number of allocations so far. */
  allocations = 0;
  /** Number of further allocations that succeed. */
  left = Number.POSITIVE_INFINITY;

  constructor(inner: Backend) {
    const count = <A extends Float32Array | Int32Array>(allocate: (length: number) => A) => {
      return (length: number): A => {
        if (this.left-- <= 0) throw new Error('counting: no memory left');
        const array = allocate(length);
        this.allocations++;
        this.live.add(array);
        return array;
      };
    };
    const own: Partial<Backend> = {
      allocate: count((length) => inner.allocate(length)),
      allocateInts: count((length) => inner.allocateInts(length)),
      release: (array) => {
        inner.release(array);
        this.live.delete(array);
      },
    };
    this.backend = new Proxy(inner, {
      get(_, key) {
        const value = Reflect.get(own, key) ?? Reflect.get(inner, key);
        // Private fields belong to `inner`, so methods are bound to it.
        return typeof value === 'function' ? value.bind(inner) : value;
      },
    });
  }
}
