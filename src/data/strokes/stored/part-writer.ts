/**
 * Writes a part of a stored data set, as it is converted: a safetensors file whose rows come first and may be larger than
 * the memory. The header is written last, into room that was kept at the start and is filled with spaces.
 */
import { createHash } from 'node:crypto';
// Imported as an object, so that tests can replace its functions.
import fs from 'node:fs/promises';
import { sharedBytes } from '../../../shared-memory.js';
import { UserError } from '../../../user-error.js';
import { checkRowCount } from './moves-codec.js';
import { ROW_BYTES } from './stored-moves.js';

/** Of the header, and of its length. */
const HEADER_ROOM = 2 ** 20;
const LENGTH_BYTES = 8;
const FIRST_COUNT = 2 ** 16;

/** Numbers, of which there are more and more. */
class Growing<T extends Uint32Array | Uint16Array> {
  #values: T;
  length = 0;

  constructor(readonly make: (length: number) => T) {
    this.#values = make(FIRST_COUNT);
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = this.make(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  get values(): T {
    return this.#values.subarray(0, this.length) as T;
  }
}

export const PART_TENSORS = ['rows', 'offsets', 'labels', 'validation'] as const;

export class PartWriter {
  readonly #handle: fs.FileHandle;
  readonly #name: string;
  readonly #offsets = new Growing((length) => new Uint32Array(sharedBytes(4 * length)));
  /** Numbers of classes in the order in which they were found. */
  readonly #labels = new Growing((length) => new Uint16Array(sharedBytes(2 * length)));
  readonly #validation = new Growing((length) => new Uint32Array(length));
  #rows = 0;
  /** Bytes of rows. */
  #written = 0;

  private constructor(handle: fs.FileHandle, name: string) {
    this.#handle = handle;
    this.#name = name;
    this.#offsets.push(0);
  }

  /** @param name of the data set, for messages */
  static async open(path: string, name: string): Promise<PartWriter> {
    return new PartWriter(await fs.open(path, 'wx'), name);
  }

  get count(): number {
    return this.#labels.length;
  }

  /** Notes a drawing whose rows follow in the next `write`. */
  add(rows: number, label: number, isValidation: boolean): void {
    if (isValidation) this.#validation.push(this.count);
    this.#rows += rows;
    checkRowCount(this.#rows, this.#name);
    this.#offsets.push(this.#rows);
    this.#labels.push(label);
  }

  /** Appends rows. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#writeAt(bytes, this.#written);
    this.#written += bytes.length;
  }

  /**
   * Writes the rest, flushes and closes the file.
   * @param labelOf the label of each class, by its number
   */
  async end(labelOf: readonly number[], metadata: Record<string, string>): Promise<void> {
    const labels = this.#labels.values;
    for (let i = 0; i < labels.length; i++) labels[i] = labelOf[labels[i]];
    const tensors = [
      { name: 'offsets', dtype: 'U32', data: this.#offsets.values },
      { name: 'labels', dtype: 'U16', data: labels },
      { name: 'validation', dtype: 'U32', data: this.#validation.values },
    ];
    const rowBytes = this.#rows * ROW_BYTES;
    const header: Record<string, unknown> = {
      rows: { dtype: 'U8', shape: [this.#rows, ROW_BYTES], data_offsets: [0, rowBytes] },
    };
    const hash = createHash('sha256');
    let at = rowBytes;
    for (const { name, dtype, data } of tensors) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      header[name] = { dtype, shape: [data.length], data_offsets: [at, at + bytes.length] };
      hash.update(bytes);
      await this.#writeAt(bytes, at);
      at += bytes.length;
    }
    header.__metadata__ = { ...metadata, checksum: hash.digest('hex') };
    await this.#writeHeader(JSON.stringify(header));
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #writeHeader(text: string): Promise<void> {
    const bytes = new Uint8Array(HEADER_ROOM).fill(0x20);
    const header = new TextEncoder().encode(text);
    if (header.length > HEADER_ROOM - LENGTH_BYTES) {
      throw new UserError(`${this.#name}: the names of its classes are longer than 1 MB; shorten them`);
    }
    new DataView(bytes.buffer).setBigUint64(0, BigInt(HEADER_ROOM - LENGTH_BYTES), true);
    bytes.set(header, LENGTH_BYTES);
    await this.#writeAt(bytes, -HEADER_ROOM);
  }

  /** @param from behind the header */
  async #writeAt(bytes: Uint8Array, from: number): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      at += (await this.#handle.write(bytes, at, bytes.length - at, HEADER_ROOM + from + at)).bytesWritten;
    }
  }
}
