/** Reads checkpoint files, whole or only their headers. Node.js only. */
import type { Tensor } from '../formats/safetensors.js';
import { type ReadOptions, readSafetensorsFile } from '../formats/safetensors-reader.js';
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
 * Reads the header of a checkpoint, and not the values of its tensors.
 * @throws UserError if the file cannot be read, is no checkpoint of scanstroke's, or its length contradicts the header
 */
export function readCheckpointHeader(path: string): Promise<CheckpointHeader> {
  return readSafetensorsFile(path, AS_CHECKPOINT, ({ header }) => decodeHeader(header, path));
}
