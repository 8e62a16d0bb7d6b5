/**
 * Several pieces of bytes as one text, compressed: their number and lengths, the pieces, deflate over all, and letters of
 * 15 bits (letters.ts). Uses the compression of the platform, in Node.js and in pages.
 */
import { bytesToLetters, lettersToBytes } from './letters.js';

const NUMBER_BYTES = 4;

/**
 * @param deflate compresses, as raw deflate; by default the platform, which does not look for the shortest result
 * @returns text for a UTF-16 file
 * @throws UserError for pieces that are too large for a text
 */
export async function packParcel(
  pieces: readonly Uint8Array[],
  deflate: (content: Blob) => Promise<Uint8Array> = (content) =>
    through(new CompressionStream('deflate-raw'), content),
): Promise<string> {
  const numbers = new DataView(new ArrayBuffer(NUMBER_BYTES * (1 + pieces.length)));
  [pieces.length, ...pieces.map(({ length }) => length)].forEach((value, n) => {
    numbers.setUint32(n * NUMBER_BYTES, value, true);
  });
  const content = new Blob([numbers, ...pieces.map((piece) => new Uint8Array(piece))]);
  return bytesToLetters(await deflate(content));
}

/** The pieces that packParcel packed. @throws Error if the text is damaged */
export async function unpackParcel(text: string): Promise<Uint8Array<ArrayBuffer>[]> {
  const packed = new Blob([lettersToBytes(text)]);
  const bytes = await through(new DecompressionStream('deflate-raw'), packed);
  const numbers = new DataView(bytes.buffer);
  const count = numbers.getUint32(0, true);
  let at = NUMBER_BYTES * (1 + count);
  return Array.from({ length: count }, (_, n) => {
    const from = at;
    at += numbers.getUint32((n + 1) * NUMBER_BYTES, true);
    return bytes.slice(from, at);
  });
}

async function through(
  stream: CompressionStream | DecompressionStream,
  content: Blob,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(content.stream().pipeThrough(stream)).arrayBuffer());
}
