/** Memory shared between threads, or ordinary memory where the runtime has no SharedArrayBuffer. */

/** False in a page that is not cross-origin isolated. */
export const SHARES_MEMORY = typeof SharedArrayBuffer !== 'undefined';

/** `length` zero bytes, in shared memory if possible. @throws RangeError if the memory cannot be allocated */
export function sharedBytes(length: number): ArrayBuffer | SharedArrayBuffer {
  return SHARES_MEMORY ? new SharedArrayBuffer(length) : new ArrayBuffer(length);
}

/** A copy in shared memory, if possible. */
export function shareInts(values: ArrayLike<number>): Int32Array {
  const shared = new Int32Array(sharedBytes(4 * values.length));
  shared.set(values);
  return shared;
}

/** The same bytes in shared memory, if possible: themselves where they lie there, else a copy. */
export function inSharedMemory(bytes: Uint8Array): Uint8Array {
  if (SHARES_MEMORY && bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(sharedBytes(bytes.length));
  shared.set(bytes);
  return shared;
}
