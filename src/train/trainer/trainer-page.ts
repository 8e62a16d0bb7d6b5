/** Opens a trainer in a page. */

import type { DeviceBackend } from '../../backends/backend.js';
import { openBackend } from '../../backends/open-web.js';
import { deviceOf } from '../../backends/webgpu/webgpu.js';
import type { ClassifierConfig } from '../../model/classifier-config.js';
import { startPageThread, threadsInPage } from '../team/threads/threads-page.js';
import { createTrainer } from './create-trainer.js';
import type { Trainer } from './trainer.js';
import type { Examples } from './trainer-examples.js';
import type { TrainerOptions } from './trainer-options.js';

/**
 * Opens a trainer for a new model. In a cross-origin isolated page it computes in Web Workers. In any other page it
 * computes in the calling thread, with pauses for the page; there, call it from a worker.
 *
 * @param config sizes of the model, as for `SequenceClassifier`
 * @param examples labelled sequences; the trainer copies them
 * @param options of the training. `backend` chooses what computes, as for `openBackend`: `webgpu` is the GPU. Default
 *   `auto`: the GPU if the browser offers one and it makes the updates of this training faster than the processor, which
 *   is measured in a fraction of a second; `Trainer.description` says which. The last digits of the numbers differ
 *   between processor and GPU; a name gives the same bits each time.
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
  options: TrainerOptions & { backend?: Parameters<typeof openBackend>[0] } = {},
): Promise<Trainer> {
  const { backend = 'auto' } = options;
  return createTrainer(config, examples, options, {
    backend: await openBackend(backend),
    threads: threadsInPage(options.threads),
    startThread: startPageThread,
    openBackend: () => openBackend(backend),
    openGpu: backend === 'auto' ? openGpu : undefined,
  });
}

/** The GPU, if there is one that is not emulated by the processor. */
async function openGpu(): Promise<DeviceBackend | null> {
  const gpu = await openBackend('webgpu').catch(() => null);
  if (!gpu || !deviceOf(gpu).isSoftware) return gpu;
  gpu.close();
  return null;
}
