/** Memory that threads can share, and what stands in for it where a runtime has none. */

/** Not in a page that is not cross-origin isolated. */
export const SHARES_MEMORY = typeof SharedArrayBuffer !== 'undefined';

/** Zeroed bytes, shared if that can be. @throws RangeError if there is not so much memory */
export function sharedBytes(length: number): ArrayBuffer | SharedArrayBuffer {
  return SHARES_MEMORY ? new SharedArrayBuffer(length) : new ArrayBuffer(length);
}

/** A copy that threads can share. */
export function shareInts(values: Int32Array): Int32Array {
  const shared = new Int32Array(sharedBytes(values.byteLength));
  shared.set(values);
  return shared;
}
