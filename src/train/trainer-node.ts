/** Opens a trainer in Node.js. */
import { availableParallelism } from 'node:os';
import { type BackendChoice, openBackend } from '../backends/open-node.js';
import type { LabelledBatch } from '../model/classifier.js';
import type { ClassifierConfig } from '../model/classifier-config.js';
import { startNodeThread } from './team/threads-node.js';
import { Trainer, type TrainerOptions } from './trainer.js';

/**
 * Opens a trainer of a new model, with a backend of its own.
 * @param examples all of them, as one batch
 * @throws UserError when sizes do not fit, a label or an option is out of range, or the backend cannot be opened
 */
export async function openTrainer(
  config: ClassifierConfig,
  examples: LabelledBatch,
  options: TrainerOptions & { backend?: BackendChoice } = {},
): Promise<Trainer> {
  const backend = await openBackend(options.backend);
  const { threads = availableParallelism() } = options;
  return new Trainer(config, examples, { ...options, backend, threads, startThread: startNodeThread });
}
