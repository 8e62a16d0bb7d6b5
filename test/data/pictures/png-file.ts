/** Makes PNG files for tests, also unusual and invalid ones. */
import { deflateSync } from 'node:zlib';

export interface PngParts {
  width: number;
  height: number;
  depth?: number;
  /** Colour type: 0 grey, 2 RGB, 3 palette, 4 grey with opacity, 6 RGB with opacity. */
  type?: number;
  /** Pixel rows, each after its filter byte. */
  raw?: Uint8Array;
  /** Chunks between header and pixels. */
  before?: [type: string, data: Uint8Array][];
}

/** A PNG file; all checksums are zero. */
export function pngFile({ width, height, depth = 8, type = 0, raw, before = [] }: PngParts): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type, 0, 0, 0], 8);
  const chunks: [string, Uint8Array][] = [
    ['IHDR', header],
    ...before,
    ...(raw ? [['IDAT', deflateSync(raw)] as [string, Uint8Array]] : []),
    ['IEND', new Uint8Array()],
  ];
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    ...chunks.map(([name, data]) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(data.length);
      return Buffer.concat([length, Buffer.from(name), data, Buffer.alloc(4)]);
    }),
  ]);
}

/** [height, width, samples] of 8 bits as pixel rows without a filter. */
export function unfiltered(values: ArrayLike<number>, bytesPerRow: number): Uint8Array {
  const rows = values.length / bytesPerRow;
  const raw = new Uint8Array(rows * (bytesPerRow + 1));
  for (let y = 0; y < rows; y++) {
    for (let i = 0; i < bytesPerRow; i++) raw[y * (bytesPerRow + 1) + 1 + i] = values[y * bytesPerRow + i];
  }
  return raw;
}

/** A grey picture. */
export function greyPng(pixels: Uint8Array, width: number, before: PngParts['before'] = []): Uint8Array {
  return pngFile({ width, height: pixels.length / width, raw: unfiltered(pixels, width), before });
}
