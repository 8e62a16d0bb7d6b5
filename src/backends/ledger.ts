/** The arrays that a backend has allocated and not got back, so that a wrong release is an error and not a corruption. */
import { UserError } from '../user-error.js';
import type { HostBackendName } from './backend-names.js';

type Allocated = Float32Array | Int32Array;

export class Ledger {
  readonly #backend: HostBackendName;
  /** Weak, so that memory of the garbage collector is freed without a release. */
  readonly #lent = new WeakSet<Allocated>();
  #closed = false;

  constructor(backend: HostBackendName) {
    this.#backend = backend;
  }

  /** Notes an array that was allocated. @throws UserError after `close` */
  lend<A extends Allocated>(array: A): A {
    if (this.#closed) {
      throw new UserError(`backend ${this.#backend}: closed, so it allocates nothing; open another`);
    }
    this.#lent.add(array);
    return array;
  }

  /**
   * Strikes an array out.
   * @returns whether its memory is to be freed; not after `close`, which frees all
   * @throws Error for an array that was released before, is a subarray, or is not from this backend
   */
  takeBack(array: Allocated): boolean {
    if (this.#closed) return false;
    if (this.#lent.delete(array)) return true;
    throw new Error(
      `backend ${this.#backend}: release takes an array from allocate, once; got a released, partial or foreign one`,
    );
  }

  close(): void {
    this.#closed = true;
  }
}
