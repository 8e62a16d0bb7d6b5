/** Opens the network in a checkpoint file, with what the files beside it say of its run. Node.js only. */
import type { Backend } from '../backends/backend.js';
import { readCheckpointBytes } from '../runs/checkpoint-file.js';
import { factsBeside } from '../runs/run-files.js';
import { openRecognizer, type Recognizer } from './recognizer.js';

/**
 * @param path of a checkpoint
 * @param name how people and messages call it; default its path
 * @throws UserError if there is no such file, or it is damaged
 */
export async function openCheckpoint(path: string, backend: Backend, name = path): Promise<Recognizer> {
  const bytes = await readCheckpointBytes(path);
  return openRecognizer(bytes, backend, { name, ...(await factsBeside(path)) });
}
