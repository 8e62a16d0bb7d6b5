/** Reads checkpoint files, whole or only their headers. Node.js only. */
import { type FileHandle, open } from 'node:fs/promises';
import { explainFileError, readFileBounded } from '../formats/files.js';
import { checkTensors, MAX_HEADER_BYTES } from '../formats/safetensors.js';
import { parseHeader } from '../formats/safetensors-header.js';
import { UserError } from '../user-error.js';
import { type Checkpoint, type CheckpointHeader, decodeCheckpoint, decodeHeader } from './checkpoint.js';
import { MAX_CHECKPOINT_BYTES } from './limits.js';

const LENGTH_BYTES = 8;

/** @throws UserError if the file cannot be read or is no checkpoint of scanstroke's */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await readCheckpointBytes(path), path);
}

/** The bytes of a checkpoint file. @throws UserError if the file cannot be read, or is larger than any checkpoint */
export function readCheckpointBytes(path: string): Promise<Uint8Array> {
  return readFileBounded(path, 'the checkpoint', MAX_CHECKPOINT_BYTES);
}

/**
 * Reads the header of a checkpoint, and not the values of its tensors.
 * @param openFile opens the file; by default links are followed
 * @throws UserError if the file cannot be read, is no checkpoint of scanstroke's, or its length contradicts the header
 */
export async function readCheckpointHeader(
  path: string,
  openFile: (path: string) => Promise<FileHandle> = open,
): Promise<CheckpointHeader> {
  try {
    const file = await openFile(path);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw new UserError(`cannot read the checkpoint ${path}: a file is needed`);
      const first = await readAt(file, Math.min(LENGTH_BYTES, found.size), 0, path);
      const length = first.length < LENGTH_BYTES ? Number.NaN : Number(first.readBigUInt64LE());
      if (!(length <= Math.min(MAX_HEADER_BYTES, found.size - LENGTH_BYTES))) {
        throw new UserError(`${path}: not a safetensors file, or cut short`);
      }
      const header = parseHeader(await readAt(file, length, LENGTH_BYTES, path), path, LENGTH_BYTES);
      checkTensors(header.entries, found.size - LENGTH_BYTES - length, path);
      return decodeHeader(header, path);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainFileError('read', `the checkpoint ${path}`, error);
  }
}

async function readAt(file: FileHandle, length: number, at: number, path: string): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  if (bytesRead < length) throw new UserError(`${path}: it became shorter while being read`);
  return buffer;
}
