/**
 * Numbers as C initialisers. Float32 weights are written as their bits in hexadecimal, in a union with floats: exact, and
 * cheaper to compile than hexadecimal or decimal floats. For 3.9 million weights: 43 MB of text instead of 60 and 48; gcc
 * takes 0.8 GB of memory instead of 1.1, clang 0.8 GB instead of 2.1 and half the time.
 */

/** Bytes of a weight as text: `0x3e99999a,`. */
const BITS_TEXT_BYTES = 11;
/** Bytes of the longest 8-bit integer as text: `-127,`. */
const INT8_TEXT_BYTES = 5;
const VALUES_PER_LINE = 10;
const INT8_PER_LINE = 24;
const [ZERO, MINUS, COMMA, X, NEWLINE] = [48, 45, 44, 120, 10];
const HEX_DIGITS = new TextEncoder().encode('0123456789abcdef');

/** `0x3e99999a,…`: the bits of float32 values, as ASCII. */
export function floatBits(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const lines = Math.ceil(values.length / VALUES_PER_LINE);
  const text = new Uint8Array(values.length * BITS_TEXT_BYTES + lines);
  let at = 0;
  for (let n = 0; n < bits.length; n++) {
    text[at++] = ZERO;
    text[at++] = X;
    for (let shift = 28; shift >= 0; shift -= 4) text[at++] = HEX_DIGITS[(bits[n] >>> shift) & 15];
    text[at++] = COMMA;
    if ((n + 1) % VALUES_PER_LINE === 0 || n + 1 === bits.length) text[at++] = NEWLINE;
  }
  return text;
}

/** `12,-127,…`: 8-bit integers, as ASCII. */
export function int8Numbers(values: Int8Array): Uint8Array {
  const lines = Math.ceil(values.length / INT8_PER_LINE);
  const text = new Uint8Array(values.length * INT8_TEXT_BYTES + lines);
  let at = 0;
  for (let n = 0; n < values.length; n++) {
    const size = Math.abs(values[n]);
    if (values[n] < 0) text[at++] = MINUS;
    if (size >= 100) text[at++] = ZERO + Math.floor(size / 100);
    if (size >= 10) text[at++] = ZERO + (Math.floor(size / 10) % 10);
    text[at++] = ZERO + (size % 10);
    text[at++] = COMMA;
    if ((n + 1) % INT8_PER_LINE === 0 || n + 1 === values.length) text[at++] = NEWLINE;
  }
  return text.slice(0, at);
}

/** One piece of a file after the other. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
