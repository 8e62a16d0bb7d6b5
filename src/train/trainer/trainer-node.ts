/** Opens a trainer in Node.js. */

import { availableParallelism } from 'node:os';
import { type BackendChoice, openBackend } from '../../backends/open-node.js';
import type { ClassifierConfig } from '../../model/classifier-config.js';
import { MAX_THREADS } from '../engine.js';
import { startNodeThread } from '../team/threads/threads-node.js';
import { createTrainer } from './create-trainer.js';
import type { Trainer } from './trainer.js';
import type { Examples } from './trainer-examples.js';
import type { TrainerOptions } from './trainer-options.js';

/**
 * Opens a trainer for a new model. It computes in worker threads.
 *
 * @param config sizes of the model, as for `SequenceClassifier`
 * @param examples labelled sequences; the trainer copies them
 * @param options of the training. `backend` chooses what computes, as for `openBackend`: `webgpu` is the GPU; default
 *   `auto`, which takes the processor.
 * @returns the trainer; `close` ends its threads and frees its memory
 * @throws UserError when sizes do not fit, a label or an option is out of range, or the backend cannot be opened
 *
 * @example
 * import { openTrainer } from 'scanstroke';
 *
 * const config = { inputSize: 2, hiddenSize: 16, numClasses: 3 };
 * const examples = {
 *   inputs: new Float32Array(30 * 5 * 2), // [N, T, I]
 *   labels: Int32Array.from({ length: 30 }, (_, n) => n % 3), // [N]
 *   steps: 5,
 * };
 * const trainer = await openTrainer(config, examples, { optimizer: { name: 'adam', lr: 0.01 } });
 * for (let epoch = 0; epoch < 5; epoch++) console.log(await trainer.epoch()); // { loss, accuracy }
 * const parameters = await trainer.stateDict();
 * await trainer.close();
 */
export async function openTrainer(
  config: ClassifierConfig,
  examples: Examples,
  options: TrainerOptions & { backend?: BackendChoice } = {},
): Promise<Trainer> {
  const { threads = Math.min(availableParallelism(), MAX_THREADS) } = options;
  return createTrainer(config, examples, options, {
    backend: await openBackend(options.backend),
    threads,
    startThread: startNodeThread,
    openBackend: () => openBackend(options.backend),
  });
}
