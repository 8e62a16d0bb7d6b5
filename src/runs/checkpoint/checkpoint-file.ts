/** Reads checkpoint files, whole or only their headers; also the checkpoint in a project file. Node.js only. */
import { headerOf, type Tensor } from '../../formats/safetensors/safetensors.js';
import { type ReadOptions, readSafetensorsFile } from '../../formats/safetensors/safetensors-reader.js';
import { MAX_CHECKPOINT_BYTES } from '../limits.js';
import {
  type Checkpoint,
  type CheckpointHeader,
  decodeCheckpoint,
  decodeHeader,
  decodeTensors,
  isOfTraining,
} from './checkpoint.js';
import { networkInProject } from './project-network.js';

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

async function readParts(path: string, options: ReadOptions, withTraining: boolean): Promise<Checkpoint> {
  const taught = networkInProject(path);
  if (taught !== null) return decodeCheckpoint(taught.checkpoint, inProject(path));
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

/** Names the network of a project in messages. */
function inProject(path: string): string {
  return `${path}: the network in it`;
}

/**
 * Reads the header of a checkpoint, and not the values of its tensors.
 * @throws UserError if the file cannot be read, is no checkpoint of scanstroke's, or its length contradicts the header
 */
export async function readCheckpointHeader(path: string): Promise<CheckpointHeader> {
  const taught = networkInProject(path);
  if (taught !== null) return decodeHeader(headerOf(taught.checkpoint, inProject(path)), inProject(path));
  return readSafetensorsFile(path, AS_CHECKPOINT, ({ header }) => decodeHeader(header, path));
}
