/**
 * The kernels as a compiled module: which of the two builds the runtime can run, and for which kind of memory.
 *
 * With relaxed SIMD a·b + c is one instruction. Its rounding depends on the processor. The other build gives the
 * same bits everywhere; it is for runtimes without relaxed SIMD.
 */
import { SHARES_MEMORY } from '../../shared-memory.js';
import { BackendUnavailable } from '../registry.js';

/** The builds, as they lie beside this file. */
export type ModuleFile = 'kernels.wasm' | 'kernels-relaxed.wasm';

export interface KernelModule {
  module: WebAssembly.Module;
  relaxed: boolean;
  /** It wants a shared memory. */
  shared: boolean;
}

/** For tests. Default: all features that the runtime supports. */
export interface ModuleOptions {
  relaxed?: boolean;
  shared?: boolean;
}

/** A module of one function: i8x16.popcnt(i8x16.splat(0)). */
const SIMD = bytesOf('0061736d010000000105016000017b030201000a0a0108004100fd0ffd620b');

/** A module of one function: f32x4.relaxed_madd of its arguments. */
const RELAXED_MADD = bytesOf('0061736d0100000001080160037b7b7b017b030201000a0d010b00200020012002fd85020b');

/** How a module imports its memory: module `env`, name `memory`, kind memory, with a maximum and shared. */
const MEMORY_IMPORT = [3, ...ascii('env'), 6, ...ascii('memory'), 2, 3];

/**
 * @param read gives the bytes of a build
 * @throws BackendUnavailable if the runtime has no WebAssembly SIMD
 */
export async function compileKernels(
  read: (file: ModuleFile) => Promise<ArrayBuffer | Uint8Array<ArrayBuffer>>,
  options: ModuleOptions = {},
): Promise<KernelModule> {
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(SIMD)) {
    throw new BackendUnavailable('backend wasm: this runtime has no WebAssembly SIMD');
  }
  const relaxed = options.relaxed ?? WebAssembly.validate(RELAXED_MADD);
  const shared = options.shared ?? SHARES_MEMORY;
  const bytes = new Uint8Array(await read(relaxed ? 'kernels-relaxed.wasm' : 'kernels.wasm'));
  if (!shared) clearShared(bytes);
  return { module: await WebAssembly.compile(bytes), relaxed, shared };
}

/**
 * Makes the module import a memory that is not shared, for pages without SharedArrayBuffer. All instructions run on
 * both kinds of memory; one bit of the import says which. Clearing it saves a second file of each build.
 */
function clearShared(bytes: Uint8Array): void {
  const start = bytes.findIndex((_, i) => MEMORY_IMPORT.every((byte, j) => bytes[i + j] === byte));
  if (start < 0) throw new Error('wasm: the kernels do not import a shared memory');
  bytes[start + MEMORY_IMPORT.length - 1] = 1;
}

/** Bytes written as hexadecimal digits. */
function bytesOf(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function ascii(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}
