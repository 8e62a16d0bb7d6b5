/** Floating-point numbers of other widths → float32: float16 and bfloat16 exactly, float64 rounded to nearest. */

import { halfToNumber } from '../../half.js';

/** Element types that become float32. */
export type FloatType = 'F16' | 'BF16' | 'F32' | 'F64';

/** Bytes of an element. */
export const FLOAT_BYTES: Readonly<Record<FloatType, number>> = { F16: 2, BF16: 2, F32: 4, F64: 8 };

/**
 * The values of little-endian bytes, which may be unaligned.
 * @param bytes `count` elements or more
 * @returns [count] a copy
 */
export function floatsOf(bytes: Uint8Array, type: FloatType, count: number): Float32Array<ArrayBuffer> {
  // Not `bytes.slice`, which of a Buffer is a view.
  const copy = new Uint8Array(count * FLOAT_BYTES[type]);
  copy.set(bytes.subarray(0, copy.length));
  switch (type) {
    case 'F32':
      return new Float32Array(copy.buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(copy.buffer));
    case 'F16':
      return Float32Array.from(new Uint16Array(copy.buffer), halfToNumber);
    case 'BF16':
      return fromBfloat16(new Uint16Array(copy.buffer));
    default:
      return type satisfies never;
  }
}

/** One value of little-endian bytes. @param at its first byte */
export function floatAt(view: DataView, type: FloatType, at: number): number {
  switch (type) {
    case 'F32':
      return view.getFloat32(at, true);
    case 'F64':
      return Math.fround(view.getFloat64(at, true));
    case 'F16':
      return halfToNumber(view.getUint16(at, true));
    case 'BF16':
      return fromBfloat16(Uint16Array.of(view.getUint16(at, true)))[0];
    default:
      return type satisfies never;
  }
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}
