/**
 * Decodes JPEG and WebP pictures by mozjpeg and libwebp as WebAssembly (@jsquash). Every picture gets a new instance:
 * nothing that one picture does to the decoder's memory reaches the next, and the memory is freed with the instance. An
 * instance takes 2 to 10 ms and can have 2 GiB at most. Callers check the announced size first. Node.js only.
 */
import { readFile } from 'node:fs/promises';
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import type { Rgba } from './picture-ink.js';

/** Options of the modules that Emscripten makes. */
interface ModuleOptions {
  instantiateWasm(
    imports: WebAssembly.Imports,
    take: (instance: WebAssembly.Instance) => void,
  ): WebAssembly.Exports;
  print(line: string): void;
  printErr(line: string): void;
}

/** What @jsquash/jpeg/decode.js and @jsquash/webp/decode.js export. */
interface Codec {
  /** Makes a new instance, which the following call of decode takes. */
  init(options: ModuleOptions): Promise<void>;
  default(file: ArrayBuffer): Promise<{ width: number; height: number; data: Uint8ClampedArray }>;
}

const CODECS = {
  JPEG: {
    wasm: './codecs/jpeg/mozjpeg_dec.wasm',
    load: async (): Promise<Codec> => {
      const { default: decode, init } = await import('@jsquash/jpeg/decode.js');
      return { default: decode, init };
    },
  },
  WebP: {
    wasm: './codecs/webp/webp_dec.wasm',
    load: async (): Promise<Codec> => {
      const { default: decode, init } = await import('@jsquash/webp/decode.js');
      return { default: decode, init };
    },
  },
};
type Format = keyof typeof CODECS;

interface OpenCodec {
  codec: Codec;
  module: WebAssembly.Module;
}
const open: Partial<Record<Format, Promise<OpenCodec>>> = {};

async function openCodec(format: Format): Promise<OpenCodec> {
  const { wasm, load } = CODECS[format];
  const module = await WebAssembly.compile(await readFile(new URL(wasm, import.meta.url)));
  return { codec: await load(), module };
}

/**
 * Decodes a picture.
 * @param size that its header announces
 * @throws UserError naming the file and what the decoder says
 */
export async function decodePhoto(
  format: Format,
  file: Uint8Array,
  name: string,
  size: { width: number; height: number },
): Promise<Rgba> {
  open[format] ??= openCodec(format);
  const { codec, module } = await open[format];
  const said: string[] = [];
  const options: ModuleOptions = {
    instantiateWasm(imports, take) {
      const instance = new WebAssembly.Instance(module, imports);
      take(instance);
      return instance.exports;
    },
    print: (line) => said.push(line),
    printErr: (line) => said.push(line),
  };
  const copy = new Uint8Array(file).buffer;
  let decoded: Awaited<ReturnType<Codec['default']>>;
  try {
    // Both calls are in one turn of the event loop, so that no other picture takes this instance.
    const ready = codec.init(options);
    const decoding = codec.default(copy);
    await ready;
    decoded = await decoding;
  } catch {
    throw damaged(format, name, said);
  }
  const { width, height, data } = decoded;
  const incomplete = said.some((line) => /premature end/i.test(line));
  if (incomplete || width !== size.width || height !== size.height || data.length !== width * height * 4) {
    throw damaged(format, name, said);
  }
  return { width, height, values: data };
}

/** @param said lines of the decoder, which may quote bytes of the file */
function damaged(format: Format, name: string, said: string[]): UserError {
  const reason = said.length === 0 ? '' : `: ${quote(said[said.length - 1]).slice(1, -1)}`;
  return new UserError(`${name}: a damaged ${format} file${reason}`);
}
