/** A trained run on disk, to recognise with: which checkpoint a path means, and what its run says of it. Node.js only. */
import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Backend } from '../backends/backend.js';
import { readFileBounded } from '../formats/files.js';
import { isPlainObject, parseJson } from '../formats/json.js';
import { readSummary } from '../runs/run-files.js';
import { RUN_FILES } from '../runs/run-folder.js';
import { UserError } from '../user-error.js';
import { openRecognizer, type Recognizer, type RunFacts } from './recognizer.js';

/** Parameters and optimiser of a quarter of a billion weights. */
const MAX_CHECKPOINT_BYTES = 4 * 2 ** 30;
const MAX_CONFIG_BYTES = 2 ** 16;

/**
 * The checkpoint that is meant by a run folder (its best) or a checkpoint's own path.
 * @throws UserError if there is none
 */
export function checkpointOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new UserError(`${path} does not exist; give a run folder or a checkpoint`);
  }
  if (!found.isDirectory()) return path;
  const best = join(path, RUN_FILES.best);
  if (statSync(best, { throwIfNoEntry: false })?.isFile()) return best;
  throw new UserError(
    `${path} holds no ${RUN_FILES.best}; give the folder of a run whose first epoch is done, or a checkpoint`,
  );
}

/** Opens the network of a run. @throws UserError if there is no checkpoint, or it is damaged */
export async function recognizerOf(path: string, backend: Backend): Promise<Recognizer> {
  const checkpoint = checkpointOf(path);
  const bytes = await readFileBounded(checkpoint, 'the checkpoint', MAX_CHECKPOINT_BYTES);
  return openRecognizer(bytes, backend, { name: path, ...(await factsBeside(checkpoint)) });
}

/** What the files beside a checkpoint say of its run; what cannot be read is not known. */
export async function factsBeside(checkpoint: string): Promise<Required<RunFacts>> {
  const folder = dirname(checkpoint);
  const summary = await readSummary(folder).catch(() => null);
  const preset = summary?.preset ?? (await readConfig(folder).catch(() => null))?.preset;
  return {
    preset: typeof preset === 'string' ? preset : null,
    testAccuracy: basename(checkpoint) === RUN_FILES.best ? (summary?.testAccuracy ?? null) : null,
  };
}

/** config.json as it stands. @throws UserError if there is none, or it is no JSON object */
export async function readConfig(folder: string): Promise<Record<string, unknown>> {
  const path = join(folder, RUN_FILES.config);
  const bytes = await readFileBounded(path, "the run's configuration", MAX_CONFIG_BYTES);
  const value = parseJson(new TextDecoder().decode(bytes), path);
  if (!isPlainObject(value)) throw new UserError(`${path}: expected a JSON object`);
  return value;
}
