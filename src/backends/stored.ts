/** Buffers of activations and panels: in which precision they are, and views of a float buffer's bytes in another. */

/**
 * How activations and the weights' working copies are stored: as float32, as IEEE 754 binary16 (halves), or as bfloat16.
 * In `bfloat16` the factors of the LSTM's products are bfloats, too.
 */
export type Precision = (typeof PRECISIONS)[number];
export const PRECISIONS = ['float32', 'bfloat16', 'float16'] as const;

/**
 * Activations and the weights' working copies: floats, the bits of halves, or the bits of bfloats. Node.js 20 has no
 * arrays of 16-bit floats: a Uint16Array holds halves, an Int16Array bfloats. Both may be views of an allocated buffer
 * that begin at a multiple of four bytes.
 */
export type Stored = Float32Array | Uint16Array | Int16Array;

/** The 16-bit precision that is faster on a backend: bfloat16 where the processor multiplies it, else float16. */
export function mixedPrecisionOn({ multipliesBfloat16 }: { multipliesBfloat16: boolean }): Precision {
  return multipliesBfloat16 ? 'bfloat16' : 'float16';
}

/** The precision of a buffer. */
export function precisionOf(buffer: Stored): Precision {
  if (buffer instanceof Uint16Array) return 'float16';
  return buffer instanceof Int16Array ? 'bfloat16' : 'float32';
}

/** The same bytes in a precision. */
export function viewIn(precision: Precision, floats: Float32Array): Stored {
  const { buffer, byteOffset, length } = floats;
  if (precision === 'float16') return new Uint16Array(buffer, byteOffset, 2 * length);
  return precision === 'bfloat16' ? new Int16Array(buffer, byteOffset, 2 * length) : floats;
}
