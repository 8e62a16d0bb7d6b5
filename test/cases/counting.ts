/** A backend that counts: which buffers are out, and a limit after which it gives no more. */
import type { Backend } from '#src/backends/backend.js';

export class Counting {
  /** Computes on `inner`. */
  readonly backend: Backend;
  /** Buffers that were allocated and not released. */
  readonly live = new Set<Float32Array | Int32Array>();
  /** Allocations so far. */
  allocations = 0;
  /** This many more allocations succeed. */
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
        // Private fields are those of `inner`.
        return typeof value === 'function' ? value.bind(inner) : value;
      },
    });
  }
}
