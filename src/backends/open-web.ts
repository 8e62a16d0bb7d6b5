/** Opens a backend where there is no file system and no addon: in a page or a bundle. */
import { UserError } from '../user-error.js';
import type { Backend, BackendHandle } from './backend.js';
import { openReference } from './reference/reference.js';
import { compileKernels, type ModuleFile, type ModuleOptions } from './wasm/module.js';
import { createWasmBackend, openWasmHandle } from './wasm/wasm.js';

/** Each written out, for bundlers to find. */
const MODULES: Record<ModuleFile, URL> = {
  'kernels.wasm': new URL('./wasm/kernels.wasm', import.meta.url),
  'kernels-relaxed.wasm': new URL('./wasm/kernels-relaxed.wasm', import.meta.url),
};

/**
 * Opens a backend: `wasm` (which `auto` takes) fetches the kernels that lie beside the script; `reference` is plain
 * TypeScript. Where there is no SharedArrayBuffer (in a page that is not cross-origin isolated), what it allocates
 * stays in its thread, and is 1 GiB at most.
 * @throws UserError for a name that is not to be had in a page, or when the kernels cannot be fetched
 */
export async function openBackend(choice: 'auto' | 'wasm' | 'reference' = 'auto'): Promise<Backend> {
  if (choice === 'reference') return openReference();
  if (choice !== 'auto' && choice !== 'wasm') {
    throw new UserError(`backend: '${choice}' is not to be had in a page; take auto, wasm or reference`);
  }
  return openWasm();
}

/** Opens the WASM backend, by default with what the runtime offers. */
export async function openWasm(options: ModuleOptions = {}): Promise<Backend> {
  return createWasmBackend(await compileKernels(fetchModule, options));
}

async function fetchModule(file: ModuleFile): Promise<ArrayBuffer> {
  const url = MODULES[file];
  const response = await fetch(url);
  if (!response.ok) throw new UserError(`backend wasm: ${url.pathname} answered ${response.status}`);
  return response.arrayBuffer();
}

/** Opens, in a Web Worker, the backend that `handle` came from, on the same memory. */
export function openHandle(handle: BackendHandle): Backend {
  return handle.name === 'wasm' ? openWasmHandle(handle) : openReference();
}
