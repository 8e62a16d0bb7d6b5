/** Reads checkpoint files, whole or only their headers. Node.js only. */
import type { FileHandle } from 'node:fs/promises';
import type { OpenedFile } from '../formats/files.js';
import type { Tensor } from '../formats/safetensors.js';
import { type ReadOptions, readSafetensorsFile } from '../formats/safetensors-reader.js';
import { UserError } from '../user-error.js';
import {
  type Checkpoint,
  type CheckpointHeader,
  decodeHeader,
  decodeTensors,
  isOfTraining,
} from './checkpoint.js';
import { MAX_CHECKPOINT_BYTES } from './limits.js';

const AS_CHECKPOINT: ReadOptions = { what: 'the checkpoint', maxBytes: MAX_CHECKPOINT_BYTES };

/**
 * Reads a checkpoint: first its header, and the values only if the header is that of a valid checkpoint.
 * @throws UserError if the file cannot be read or is no checkpoint of scanstroke's
 */
export function readCheckpoint(path: string): Promise<Checkpoint> {
  return readParts(path, AS_CHECKPOINT, true);
}

/** Reads a checkpoint without the state of its training, which may take two thirds of the file. Throws as readCheckpoint. */
export function readTrainedModel(path: string): Promise<Checkpoint> {
  return readParts(path, AS_CHECKPOINT, false);
}

function readParts(path: string, options: ReadOptions, withTraining: boolean): Promise<Checkpoint> {
  return readSafetensorsFile(path, options, async (file) => {
    const header = decodeHeader(file.header, path);
    if (!withTraining) header.training = null;
    const tensors = new Map<string, Tensor>();
    for (const entry of file.header.entries) {
      if (withTraining || !isOfTraining(entry.name)) tensors.set(entry.name, await file.tensor(entry));
    }
    return decodeTensors(header, tensors, path);
  });
}

/**
/**
 * Reads the header of a checkpoint, and not the values of its tensors.
 * @param openFile opens the file; by default links are followed, and only a regular file is opened
 * @throws UserError if the file cannot be read, is no checkpoint of scanstroke's, or its length contradicts the header
 */
export function readCheckpointHeader(
  path: string,
  openFile?: (path: string) => Promise<FileHandle>,
): Promise<CheckpointHeader> {
  const options = openFile ? { ...AS_CHECKPOINT, open: () => opened(openFile, path) } : AS_CHECKPOINT;
  return readSafetensorsFile(path, options, ({ header }) => decodeHeader(header, path));
}

async function opened(openFile: (path: string) => Promise<FileHandle>, path: string): Promise<OpenedFile> {
  const handle = await openFile(path);
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new UserError(`cannot read the checkpoint ${path}: a file is needed`);
    return { handle, size: found.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
