/** The public entry point in a page or a bundle. */

export { openBackend } from './backends/open-web.js';
export * from './public.js';
export { openTrainer } from './train/trainer-page.js';
