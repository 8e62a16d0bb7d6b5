/** Reads the WASM kernels where files are read: in Node.js. */
import { readFile } from 'node:fs/promises';
import type { Backend } from '../backend.js';
import { compileKernels, type ModuleOptions } from './module.js';
import { createWasmBackend } from './wasm.js';

/** Opens the WASM backend on a module that lies beside this file. */
export async function openWasm(options: ModuleOptions = {}): Promise<Backend> {
  const read = async (file: string) => Uint8Array.from(await readFile(new URL(file, import.meta.url)));
  return createWasmBackend(await compileKernels(read, options));
}
