/** Reads the central directory of a ZIP archive, also of a large one (ZIP64). Node.js only. */
import type { FileHandle } from 'node:fs/promises';
import { describeContent } from '../../../formats/content.js';
import { readRange } from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';

/** A file in an archive. */
export interface ZipEntry {
  /** With `/` between names. */
  path: string;
  /** Where its local header begins. */
  at: number;
  packedBytes: number;
  bytes: number;
  method: number;
  isEncrypted: boolean;
}

const LOCAL_HEADER = 0x04034b50;
const END = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const LOCATOR_64 = 0x07064b50;
const LOCATOR_64_BYTES = 20;
const END_64 = 0x06064b50;
const END_64_BYTES = 56;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
/** 5,000,000 files with names of 60 letters. */
const MAX_DIRECTORY_BYTES = 2 ** 29;
const NONE_16 = 0xffff;
const NONE_32 = 0xffffffff;
const EXTRA_64 = 0x0001;
const ENCRYPTED = 1;

/**
 * All files of an archive, in the order of its directory.
 * @param name how messages name the archive, with article
 * @throws UserError if there is no directory, or it is damaged
 */
export async function zipEntries(handle: FileHandle, size: number, name: string): Promise<ZipEntry[]> {
  const { start, bytes, shift } = await findDirectory(handle, size, name);
  if (bytes > MAX_DIRECTORY_BYTES || start + bytes > size) throw damaged(name, 'its directory is cut short');
  const directory = Buffer.from((await readRange(handle, start, start + bytes, name)).buffer);
  const entries: ZipEntry[] = [];
  let packed = 0;
  for (let at = 0; at < directory.length; ) {
    if (at + ENTRY_BYTES > directory.length || directory.readUInt32LE(at) !== ENTRY) {
      throw damaged(name, `entry ${entries.length + 1} of its directory makes no sense`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) =>
      directory.readUInt16LE(at + offset),
    );
    const end = at + ENTRY_BYTES + nameBytes + extraBytes + commentBytes;
    if (end > directory.length) throw damaged(name, 'its directory is cut short');
    const nameAt = at + ENTRY_BYTES;
    const entry = {
      path: pathOf(directory.subarray(nameAt, nameAt + nameBytes)),
      at: directory.readUInt32LE(at + 42),
      packedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      method: directory.readUInt16LE(at + 10),
      isEncrypted: (directory.readUInt16LE(at + 8) & ENCRYPTED) !== 0,
    };
    addSizes64(entry, directory.subarray(nameAt + nameBytes, nameAt + nameBytes + extraBytes));
    entry.at += shift;
    packed += entry.packedBytes;
    // Files that share their bytes unpack to any size: a bomb.
    if (packed > size) throw damaged(name, 'its files are larger than the archive; it may be a ZIP bomb');
    entries.push(entry);
    at = end;
  }
  return entries;
}

interface Directory {
  /** Where it begins in the file. */
  start: number;
  bytes: number;
  /** Bytes in front of the archive, from whose beginning its offsets count: a program that unpacks it. */
  shift: number;
}

async function findDirectory(handle: FileHandle, size: number, name: string): Promise<Directory> {
  const from = Math.max(0, size - END_BYTES - MAX_COMMENT - LOCATOR_64_BYTES);
  const tail = Buffer.from((await readRange(handle, from, size, name)).buffer);
  const at = endIn(tail);
  if (at < 0) {
    const start = await readRange(handle, 0, Math.min(size, 4096), name);
    const isStart = start.length >= 4 && Buffer.from(start).readUInt32LE(0) === LOCAL_HEADER;
    throw new UserError(
      isStart
        ? `${name}: the ZIP archive is cut short: it begins as one, but its directory, which should be at its end, is not in its ${size} bytes; ` +
            'copy or load it again'
        : `${name}: expected a ZIP archive, found ${describeContent(start)}`,
    );
  }
  const [count, bytes, start] = [
    tail.readUInt16LE(at + 10),
    tail.readUInt32LE(at + 12),
    tail.readUInt32LE(at + 16),
  ];
  let found: Announced = { start, bytes, end: from + at };
  const locator = at - LOCATOR_64_BYTES;
  const isLarge = count === NONE_16 || bytes === NONE_32 || start === NONE_32;
  if (isLarge && locator >= 0 && tail.readUInt32LE(locator) === LOCATOR_64) {
    const place = Number(tail.readBigUInt64LE(locator + 8));
    if (place + END_64_BYTES > size) throw damaged(name, 'its ZIP64 directory is cut short');
    found = await announced64(handle, [place, from + locator - END_64_BYTES], name);
  }
  const shift = found.end - found.bytes - found.start;
  // Other records may lie between the directory and its end: only where it is not in its place, all is shifted.
  if (shift <= 0 || (await signatureAt(handle, found.start, name)) === ENTRY) return { ...found, shift: 0 };
  return { start: found.start + shift, bytes: found.bytes, shift };
}

/**
 * Where the end record begins: the last whose comment reaches the end of the file, because a comment may contain the
 * signature. Of an archive with bytes behind it, the last. -1 for none.
 */
function endIn(tail: Buffer): number {
  let last = -1;
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END) continue;
    if (at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length) return at;
    if (last < 0) last = at;
  }
  return last;
}

/** What the end record says of the directory, and where that record is. */
interface Announced {
  start: number;
  bytes: number;
  end: number;
}

/** @param places where the record of a large archive may be: where it is announced, which may be shifted, and usually */
async function announced64(handle: FileHandle, places: readonly number[], name: string): Promise<Announced> {
  for (const end of places) {
    if (end < 0 || (await signatureAt(handle, end, name)) !== END_64) continue;
    const record = Buffer.from((await readRange(handle, end, end + END_64_BYTES, name)).buffer);
    return { bytes: Number(record.readBigUInt64LE(40)), start: Number(record.readBigUInt64LE(48)), end };
  }
  throw damaged(name, 'its ZIP64 directory makes no sense');
}

async function signatureAt(handle: FileHandle, at: number, name: string): Promise<number> {
  return Buffer.from((await readRange(handle, at, at + 4, name)).buffer).readUInt32LE(0);
}

/** Replaces sizes that need 64 bits by those of the extra field. */
function addSizes64(entry: ZipEntry, extra: Buffer): void {
  const keys = (['bytes', 'packedBytes', 'at'] as const).filter((key) => entry[key] === NONE_32);
  for (let at = 0; keys.length > 0 && at + 4 <= extra.length; ) {
    const [id, length] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)];
    if (id === EXTRA_64) {
      keys.forEach((key, n) => {
        const from = at + 4 + 8 * n;
        if (8 * (n + 1) <= length && from + 8 <= extra.length)
          entry[key] = Number(extra.readBigUInt64LE(from));
      });
      return;
    }
    at += 4 + length;
  }
}

/** The letters of the bytes from 128 in IBM's code page 437, in which APPNOTE (appendix D) has names without a flag. */
const CODE_PAGE_437 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐' +
  '└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

/** Names are UTF-8, also of programs that do not say so, or of an older program in letters of one byte. */
function pathOf(bytes: Uint8Array): string {
  let path: string;
  try {
    path = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const letters = Array.from(bytes, (byte) =>
      byte < 128 ? String.fromCharCode(byte) : CODE_PAGE_437[byte - 128],
    );
    path = letters.join('');
  }
  return path.replaceAll('\\', '/').replace(/^(\.?\/)+/, '');
}

function damaged(name: string, problem: string): UserError {
  return new UserError(`${name}: a damaged ZIP archive: ${problem}`);
}
