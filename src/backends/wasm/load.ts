/** Reads the WASM kernels where files are read: in Node.js. */
import { readFile } from 'node:fs/promises';
import type { Backend } from '../backend.js';
import { createWasmBackend } from './wasm.js';

/** Opens the WASM backend on the module that lies beside this file. */
export async function openWasm(): Promise<Backend> {
  const bytes = await readFile(new URL('./kernels.wasm', import.meta.url));
  return createWasmBackend(await WebAssembly.compile(bytes));
}
