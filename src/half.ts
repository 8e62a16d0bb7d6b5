/**
 * 16-bit floats (IEEE 754 binary16) as their bits, one number at a time: the definition that the kernels' conversions
 * are compared with. Normal numbers reach from 6.1e-5 to 65,504 with 11 significant bits; subnormal ones to 6e-8.
 */

/** The number that the bits mean. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest half, ties to even; from 65,520 on infinity. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  // The spacing of halves about this magnitude; below 2^-14 it is that of the subnormal numbers.
  const exponent = Math.max(-14, magnitude === 0 ? -14 : Math.floor(Math.log2(magnitude)));
  const places = roundToEven(magnitude * 2 ** (10 - exponent)); // 1024 and more for normal numbers
  return sign | (places + (exponent + 14) * 1024); // a carry into the next exponent comes out right by itself
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
