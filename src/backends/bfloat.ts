/**
 * bfloat16 as its bits, one number at a time: the definition that the kernels' conversions are compared with. A bfloat is
 * the upper half of a float32: 8 significant bits, and the range of float32.
 */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The number that the bits mean; of an Int16Array's element only the 16 bits count. */
export function bfloatToNumber(value: number): number {
  bits[0] = value << 16;
  return float[0];
}

/**
 * The nearest bfloat to a number that is rounded to float32 first, ties to even, as 16 bits without a sign. A subnormal
 * float32 becomes zero, as in the processors' instructions.
 */
export function numberToBfloat(value: number): number {
  float[0] = value;
  const magnitude = bits[0] & 0x7fffffff;
  if (magnitude > 0x7f800000) return (bits[0] >>> 16) | 0x40; // NaN
  if (magnitude < 0x00800000) return (bits[0] >>> 16) & 0x8000;
  return ((bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that the nearest bfloat means. */
export function roundToBfloat(value: number): number {
  return bfloatToNumber(numberToBfloat(value));
}
