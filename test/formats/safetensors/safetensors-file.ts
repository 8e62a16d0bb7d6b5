/** Makes safetensors files from any header, also invalid ones. */

/** A file with this header (text, or a value to write as JSON) and `dataLength` zero bytes of data. */
export function safetensorsFile(header: string | object, dataLength: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + dataLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}
