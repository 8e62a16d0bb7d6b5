/** Opens the network in a checkpoint file, with the facts of its run from the files beside it. Node.js only. */
import type { Backend, DeviceBackend } from '../backends/backend.js';
import { readTrainedModel } from '../runs/checkpoint/checkpoint-file.js';
import { factsBeside } from '../runs/run-files.js';
import { type Recognizer, recognizerOf } from './recognizer.js';

/**
 * @param path of a checkpoint
 * @param name names the network in messages; default the path
 * @throws UserError if the file does not exist or is damaged
 */
export async function openCheckpoint(
  path: string,
  backend: Backend | DeviceBackend,
  name = path,
): Promise<Recognizer> {
  const checkpoint = await readTrainedModel(path);
  return recognizerOf(checkpoint, backend, { name, ...(await factsBeside(path)) });
}
