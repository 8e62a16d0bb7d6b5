/** Opens a trainer in a page. */
import { openBackend } from '../backends/open-web.js';
import type { ClassifierConfig } from '../model/classifier-config.js';
import { startPageThread, threadsInPage } from './team/threads-page.js';
import { createTrainer, type Trainer, type TrainerOptions } from './trainer.js';
import type { Examples } from './trainer-examples.js';

/**
 * Opens a trainer of a new model, with a backend of its own. It computes in Web Workers if the page is cross-origin
 * isolated, else in the calling thread, with pauses for the page; then better call it from a worker.
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
  options: TrainerOptions & { backend?: Parameters<typeof openBackend>[0] } = {},
): Promise<Trainer> {
  return createTrainer(config, examples, options, {
    backend: await openBackend(options.backend),
    threads: threadsInPage(options.threads),
    startThread: startPageThread,
    openBackend: () => openBackend(options.backend),
  });
}
