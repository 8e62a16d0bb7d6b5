/** The public entry point in a page or a bundle. */
export * from './public.js';
export { openBackend } from './backends/open-web.js';
