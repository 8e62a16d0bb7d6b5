/**
 * Reads safetensors files from the disk, the header first: a file that is not what its reader expects is refused before
 * memory is allocated for its values. Each tensor is read into its own array, so reading takes the memory of the tensors
 * that are read, once. Node.js only.
 */
import { explainFileError } from '../file-errors.js';
import { openRegularFile, readRange } from '../read-files.js';
import {
  checkedHeader,
  headerEnd,
  LENGTH_BYTES,
  type SafetensorsHeader,
  type Tensor,
  tensorFrom,
} from './safetensors.js';
import type { HeaderEntry } from './safetensors-header.js';

/** An open file whose header has been read and checked. */
export interface SafetensorsFile {
  header: SafetensorsHeader;
  /** Reads the values of a tensor of the header. @throws UserError if the file has become shorter */
  tensor: (entry: HeaderEntry) => Promise<Tensor>;
}

export interface ReadOptions {
  /** How messages name the file, with article: `the checkpoint`. */
  what: string;
  /** A larger file is refused. */
  maxBytes: number;
}

/**
 * Opens a file, reads its header, and closes the file when `read` is done.
 * @param read gets the open file, and reads the tensors that it needs
 * @returns what `read` returns
 * @throws UserError if the file cannot be read or is no safetensors file; and what `read` throws
 */
export async function readSafetensorsFile<T>(
  path: string,
  { what, maxBytes }: ReadOptions,
  read: (file: SafetensorsFile) => T | Promise<T>,
): Promise<T> {
  const name = `${what} ${path}`;
  try {
    const { handle, size } = await openRegularFile(path, name, maxBytes);
    try {
      const length = await readRange(handle, 0, Math.min(LENGTH_BYTES, size), name);
      const bytes = await readRange(handle, LENGTH_BYTES, headerEnd(length, size, path), name);
      const header = checkedHeader(bytes, size, path);
      const tensor = async (entry: HeaderEntry) => {
        const [start, end] = [entry.start, entry.end].map((offset) => header.dataStart + offset);
        return tensorFrom(await readRange(handle, start, end, name), entry);
      };
      return await read({ header, tensor });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explainFileError('read', name, error);
  }
}
