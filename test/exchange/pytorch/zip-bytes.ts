/** Writes ZIP archives of stored entries, also wrong ones. */

import { ZipArchive } from '#src/exchange/pytorch/read/zip-archive.js';
import { crc32 } from '#src/formats/crc32.js';

export interface ZipItem {
  name: string;
  bytes: Uint8Array;
  method?: number;
  /** Bit field; 1: encrypted. */
  flags?: number;
  /** Name in the local header; default: the same. */
  localName?: string;
  /** Sizes in the directory; default: those of the bytes. */
  packedSize?: number;
  size?: number;
  /** Where the directory says that the local header lies; default: where it does. */
  header?: number;
  checksum?: number;
}

const encode = (text: string) => new TextEncoder().encode(text);

/** @param count entries that the end record announces; default: as many as there are */
export function zipOf(items: readonly ZipItem[], count = items.length): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const item of items) {
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    const localName = encode(item.localName ?? item.name);
    local.writeUInt16LE(localName.length, 26);
    directory.push(directoryEntry(item, at));
    parts.push(local, localName, item.bytes);
    at += local.length + localName.length + item.bytes.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(at, 16);
  return new Uint8Array(Buffer.concat([...parts, ...directory, end]));
}

function directoryEntry(item: ZipItem, at: number): Uint8Array {
  const entry = Buffer.alloc(46);
  const name = encode(item.name);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(item.flags ?? 0, 8);
  entry.writeUInt16LE(item.method ?? 0, 10);
  entry.writeUInt32LE(item.checksum ?? crc32(item.bytes), 16);
  entry.writeUInt32LE(item.packedSize ?? item.bytes.length, 20);
  entry.writeUInt32LE(item.size ?? item.bytes.length, 24);
  entry.writeUInt16LE(name.length, 28);
  entry.writeUInt32LE(item.header ?? at, 42);
  return Buffer.concat([entry, name]);
}

/** The entries of an archive that is valid. Compressed ones are left out. */
export function itemsOf(archive: Uint8Array): ZipItem[] {
  const zip = new ZipArchive(archive, 'seed');
  return zip.names
    .filter((name) => !name.includes('/code/'))
    .map((name) => ({ name, bytes: zip.read(name) }));
}

/** An archive with other bytes in one of its entries. @param suffix of the entry's name: `data.pkl` */
export function withEntry(
  archive: Uint8Array,
  suffix: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Uint8Array {
  const items = itemsOf(archive);
  return zipOf(
    items.map((item) => (item.name.endsWith(suffix) ? { name: item.name, bytes: change(item.bytes) } : item)),
  );
}
