/** Opens a backend in Node.js: native where there is an addon for the machine, else WASM, else plain TypeScript. */
import { UserError } from '../user-error.js';
import type { Backend, BackendHandle, BackendName } from './backend.js';
import { openCpu } from './cpu/cpu.js';
import { openReference } from './reference/reference.js';
import { openWasm } from './wasm/load.js';
import { openWasmHandle } from './wasm/wasm.js';

/** Names that `openBackend` takes. */
export const BACKEND_CHOICES = ['auto', 'cpu', 'wasm', 'reference'] as const;
export type BackendChoice = (typeof BACKEND_CHOICES)[number];

const OPENERS: Record<BackendName, () => Backend | Promise<Backend>> = {
  cpu: () => openCpu(),
  wasm: () => openWasm(),
  reference: openReference,
};

/** What `auto` tries, and what comes next if it fails. */
const FALLBACKS = [
  ['cpu', 'WASM takes over, about three times slower'],
  ['wasm', 'plain TypeScript takes over, hundreds of times slower'],
] as const;

const warned = new Set<string>();

/** What a program sees that does not ask for the lines itself: each one once, as a warning of Node.js. */
function warn(line: string): void {
  if (!warned.has(line)) process.emitWarning(line, { type: 'scanstroke' });
  warned.add(line);
}

/**
 * Opens a backend. `auto` takes the fastest that works here: cpu, then wasm, then reference; what was passed over,
 * and why, is handed to `onFallback`, one line for each; without one, to `process.emitWarning`.
 *
 * @throws UserError when the one asked for cannot be opened
 */
export async function openBackend(
  choice: BackendChoice = 'auto',
  onFallback: (line: string) => void = warn,
): Promise<Backend> {
  if (!BACKEND_CHOICES.includes(choice)) {
    throw new UserError(`backend: '${choice}' is not one of ${BACKEND_CHOICES.join(', ')}`);
  }
  if (choice !== 'auto') return OPENERS[choice]();
  for (const [name, next] of FALLBACKS) {
    try {
      return await OPENERS[name]();
    } catch (error) {
      onFallback(`${(error as Error).message}; ${next}`);
    }
  }
  return openReference();
}

/** Opens, in a worker thread, the backend that `handle` came from, on the same memory. */
export function openHandle(handle: BackendHandle): Backend {
  if (handle.name === 'wasm') return openWasmHandle(handle);
  if (handle.name === 'cpu') return openCpu(handle.payload as { isa: string });
  return openReference();
}
