/** The public entry point in Node.js: all of `index.ts`, with the backends and files that only Node.js has. */

export { openBackend } from './backends/open-node.js';
export * from './public.js';
export { openTrainer } from './train/trainer-node.js';
