/**
 * The older form of torch.save (before PyTorch 1.6, or `_use_new_zipfile_serialization=False`): five pickles - a magic
 * number, a version, the system, the object, the keys of the storages - and the storages in the order of the keys, each
 * with its number of elements (8 bytes) in front.
 */

import { readPickle } from '../../../formats/pickle/pickle-reader.js';
import {
  describeValue,
  PickleDict,
  type PickleValue,
  type TorchStorage,
} from '../../../formats/pickle/pickle-values.js';
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import { elementBytes, type StorageBytes } from './float-reader.js';

/** PROTO 2, LONG1 of 10 bytes, 0x1950a86a20f9469cfc6c. */
const MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
const VERSION = 1001;
const COUNT_BYTES = 8;

/** Whether a file begins like the older form. */
export function isLegacyFile(start: Uint8Array): boolean {
  return MAGIC.every((byte, i) => start[i] === byte);
}

/**
 * @param bytes the whole file; kept
 * @param name of the file, for messages
 * @returns what was saved, and where its storages lie
 * @throws UserError if the file is damaged or from a big-endian machine
 */
export function readLegacyFile(
  bytes: Uint8Array,
  name: string,
): { value: PickleValue; bytesOf: StorageBytes } {
  const version = readPickle(bytes, name, MAGIC.length);
  if (version.value !== VERSION) {
    throw new UserError(
      `${name}: version ${describeValue(version.value)} of torch.save's older form, expected ${VERSION}; ` +
        'load the file in PyTorch and save it again',
    );
  }
  const system = readPickle(bytes, name, version.end);
  if (system.value instanceof PickleDict && system.value.get('little_endian') === false) {
    throw new UserError(
      `${name}: from a big-endian machine, which is not read; load the file in PyTorch and save it again`,
    );
  }
  const { value, end, storages } = readPickle(bytes, name, system.end);
  const keys = readPickle(bytes, name, end);
  const blocks = locateBlocks(bytes, keys.value, storages, keys.end, name);
  return {
    value,
    bytesOf: ({ key }) => {
      const block = blocks.get(key);
      if (block === undefined)
        throw new UserError(`${name}: the file has no storage ${quote(key)}; it is damaged`);
      return block;
    },
  };
}

function locateBlocks(
  bytes: Uint8Array,
  keys: PickleValue,
  storages: ReadonlyMap<string, TorchStorage>,
  start: number,
  name: string,
): Map<string, Uint8Array> {
  if (!Array.isArray(keys))
    throw new UserError(`${name}: expected a list of storages, found ${describeValue(keys)}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const blocks = new Map<string, Uint8Array>();
  let at = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || blocks.has(storage.key)) {
      throw new UserError(`${name}: the list of its storages does not fit its tensors; the file is damaged`);
    }
    const what = `${name}: byte ${at}: storage ${quote(storage.key)}`;
    const width = elementBytes(storage.className);
    if (width === null)
      throw new UserError(`${what} is of class ${quote(storage.className)}, which is not read`);
    if (bytes.length - at < COUNT_BYTES) throw new UserError(`${what} is missing; the file is cut short`);
    const count = view.getBigUint64(at, true);
    at += COUNT_BYTES;
    if (count > BigInt(Math.floor((bytes.length - at) / width))) {
      throw new UserError(
        `${what} has ${count} elements of ${width} bytes, but ${bytes.length - at} bytes follow; the file is cut short`,
      );
    }
    const end = at + Number(count) * width;
    blocks.set(storage.key, bytes.subarray(at, end));
    at = end;
  }
  if (at !== bytes.length) {
    throw new UserError(`${name}: ${bytes.length - at} bytes behind the last storage belong to no tensor`);
  }
  return blocks;
}
