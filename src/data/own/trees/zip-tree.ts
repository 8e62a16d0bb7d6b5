/**
 * The files in a ZIP archive, found by its central directory and unpacked one by one, so an archive of any size needs
 * little memory. Archives are not trusted: sizes are checked before anything is unpacked, and unpacking stops at the size
 * that the directory announces. (PKWARE's APPNOTE 6.3.10) Node.js only.
 */
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { openRegularFile, readRange } from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';
import { isLeftBehind, MAX_FILE_BYTES, MAX_FILES, type PictureTree, shownPath } from './picture-tree.js';
import { type ZipEntry, zipEntries } from './zip-directory.js';

const LOCAL_HEADER = 0x04034b50;
const LOCAL_HEADER_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
/** Pictures are compressed already: a file that grows more than this, when it is large, is a bomb. */
const MAX_GROWTH = 200;
const SMALL = 2 ** 20;

/**
 * Lists the files in a ZIP archive.
 * @throws UserError if this is no ZIP archive, it is damaged, or its directory contradicts its size
 */
export async function openZipTree(path: string): Promise<PictureTree> {
  const name = `the archive ${path}`;
  const entries = new Map<string, ZipEntry>();
  const folders: string[] = [];
  const { handle, size } = await openRegularFile(path, name);
  try {
    for (const entry of await zipEntries(handle, size, name)) {
      if (entry.path.split('/').some(isLeftBehind)) continue;
      if (entry.path.endsWith('/')) {
        folders.push(entry.path.slice(0, -1));
        continue;
      }
      if (entries.size >= MAX_FILES) throw new UserError(`${name} has more than ${MAX_FILES} files`);
      entries.set(entry.path, entry);
    }
  } finally {
    await handle.close();
  }
  const shown = (file: string) => shownPath(`${path}/${file}`);
  return {
    name: basename(path).replace(/\.zip$/i, ''),
    paths: [...entries.keys()].sort(),
    folders: folders.sort(),
    shown,
    async open() {
      const opened = await openRegularFile(path, name);
      const read = (file: string) =>
        unpacked(opened.handle, entries.get(file) as ZipEntry, shown(file), opened.size);
      return { read, close: () => opened.handle.close() };
    },
  };
}

async function unpacked(
  handle: FileHandle,
  entry: ZipEntry,
  name: string,
  archiveBytes: number,
): Promise<Uint8Array> {
  const { at, packedBytes, bytes, method, isEncrypted } = entry;
  if (isEncrypted) throw new UserError(`${name}: it is encrypted`);
  if (method !== STORED && method !== DEFLATED) {
    throw new UserError(
      `${name}: it is compressed by method ${method}, which is not read; make the archive with deflate`,
    );
  }
  if (bytes > MAX_FILE_BYTES || (bytes > SMALL && bytes > MAX_GROWTH * packedBytes)) {
    throw new UserError(`${name}: ${packedBytes} bytes that unpack to ${bytes}; no picture is so large`);
  }
  if (at + LOCAL_HEADER_BYTES > archiveBytes) throw new UserError(`${name}: it is cut short`);
  const header = Buffer.from(await readRange(handle, at, at + LOCAL_HEADER_BYTES, name));
  if (header.readUInt32LE(0) !== LOCAL_HEADER)
    throw new UserError(`${name}: its place in the archive is wrong`);
  const start = at + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (start + packedBytes > archiveBytes) throw new UserError(`${name}: it is cut short`);
  const packed = await readRange(handle, start, start + packedBytes, name);
  if (method === STORED) {
    if (packedBytes !== bytes)
      throw new UserError(`${name}: ${packedBytes} bytes are stored, ${bytes} announced`);
    return packed;
  }
  try {
    const result = inflateRawSync(packed, { maxOutputLength: Math.max(1, bytes) });
    if (result.length === bytes) return result;
  } catch {
    // Damaged, or larger than announced.
  }
  throw new UserError(`${name}: its compressed bytes are damaged`);
}
