/**
 * Rearranges the bytes of float32 numbers so that deflate makes them smaller. Of a network's weights, sign and mantissa
 * are random, exponents have about 3 bits of information. So the highest bytes of all numbers are put together, then the
 * next, and so on. Before that, the bits of each number are turned so that the highest byte has three bits of the
 * mantissa with five of the exponent: bytes of exponents alone repeat by chance, and deflate writes these repeats with
 * more bits than the bytes need. Of a quick run's weights, deflate leaves 84.0 % in this order (entropy: 83.6 %), 85.0 %
 * with the exponent alone, 92.9 % of the numbers as they are.
 */

const WORD_BYTES = 4;
/** The sign, three bits of the exponent that hardly differ, and then the byte's five bits begin. */
const TURNED_BITS = 4;

/** @param bytes float32 numbers, little-endian; what is left of the last four bytes stays as it is */
export function toPlanes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const count = Math.floor(bytes.length / WORD_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const planes = new Uint8Array(bytes);
  for (let n = 0; n < count; n++) {
    const word = view.getUint32(n * WORD_BYTES, true);
    const turned = (word << TURNED_BITS) | (word >>> (32 - TURNED_BITS));
    for (let k = 0; k < WORD_BYTES; k++) planes[k * count + n] = turned >>> (24 - 8 * k);
  }
  return planes;
}

/** The bytes that toPlanes rearranged. */
export function fromPlanes(planes: Uint8Array): Uint8Array<ArrayBuffer> {
  const count = Math.floor(planes.length / WORD_BYTES);
  const bytes = new Uint8Array(planes);
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < count; n++) {
    let turned = 0;
    for (let k = 0; k < WORD_BYTES; k++) turned = (turned << 8) | planes[k * count + n];
    view.setUint32(n * WORD_BYTES, (turned >>> TURNED_BITS) | (turned << (32 - TURNED_BITS)), true);
  }
  return bytes;
}
