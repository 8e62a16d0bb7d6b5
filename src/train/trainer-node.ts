/** Opens a trainer in Node.js. */
import { availableParallelism } from 'node:os';
import { type BackendChoice, openBackend } from '../backends/open-node.js';
import type { ClassifierConfig } from '../model/classifier-config.js';
import { startNodeThread } from './team/threads-node.js';
import { createTrainer, type Trainer, type TrainerOptions } from './trainer.js';
import type { Examples } from './trainer-examples.js';

/**
 * Opens a trainer of a new model, with a backend of its own.
 * @throws UserError when sizes do not fit, a label or an option is out of range, or the backend cannot be opened
 *
 * @example
 * const trainer = await openTrainer(config, examples, { optimizer: { name: 'adam', lr: 0.01 } });
 * for (let epoch = 0; epoch < 5; epoch++) console.log(await trainer.epoch()); // { loss, accuracy }
 * await model.loadStateDict(trainer.stateDict());
 * await trainer.close();
 */
export async function openTrainer(
  config: ClassifierConfig,
  examples: Examples,
  options: TrainerOptions & { backend?: BackendChoice } = {},
): Promise<Trainer> {
  const { threads = availableParallelism() } = options;
  return createTrainer(config, examples, options, {
    backend: await openBackend(options.backend),
    threads,
    startThread: startNodeThread,
    openBackend: () => openBackend(options.backend),
  });
}
