/** Opens a backend in Node.js. */
import type { Backend, BackendHandle, DeviceBackend } from './backend.js';
import type { BackendChoice, HostChoice } from './backend-names.js';
import { openCpu } from './cpu/cpu.js';
import { openReference } from './reference/reference.js';
import { type OnFallback, type Openers, openChoice, reopen } from './registry.js';
import { openWasm } from './wasm/load.js';
import { openWasmHandle } from './wasm/wasm.js';

export type { BackendChoice, HostChoice } from './backend-names.js';

const OPENERS: Openers<'node'> = {
  cpu: { open: openCpu, reopen: ({ payload }) => openCpu(payload as { isa: string }) },
  wasm: { open: openWasm, reopen: openWasmHandle },
  reference: { open: openReference, reopen: openReference },
};

const warned = new Set<string>();

/** Default of `onFallback`: each line once, as a warning of Node.js. */
function warnOnce(line: string): void {
  if (!warned.has(line)) process.emitWarning(line, { type: 'scanstroke' });
  warned.add(line);
}

/**
 * Opens a backend. `auto` takes the fastest processor code that is available: native code, then WebAssembly, then plain
 * TypeScript. `webgpu` opens the GPU; it needs npm `webgpu`.
 *
 * @param choice `auto` (default), `cpu`, `wasm`, `reference` or `webgpu`
 * @param onFallback receives one line for each backend that `auto` passed over: either it is not available here, or it
 * is and failed to open. Default: each line is emitted once as a warning of Node.js.
 * @returns the backend; close it with `close()`
 * @throws UserError for an unknown name
 * @throws BackendUnavailable when the backend asked for by name is not available here
 *
 * @example
 * import { openBackend } from 'scanstroke';
 *
 * const backend = await openBackend('auto', (line) => console.error(line));
 * console.log(backend.name, backend.description); // cpu AVX-512
 * backend.close();
 */
export async function openBackend(choice: 'webgpu', onFallback?: OnFallback): Promise<DeviceBackend>;
export async function openBackend(choice?: HostChoice, onFallback?: OnFallback): Promise<Backend>;
export async function openBackend(
  choice?: BackendChoice,
  onFallback?: OnFallback,
): Promise<Backend | DeviceBackend>;
export async function openBackend(
  choice: BackendChoice = 'auto',
  onFallback: OnFallback = warnOnce,
): Promise<Backend | DeviceBackend> {
  if (choice === 'webgpu') return (await import('./webgpu/dawn/open-dawn.js')).openDawn();
  return openChoice('node', OPENERS, choice, onFallback);
}

/** Opens, in a worker thread, the backend that `handle` came from, on the same memory. */
export function openHandle(handle: BackendHandle): Backend {
  return reopen('node', OPENERS, handle);
}
