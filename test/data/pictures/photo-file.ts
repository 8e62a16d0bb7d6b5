/** Makes JPEG and WebP files for tests, by the encoders of the packages whose decoders are used. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import encodeJpeg, { init as initJpeg } from '@jsquash/jpeg/encode.js';
import encodeWebp, { init as initWebp } from '@jsquash/webp/encode.js';

const packages = join(createRequire(import.meta.url).resolve('@jsquash/jpeg/package.json'), '../..');

/** For Emscripten: an instance from a file of the package. */
function instantiating(file: string) {
  const module = new WebAssembly.Module(readFileSync(join(packages, file)));
  return {
    instantiateWasm(imports: WebAssembly.Imports, take: (instance: WebAssembly.Instance) => void) {
      const instance = new WebAssembly.Instance(module, imports);
      take(instance);
      return instance.exports;
    },
  };
}
// Its types speak of a module where Emscripten takes an instance.
await Reflect.apply(initJpeg, null, [instantiating('jpeg/codec/enc/mozjpeg_enc.wasm')]);
await Reflect.apply(initWebp, null, [instantiating('webp/codec/enc/webp_enc.wasm')]);

export interface Grey {
  width: number;
  height: number;
  /** [height, width] */
  pixels: Uint8Array;
}

function imageData({ width, height, pixels }: Grey): ImageData {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < pixels.length; i++) data.fill(pixels[i], i * 4, i * 4 + 3);
  return { width, height, data, colorSpace: 'srgb' };
}

export async function jpegFile(picture: Grey, options: { progressive?: boolean } = {}): Promise<Uint8Array> {
  return new Uint8Array(
    await encodeJpeg(imageData(picture), { quality: 92, progressive: false, ...options }),
  );
}

export async function webpFile(picture: Grey, options: { lossless?: number } = {}): Promise<Uint8Array> {
  return new Uint8Array(await encodeWebp(imageData(picture), { quality: 92, ...options }));
}

/** Exif data with an orientation. */
export function exif(orientation: number): Uint8Array {
  const tiff = [
    0x4d,
    0x4d,
    0,
    42,
    0,
    0,
    0,
    8,
    0,
    1,
    1,
    0x12,
    0,
    3,
    0,
    0,
    0,
    1,
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  return Uint8Array.of(...Buffer.from('Exif\0\0'), ...tiff);
}

/** The JPEG file with a segment after its start. */
export function withSegment(jpeg: Uint8Array, marker: number, data: Uint8Array): Uint8Array {
  const length = data.length + 2;
  return Buffer.concat([
    jpeg.subarray(0, 2),
    Uint8Array.of(0xff, marker, length >> 8, length & 0xff),
    data,
    jpeg.subarray(2),
  ]);
}
