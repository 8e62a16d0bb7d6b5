/** Opens a backend where there is no file system and no addon: in a page or a bundle. */
import { UserError } from '../user-error.js';
import type { Backend, BackendHandle, DeviceBackend } from './backend.js';
import type { BackendChoice, HostChoice } from './backend-names.js';
import { openReference } from './reference/reference.js';
import { type OnFallback, type Openers, openChoice, reopen } from './registry.js';
import { compileKernels, type ModuleFile, type ModuleOptions } from './wasm/module.js';
import { createWasmBackend, openWasmHandle } from './wasm/wasm.js';
import { openDeviceBackend } from './webgpu/webgpu.js';

/** Each written out, for bundlers to find. */
const MODULES: Record<ModuleFile, URL> = {
  'kernels.wasm': new URL('./wasm/kernels.wasm', import.meta.url),
  'kernels-relaxed.wasm': new URL('./wasm/kernels-relaxed.wasm', import.meta.url),
};

const OPENERS: Openers<'page'> = {
  wasm: { open: openWasm, reopen: openWasmHandle },
  reference: { open: openReference, reopen: openReference },
};

/**
 * Opens a backend. `wasm` fetches the kernels that lie beside the script; `reference` is plain TypeScript, and slow.
 * `auto` takes `wasm` where it opens. `webgpu` opens the GPU, in browsers that offer it. Without SharedArrayBuffer (in a page that is not cross-origin isolated), the
 * backend's memory stays in its thread and is at most 1 GiB.
 *
 * @param choice `auto` (default), `wasm`, `reference` or `webgpu`
 * @param onFallback receives one line if `auto` passed over `wasm`. Default: `console.warn`.
 * @returns the backend; close it with `close()`
 * @throws UserError for a backend that does not run in a page, or when the kernels of `wasm` cannot be fetched
 *
 * @example
 * import { openBackend } from 'scanstroke';
 *
 * const backend = await openBackend();
 * console.log(backend.description); // WebAssembly relaxed SIMD, 128 bits
 */
export async function openBackend(choice: 'webgpu', onFallback?: OnFallback): Promise<DeviceBackend>;
export async function openBackend(choice?: HostChoice, onFallback?: OnFallback): Promise<Backend>;
export async function openBackend(
  choice?: BackendChoice,
  onFallback?: OnFallback,
): Promise<Backend | DeviceBackend>;
export async function openBackend(
  choice: BackendChoice = 'auto',
  onFallback: OnFallback = (line) => console.warn(line),
): Promise<Backend | DeviceBackend> {
  if (choice === 'webgpu') return openDeviceBackend(navigator.gpu, 'this browser offers no GPU to pages');
  return openChoice('page', OPENERS, choice, onFallback);
}

/** Opens the WASM backend. Default options: all features that the runtime supports. */
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
  return reopen('page', OPENERS, handle);
}
