/** The names of the backends, for messages and options; importing them loads no backend. */

/** Every backend, in the order in which `auto` tries them: fastest first. */
export const BACKEND_NAMES = ['cpu', 'wasm', 'reference'] as const;
/** The name of a backend. */
export type BackendName = (typeof BACKEND_NAMES)[number];

/** The values of `openBackend`'s argument and of `--backend`. */
export const BACKEND_CHOICES = ['auto', ...BACKEND_NAMES] as const;
/** The name of a backend, or `auto`. */
export type BackendChoice = (typeof BACKEND_CHOICES)[number];
