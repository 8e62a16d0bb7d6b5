/** The names of the backends, for messages and options; importing them loads no backend. */

/** Backends that compute on the host's memory, in the order in which `auto` tries them: fastest first. */
export const HOST_BACKEND_NAMES = ['cpu', 'wasm', 'reference'] as const;
/** The name of a backend that computes on the host's memory. */
export type HostBackendName = (typeof HOST_BACKEND_NAMES)[number];

/** Every backend. */
export const BACKEND_NAMES = [...HOST_BACKEND_NAMES, 'webgpu'] as const;
/** The name of a backend. */
export type BackendName = (typeof BACKEND_NAMES)[number];

/** The values of `openBackend`'s argument and of `--backend`. */
export const BACKEND_CHOICES = ['auto', ...BACKEND_NAMES] as const;
/** The name of a backend, or `auto`. */
export type BackendChoice = (typeof BACKEND_CHOICES)[number];
/** The name of a backend on the host's memory, or `auto`, which takes one of them. */
export type HostChoice = Exclude<BackendChoice, 'webgpu'>;
