/** The ZIP form of torch.save and TorchScript: `NAME/data.pkl`, the storages as `NAME/data/KEY`, `NAME/byteorder`. */

import { readPickle } from '../../../formats/pickle/pickle-reader.js';
import type { PickleValue } from '../../../formats/pickle/pickle-values.js';
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import type { StorageBytes } from './float-reader.js';
import type { ZipArchive } from './zip-archive.js';

const PICKLE = 'data.pkl';
const MAX_BYTE_ORDER_LETTERS = 20;

/** A file of torch.save: the saved object, and where its storages lie. */
export interface TorchArchive {
  value: PickleValue;
  bytesOf: StorageBytes;
  /** How many of the storages that were read do not have the checksum that the archive gives. */
  damaged(): number;
}

/** The folder of the archive with a slash, or ''; null if it is no archive of torch.save's. */
export function torchRoot(archive: ZipArchive): string | null {
  const pickle = archive.names.find((entry) => /^([^/]+\/)?data\.pkl$/.test(entry));
  return pickle === undefined ? null : pickle.slice(0, -PICKLE.length);
}

/**
 * @param root as torchRoot returns it
 * @param name of the file, for messages
 * @throws UserError if the pickle is damaged, or the file comes from a big-endian machine
 */
export function readTorchArchive(archive: ZipArchive, root: string, name: string): TorchArchive {
  refuseBigEndian(archive, root, name);
  const { value } = readPickle(archive.read(root + PICKLE), `${name}: ${PICKLE}`);
  const read = new Map<string, Uint8Array>();
  return {
    value,
    bytesOf: ({ key }) => {
      const entry = `${root}data/${key}`;
      const bytes = read.get(entry) ?? archive.read(entry);
      read.set(entry, bytes);
      return bytes;
    },
    damaged: () => [...read.keys()].filter((entry) => !archive.isIntact(entry)).length,
  };
}

/** Archives from before PyTorch 2.1 have no entry `byteorder`; they come from little-endian machines. */
export function refuseBigEndian(archive: ZipArchive, root: string, name: string): void {
  const entry = `${root}byteorder`;
  if (!archive.has(entry)) return;
  const order = new TextDecoder().decode(archive.read(entry).subarray(0, MAX_BYTE_ORDER_LETTERS));
  if (order !== 'little') {
    throw new UserError(
      `${name}: its byte order is ${quote(order)}, only "little" is read; load the file in PyTorch on a PC and save it again`,
    );
  }
}
