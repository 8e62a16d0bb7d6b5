/** The public entry point in Node.js: all of `index.ts`, with the backends and files that only Node.js has. */
import { openBackend } from './backends/open-node.js';
import { type CreateOptimizer, optimizersOn } from './train/optimizer.js';

export * from './public.js';
export { openTrainer } from './train/trainer-node.js';
export { openBackend };

/**
 * Creates an optimiser for named tensors: PyTorch's SGD, Adam or AdamW.
 *
 * @param config its name and settings; what is left out takes PyTorch's default
 * @param backend computes the updates. Default: the best backend available, opened at the first `step`.
 * @throws UserError for values out of range, and for an option that this optimiser does not have
 *
 * @example
 * const optimizer = createOptimizer({ name: 'adam', lr: 1e-3 });
 * await optimizer.step(parameters, gradients); // Maps of name to { shape, data }; parameters change in place
 */
export const createOptimizer: CreateOptimizer = optimizersOn(openBackend);
