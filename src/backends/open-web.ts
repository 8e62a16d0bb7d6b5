/** Opens a backend where there is no file system and no addon: in a page or a bundle. */
import { UserError } from '../user-error.js';
import type { Backend } from './backend.js';
import { openReference } from './reference/reference.js';
import { createWasmBackend } from './wasm/wasm.js';

/**
 * Opens a backend: `wasm` (which `auto` takes) fetches the kernels that lie beside the script; `reference` is plain
 * TypeScript.
 * @throws UserError for a name that is not to be had in a page, or when the kernels cannot be fetched
 */
export async function openBackend(choice: 'auto' | 'wasm' | 'reference' = 'auto'): Promise<Backend> {
  if (choice === 'reference') return openReference();
  if (choice !== 'auto' && choice !== 'wasm') {
    throw new UserError(`backend: '${choice}' is not to be had in a page; take auto, wasm or reference`);
  }
  const url = new URL('./wasm/kernels.wasm', import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new UserError(`backend wasm: ${url.pathname} answered ${response.status}`);
  return createWasmBackend(await WebAssembly.compile(await response.arrayBuffer()));
}
