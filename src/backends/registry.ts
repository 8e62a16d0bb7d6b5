/**
 * The registry of the backends on host memory: where each one runs, how it opens, and what `auto` does. It imports
 * nothing of a platform, so that a page can load it; open-node.ts and open-web.ts hold what opens
 * the backends, and open `webgpu`, which `auto` never takes here: only a training knows whether it is faster.
 *
 * A new backend is a name in backend-names.ts, an entry in BACKENDS, and an opener on each of its platforms. The compiler
 * refuses a name without an entry, and a platform without an opener.
 */
import { UserError } from '../user-error.js';
import type { Backend, BackendHandle } from './backend.js';
import {
  BACKEND_CHOICES,
  type BackendChoice,
  HOST_BACKEND_NAMES,
  type HostBackendName,
} from './backend-names.js';

export type Platform = 'node' | 'page';

interface Entry {
  /** Clause of the message when `auto` passes over another backend and opens this one. */
  takesOver: string;
  platforms: readonly Platform[];
}

const BACKENDS = {
  cpu: { takesOver: 'native code takes over', platforms: ['node'] },
  wasm: { takesOver: 'WebAssembly takes over, about three times slower', platforms: ['node', 'page'] },
  reference: {
    takesOver: 'plain TypeScript takes over, hundreds of times slower',
    platforms: ['node', 'page'],
  },
} as const satisfies Record<HostBackendName, Entry>;

const PLATFORM_NAMES: Record<Platform, string> = { node: 'Node.js', page: 'a page' };

/** The backends that run on a platform. */
type BackendOn<P extends Platform> = {
  [N in HostBackendName]: P extends (typeof BACKENDS)[N]['platforms'][number] ? N : never;
}[HostBackendName];

/** How a platform opens one backend. */
export interface Opener {
  /** @throws BackendUnavailable if this machine or runtime does not have the backend */
  open(): Backend | Promise<Backend>;
  /** Opens the backend again in another thread, on the same memory. */
  reopen(handle: BackendHandle): Backend;
}

/** A platform's table of openers: one for every backend that runs there, and no other. */
export type Openers<P extends Platform> = Record<BackendOn<P>, Opener>;

/**
 * The backend is not available here: its kernels are not built, or the runtime lacks what it needs. `auto` passes over
 * it. Any other error of an opener is a fault, which `auto` reports as one.
 *
 * @example
 * import { BackendUnavailable, openBackend } from 'scanstroke';
 *
 * const backend = await openBackend('cpu').catch((error) => {
 *   if (error instanceof BackendUnavailable) return openBackend('wasm');
 *   throw error;
 * });
 * console.log(backend.name); // cpu, or else wasm
 */
export class BackendUnavailable extends UserError {}

/**
 * Called by `auto` for each backend that it passes over.
 *
 * @param line one line for people: which backend, why, and what takes over
 * @param reason `unavailable`: the backend is not available here. `failed`: it is, and could not be opened.
 */
export type OnFallback = (line: string, reason: 'unavailable' | 'failed') => void;

/**
 * Opens a backend by its name or, for `auto`, the first that opens.
 *
 * @param onFallback receives one line for each backend that `auto` passed over
 * @throws UserError for an unknown name, or one that does not run on this platform
 * @throws the opener's error, if `choice` names a backend
 */
export async function openChoice<P extends Platform>(
  platform: P,
  openers: Openers<P>,
  choice: BackendChoice,
  onFallback: OnFallback,
): Promise<Backend> {
  if (!BACKEND_CHOICES.includes(choice)) {
    throw new UserError(`backend: '${choice}' is not one of ${BACKEND_CHOICES.join(', ')}`);
  }
  const table: Partial<Record<HostBackendName, Opener>> = openers;
  const here = HOST_BACKEND_NAMES.flatMap((name) => {
    const opener = table[name];
    return opener ? [{ name, opener }] : [];
  });
  if (choice !== 'auto') {
    const chosen = here.find(({ name }) => name === choice);
    if (chosen) return chosen.opener.open();
    const names = [...here.map(({ name }) => name), 'webgpu'].join(', ');
    throw new UserError(`backend ${choice}: does not run in ${PLATFORM_NAMES[platform]}; use auto, ${names}`);
  }
  for (const [n, { name, opener }] of here.entries()) {
    try {
      return await opener.open();
    } catch (error) {
      const next = here[n + 1];
      if (next === undefined) throw error;
      const instead = BACKENDS[next.name].takesOver;
      if (error instanceof BackendUnavailable) onFallback(`${error.message}; ${instead}`, 'unavailable');
      else onFallback(`${faultOf(name, error)}; ${instead}`, 'failed');
    }
  }
  throw new Error(`backend: no backend runs in ${PLATFORM_NAMES[platform]}`);
}

/** One line that says that a backend is there and does not work. */
function faultOf(name: HostBackendName, error: unknown): string {
  const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
  return `backend ${name}: present, but failed to open (${reason.replace(`backend ${name}: `, '')})`;
}

/**
 * Opens, in a worker thread, the backend that `handle` came from.
 * @throws Error for a backend that this platform does not have
 */
export function reopen<P extends Platform>(platform: P, openers: Openers<P>, handle: BackendHandle): Backend {
  const table: Partial<Record<HostBackendName, Opener>> = openers;
  const opener = table[handle.name];
  if (opener) return opener.reopen(handle);
  throw new Error(`backend ${handle.name}: does not run in a worker of ${PLATFORM_NAMES[platform]}`);
}
