/** The public entry point in a page or a bundle. */
import { openBackend } from './backends/open-web.js';
import { type ExportModel, exportsWith } from './exchange/export.js';
import { type CreateOptimizer, optimizersOn } from './train/optimizer.js';

export * from './public.js';
export { trainSymbols } from './teach/train-symbols-page.js';
export { openTrainer } from './train/trainer/trainer-page.js';
export { openBackend };

/**
 * Creates an optimiser for named tensors: PyTorch's SGD, Adam or AdamW.
 *
 * @function
 * @param config its name and settings; what is left out takes PyTorch's default
 * @param backend computes the updates. Default, and for a GPU: the best backend of the processor, opened at the first
 * `step`.
 * @throws UserError for values out of range, and for an option that this optimiser does not have
 *
 * @example
 * import { createOptimizer } from 'scanstroke';
 *
 * const parameters = new Map([['w', { shape: [2], data: Float32Array.of(1, -1) }]]);
 * const gradients = new Map([['w', { shape: [2], data: Float32Array.of(0.5, -0.5) }]]);
 * const optimizer = createOptimizer({ name: 'sgd', lr: 0.1 });
 * await optimizer.step(parameters, gradients); // changes the parameters in place
 * console.log(parameters.get('w')?.data); // [0.95, -0.95]
 * optimizer.close();
 */
export const createOptimizer: CreateOptimizer = optimizersOn(openBackend);

/**
 * Writes a model in the format of another tool: ONNX, PyTorch, safetensors, C.
 *
 * @function
 * @param model bytes of a checkpoint (best.safetensors or last.safetensors of a run), or a classifier
 * @param options the format and its settings; and, of a classifier, what is known about it
 * @returns the files, the model's own first; nothing is written to a disk
 * @throws UserError for bytes that are no checkpoint, and for settings that do not fit the model
 *
 * @example
 * import { readFile, writeFile } from 'node:fs/promises';
 * import { exportModel } from 'scanstroke';
 *
 * const checkpoint = await readFile('runs/my-run/best.safetensors');
 * const files = await exportModel(checkpoint, { format: 'onnx', probabilities: true });
 * for (const { name, bytes } of files) await writeFile(name, bytes); // model.onnx
 */
export const exportModel: ExportModel = exportsWith({});
