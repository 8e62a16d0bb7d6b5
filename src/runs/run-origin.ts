/**
 * Where a run that begins from a checkpoint in another folder comes from, until its own `last.safetensors` is written.
 * A run that is killed in between begins again from there, instead of from random weights. Node.js only.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { explainFileError } from '../formats/file-errors.js';
import { writeFileAtomically } from '../formats/files.js';
import { formatJson, parseJson } from '../formats/json.js';
import { readFileBounded } from '../formats/read-files.js';
import { readAs, record, text } from '../formats/shape.js';
import { RUN_FILES } from './run-folder.js';

const ORIGIN = '.origin.json';
const MAX_ORIGIN_BYTES = 2 ** 16;
const origin = record({ checkpoint: text });

/** Notes that the run in `folder` begins from `checkpoint`. @throws UserError when it cannot be written */
export async function writeOrigin(folder: string, checkpoint: string): Promise<void> {
  const content = formatJson({ checkpoint: resolve(checkpoint) }, ORIGIN);
  await writeFileAtomically(join(folder, ORIGIN), `${content}\n`);
}

/**
 * The checkpoint from which an unfinished beginning began; null if the run has a checkpoint, or began from nothing.
 * @throws UserError if the note is damaged
 */
export async function originOf(folder: string): Promise<string | null> {
  const path = join(folder, ORIGIN);
  if (existsSync(join(folder, RUN_FILES.last)) || !existsSync(path)) return null;
  const bytes = await readFileBounded(path, 'the origin of the run', MAX_ORIGIN_BYTES);
  return readAs(origin, parseJson(new TextDecoder().decode(bytes), path), path).checkpoint;
}

/** Removes the note. @throws UserError when it cannot be removed */
export async function removeOrigin(folder: string): Promise<void> {
  const path = join(folder, ORIGIN);
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw explainFileError('write', path, error);
  }
}
