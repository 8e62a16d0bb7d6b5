/** Opens the network in a checkpoint file, with the facts of its run from the files beside it. Node.js only. */
import type { Backend } from '../backends/backend.js';
import { readCheckpointBytes } from '../runs/checkpoint-file.js';
import { factsBeside } from '../runs/run-files.js';
import { openRecognizer, type Recognizer } from './recognizer.js';

/**
 * @param path of a checkpoint
 * @param name names the network in messages; default the path
 * @throws UserError if the file does not exist or is damaged
 */
export async function openCheckpoint(path: string, backend: Backend, name = path): Promise<Recognizer> {
  const bytes = await readCheckpointBytes(path);
  return openRecognizer(bytes, backend, { name, ...(await factsBeside(path)) });
}
