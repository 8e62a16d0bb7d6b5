/** Checksums of 32 bits, reflected: CRC-32 of ZIP archives, and CRC-32C (Castagnoli) of records of TensorBoard. */

export const crc32 = checksum(0xedb88320);
export const crc32c = checksum(0x82f63b78);

/** @param polynomial reflected */
function checksum(polynomial: number): (bytes: Uint8Array) => number {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value;
  });
  return (bytes) => {
    let value = 0xffff_ffff;
    for (const byte of bytes) value = table[(value ^ byte) & 0xff] ^ (value >>> 8);
    return ~value >>> 0;
  };
}
