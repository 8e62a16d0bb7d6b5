/**
 * Writes files of torch.save: a ZIP archive of stored entries, `archive/data.pkl` and a storage for each tensor. The
 * data of each entry begin at a multiple of 64 bytes, as PyTorch's do, so torch.load can map the file into memory.
 */
import { type Zippable, zipSync } from 'fflate/browser';
import { METADATA_ENTRY } from '../metadata-entry.js';
import { type PythonValue, writePickle } from './pickle-writer.js';

/** What torch.save calls the folder in an archive that it writes into memory. */
const ROOT = 'archive/';
const ALIGNMENT = 64;
/** Bytes of an entry's header, before its name. */
const HEADER_BYTES = 30;
/** Bytes of an extra field's tag and length. */
const TAG_BYTES = 4;
/** `FB`: the tag of the extra field in which PyTorch pads, too. */
const PADDING_TAG = 0x4246;
const PADDING = 0x5a;

/**
 * Writes the file. There is no `.format_version` among the entries: with it, PyTorch may compute where storages lie
 * from the order in which PyTorch would have written them.
 *
 * @param value refers to the storages by name
 * @param storages values by name
 * @param metadata JSON text for METADATA_ENTRY
 */
export function writeTorchArchive(
  value: PythonValue,
  storages: ReadonlyMap<string, Float32Array>,
  metadata: string,
): Uint8Array {
  const encoder = new TextEncoder();
  const entries: [name: string, bytes: Uint8Array][] = [
    ['data.pkl', writePickle(value)],
    ['byteorder', encoder.encode('little')],
  ];
  for (const [name, { buffer, byteOffset, byteLength }] of storages) {
    entries.push([`data/${name}`, new Uint8Array(buffer, byteOffset, byteLength)]);
  }
  entries.push(['version', encoder.encode('3\n')], [METADATA_ENTRY, encoder.encode(metadata)]);

  // The same bytes at every time and in every place: fflate reads the date in local time.
  const mtime = new Date(1980, 0, 1);
  const files: Zippable = {};
  let offset = 0;
  for (const [name, bytes] of entries) {
    const path = ROOT + name;
    const start = offset + HEADER_BYTES + path.length + TAG_BYTES;
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
    const extra = { [PADDING_TAG]: new Uint8Array(padding).fill(PADDING) };
    files[path] = [bytes, { level: 0, mtime, extra }];
    offset = start + padding + bytes.length;
  }
  return zipSync(files);
}
