/** Images for the tests of ink: drawn with characters, by fast-check, and digits of MNIST. */
import fc from 'fast-check';
import { loadImages } from '#src/data/images/image-datasets.js';
import type { ImageDataset } from '#src/data/images/image-examples.js';

export interface Image {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** Rows of characters: `.` is 0, `#` is 255, a digit d is 25 d + 1. */
export function picture(...rows: string[]): Image {
  const value = (character: string) =>
    character === '.' ? 0 : character === '#' ? 255 : 25 * Number(character) + 1;
  return {
    width: rows[0].length,
    height: rows.length,
    pixels: Uint8Array.from(rows.flatMap((row) => [...row].map(value))),
  };
}

/** Noise of several kinds, up to 14 × 14: grey, black and white, thick strokes of a random pen. */
export const anyImage: fc.Arbitrary<Image> = fc
  .record({ width: fc.integer({ min: 1, max: 14 }), height: fc.integer({ min: 1, max: 14 }) })
  .chain(({ width, height }) => {
    const size = { minLength: width * height, maxLength: width * height };
    const grey = fc.uint8Array(size);
    const sparse = fc
      .array(fc.constantFrom(0, 0, 0, 0, 255, 130), size)
      .map((values) => Uint8Array.from(values));
    const pen = fc
      .array(fc.tuple(fc.nat(width - 1), fc.nat(height - 1), fc.integer({ min: 30, max: 255 })), {
        maxLength: 6,
      })
      .map((places) => drawn(width, height, places));
    return fc.oneof(grey, sparse, pen).map((pixels) => ({ width, height, pixels }));
  });

/** Lines three pixels wide from place to place. */
function drawn(width: number, height: number, places: [number, number, number][]): Uint8Array {
  const pixels = new Uint8Array(width * height);
  places.forEach(([x1, y1, grey], n) => {
    const [x0, y0] = places[Math.max(0, n - 1)];
    for (let k = 0; k <= 20; k++) {
      const x = Math.round(x0 + ((x1 - x0) * k) / 20);
      const y = Math.round(y0 + ((y1 - y0) * k) / 20);
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const i = v * width + u;
          pixels[i] = Math.max(pixels[i], u === x && v === y ? grey : grey - 25);
        }
      }
    }
  });
  return pixels;
}

let dataset: Promise<ImageDataset> | undefined;
/** The first `count` training digits of MNIST. */
export async function digits(count: number): Promise<Image[]> {
  dataset ??= loadImages('mnist', { channelsImg: 1 });
  const { pixels, width, height } = (await dataset).train;
  const size = width * height;
  return Array.from({ length: count }, (_, i) => ({
    width,
    height,
    pixels: pixels.subarray(i * size, (i + 1) * size),
  }));
}
