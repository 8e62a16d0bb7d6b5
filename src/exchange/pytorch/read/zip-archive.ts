/**
 * Reads the directory of a ZIP archive as PyTorch writes them: entries stored without compression, sizes of ZIP64.
 * Entries are views of the file; nothing is copied or inflated, so an archive takes no more memory than its directory,
 * and a bomb has nothing to explode. Names are keys and never become paths. Format: APPNOTE.TXT of PKWARE, 4.3.
 *
 * Entries that share bytes are refused, as are two entries of one name: another program might read another one.
 */

import { crc32 } from '../../../formats/crc32.js';
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';

/** PyTorch writes an entry for each tensor; the largest models have a few thousand. */
export const MAX_ARCHIVE_ENTRIES = 65_536;
export const MAX_ENTRY_NAME_BYTES = 1024;

const LOCAL_HEADER = 0x04034b50;
const LOCAL_BYTES = 30;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_ENTRY_BYTES = 46;
const END = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const END64 = 0x06064b50;
const END64_BYTES = 56;
const LOCATOR64 = 0x07064b50;
const LOCATOR64_BYTES = 20;
/** Tag of the extra field that holds sizes of 8 bytes. */
const ZIP64_EXTRA = 1;
const IN_ZIP64 = 0xffff_ffff;
const ENCRYPTED = 1;

interface Entry {
  name: string;
  method: number;
  encrypted: boolean;
  /** CRC-32 in the directory. */
  checksum: number;
  packedSize: number;
  size: number;
  /** Where the local header begins, and where the data begin. */
  header: number;
  start: number;
}

export class ZipArchive {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Of the file, for messages. */
  readonly #name: string;
  readonly #entries = new Map<string, Entry>();

  /**
   * @param bytes the whole file; kept
   * @param name of the file, for messages
   * @throws UserError if the directory is damaged, too large, or contradicts the file
   */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#name = name;
    this.#readDirectory();
  }

  /** In the order of the directory. */
  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(entry: string): boolean {
    return this.#entries.has(entry);
  }

  /**
   * The bytes of an entry.
   * @returns a view of the file
   * @throws UserError if there is none, or it is compressed or encrypted
   */
  read(entry: string): Uint8Array {
    const { method, encrypted, start, size } = this.#entry(entry);
    if (encrypted) this.#fail(`its entry ${quote(entry)} is encrypted; save the model without encryption`);
    if (method !== 0) {
      this.#fail(
        `its entry ${quote(entry)} is compressed (method ${method}), which PyTorch never does with weights; ` +
          'load the file in PyTorch and save it again with torch.save',
      );
    }
    return this.#bytes.subarray(start, start + size);
  }

  /** Whether the bytes of an entry have the checksum that the directory gives. */
  isIntact(entry: string): boolean {
    return crc32(this.read(entry)) === this.#entry(entry).checksum;
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      throw new UserError(
        `${this.#name}: the archive has no entry ${quote(name)}; the file may be cut short or damaged`,
      );
    }
    return entry;
  }

  #readDirectory(): void {
    const { start, size, count } = this.#findDirectory();
    let at = start;
    for (let i = 0; i < count; i++) {
      const { entry, next } = this.#directoryEntry(at, start + size);
      if (this.#entries.has(entry.name)) this.#fail(`two of its entries are called ${quote(entry.name)}`);
      this.#entries.set(entry.name, entry);
      at = next;
    }
    if (at !== start + size)
      this.#fail(`its directory has ${size} bytes, but its ${count} entries take ${at - start}`);
    for (const entry of this.#entries.values()) entry.start = this.#dataStart(entry, start);
    this.#refuseOverlaps();
  }

  /** Where the directory lies, from the record at the end of the file. */
  #findDirectory(): { start: number; size: number; count: number } {
    const view = this.#view;
    const end = this.#findEnd();
    let count = view.getUint16(end + 10, true);
    let size = view.getUint32(end + 12, true);
    let start = view.getUint32(end + 16, true);
    let limit = end;
    const locator = end - LOCATOR64_BYTES;
    if (locator >= 0 && view.getUint32(locator, true) === LOCATOR64) {
      const end64 = this.#uint64(locator + 8);
      if (end64 > locator - END64_BYTES || view.getUint32(end64, true) !== END64) {
        this.#fail('its ZIP64 end record is not where the file says');
      }
      count = this.#uint64(end64 + 32);
      size = this.#uint64(end64 + 40);
      start = this.#uint64(end64 + 48);
      limit = end64;
    }
    if (count > MAX_ARCHIVE_ENTRIES) {
      this.#fail(`it has ${count} entries; at most ${MAX_ARCHIVE_ENTRIES} are read`);
    }
    if (start + size > limit) {
      this.#fail(
        `its directory of ${size} bytes at byte ${start} reaches past its end record at byte ${limit}`,
      );
    }
    return { start, size, count };
  }

  /** The last end record whose comment reaches to the end of the file. */
  #findEnd(): number {
    const last = this.#bytes.length - END_BYTES;
    for (let at = last; at >= Math.max(0, last - MAX_COMMENT_BYTES); at--) {
      if (this.#view.getUint32(at, true) !== END) continue;
      if (this.#view.getUint16(at + 20, true) === last - at) return at;
    }
    return this.#fail('it has no end record; the file is cut short, so copy or download it again');
  }

  #directoryEntry(at: number, limit: number): { entry: Entry; next: number } {
    const view = this.#view;
    if (at + DIRECTORY_ENTRY_BYTES > limit || view.getUint32(at, true) !== DIRECTORY_ENTRY) {
      this.#fail(`byte ${at}: expected an entry of its directory`);
    }
    const nameStart = at + DIRECTORY_ENTRY_BYTES;
    const extraStart = nameStart + view.getUint16(at + 28, true);
    const extraEnd = extraStart + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > limit) this.#fail(`byte ${at}: an entry reaches past the end of its directory`);
    if (extraStart - nameStart > MAX_ENTRY_NAME_BYTES) {
      this.#fail(
        `byte ${at}: a name of ${extraStart - nameStart} bytes; at most ${MAX_ENTRY_NAME_BYTES} are read`,
      );
    }
    const entry: Entry = {
      name: new TextDecoder().decode(this.#bytes.subarray(nameStart, extraStart)),
      method: view.getUint16(at + 10, true),
      encrypted: (view.getUint16(at + 8, true) & ENCRYPTED) !== 0,
      checksum: view.getUint32(at + 16, true),
      packedSize: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      header: view.getUint32(at + 42, true),
      start: 0,
    };
    this.#readZip64(entry, extraStart, extraEnd);
    if (entry.method === 0 && entry.size !== entry.packedSize) {
      this.#fail(
        `its entry ${quote(entry.name)} is stored, but has ${entry.packedSize} bytes in the file and ${entry.size} outside`,
      );
    }
    return { entry, next };
  }

  /** Replaces the sizes and the offset that are too large for 4 bytes. */
  #readZip64(entry: Entry, start: number, end: number): void {
    const wide = (['size', 'packedSize', 'header'] as const).filter((field) => entry[field] === IN_ZIP64);
    for (let at = start; at + 4 <= end; ) {
      const tag = this.#view.getUint16(at, true);
      const fieldEnd = at + 4 + this.#view.getUint16(at + 2, true);
      if (fieldEnd > end) break;
      if (tag === ZIP64_EXTRA) {
        wide.forEach((field, i) => {
          const from = at + 4 + 8 * i;
          if (from + 8 <= fieldEnd) entry[field] = this.#uint64(from);
        });
        return;
      }
      at = fieldEnd;
    }
  }

  /** Where the data of an entry begin: behind its local header, whose lengths differ from the directory's. */
  #dataStart({ name, header, packedSize }: Entry, directory: number): number {
    const view = this.#view;
    if (header + LOCAL_BYTES > directory || view.getUint32(header, true) !== LOCAL_HEADER) {
      this.#fail(`its entry ${quote(name)} should begin at byte ${header}, but does not`);
    }
    const nameStart = header + LOCAL_BYTES;
    const nameEnd = nameStart + view.getUint16(header + 26, true);
    const start = nameEnd + view.getUint16(header + 28, true);
    if (start + packedSize > directory) {
      this.#fail(
        `its entry ${quote(name)} of ${packedSize} bytes at byte ${start} reaches into the directory at byte ${directory}`,
      );
    }
    const local = new TextDecoder().decode(this.#bytes.subarray(nameStart, nameEnd));
    if (local !== name) {
      this.#fail(`an entry is called ${quote(name)} in the directory, but ${quote(local)} at byte ${header}`);
    }
    return start;
  }

  #refuseOverlaps(): void {
    const sorted = [...this.#entries.values()].sort((a, b) => a.header - b.header);
    for (let i = 1; i < sorted.length; i++) {
      const [a, b] = [sorted[i - 1], sorted[i]];
      if (a.start + a.packedSize > b.header) {
        this.#fail(`its entries ${quote(a.name)} and ${quote(b.name)} overlap at byte ${b.header}`);
      }
    }
  }

  /** Never rounded: larger numbers than 2⁵³ become Infinity, and reach past every limit. */
  #uint64(at: number): number {
    const value = this.#view.getBigUint64(at, true);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
  }

  #fail(problem: string): never {
    throw new UserError(`${this.#name}: a ZIP archive, but ${problem}`);
  }
}
