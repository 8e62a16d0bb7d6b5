/**
 * Reads one protobuf message (https://protobuf.dev/programming-guides/encoding/). Nothing is copied: texts, bytes and
 * nested messages are ranges of the file. A length must end within its message, a varint has at most 10 bytes, and the
 * reader calls itself on nested messages only where its caller asks for one, so a file cannot choose the depth.
 */
import { UserError } from '../../../user-error.js';

/** How a value is encoded. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const MAX_VARINT_BYTES = 10;
const FLOAT32_BYTES = 4;

/**
 * @example
 * while (reader.next()) {
 *   if (reader.field === 7) graph = readGraph(reader.message());
 *   else reader.skip();
 * }
 */
export class ProtobufReader {
  #at: number;
  readonly #end: number;
  #wire = 0;
  /** Number of the current field. */
  field = 0;

  /**
   * @param bytes the whole file
   * @param file how messages name the file
   * @param what the message, for error messages: `the graph`
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly file: string,
    readonly what: string,
    start = 0,
    end = bytes.length,
  ) {
    this.#at = start;
    this.#end = end;
  }

  /** Goes to the next field, whose value must then be read or skipped; false at the end of the message. */
  next(): boolean {
    if (this.#at === this.#end) return false;
    const key = this.#varint();
    this.field = Math.floor(key / 8);
    this.#wire = key % 8;
    if (this.field < 1 || this.field >= 2 ** 29) this.fail(`a field has the number ${this.field}`);
    return true;
  }

  skip(): void {
    switch (this.#wire) {
      case WIRE.varint:
        this.#varint();
        break;
      case WIRE.fixed64:
        this.#take(8);
        break;
      case WIRE.fixed32:
        this.#take(4);
        break;
      case WIRE.bytes:
        this.bytesOf();
        break;
      default:
        this.fail(`field ${this.field} has the unknown encoding ${this.#wire}`);
    }
  }

  /** An int64, int32 or enum. Beyond ±2⁵³ the nearest double. */
  whole(): number {
    this.#expect(WIRE.varint);
    return this.#varint();
  }

  /** A float32. */
  float(): number {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset).getFloat32(this.#fixed32(), true);
  }

  /** The 4 bytes of a float32, or all bytes of packed ones. */
  floatBytes(): Uint8Array {
    if (this.#wire === WIRE.bytes) return this.#multiple(FLOAT32_BYTES);
    const at = this.#fixed32();
    return this.bytes.subarray(at, at + FLOAT32_BYTES);
  }

  /** The 8 bytes of a float64, or all bytes of packed ones. */
  doubleBytes(): Uint8Array {
    if (this.#wire === WIRE.bytes) return this.#multiple(8);
    this.#expect(WIRE.fixed64);
    const at = this.#take(8);
    return this.bytes.subarray(at, at + 8);
  }

  /** Appends the values of a repeated field of whole numbers, packed or single. */
  wholesInto(values: number[], most: number): void {
    const end = this.#wire === WIRE.bytes ? this.#lengthEnd() : -1;
    if (end < 0) this.#expect(WIRE.varint);
    do {
      if (end === this.#at) return;
      if (values.length === most) this.fail(`field ${this.field} has more than ${most} numbers`);
      values.push(this.#varint(end < 0 ? this.#end : end));
    } while (end >= 0);
  }

  /** A range of the file. */
  bytesOf(): Uint8Array {
    this.#expect(WIRE.bytes);
    const end = this.#lengthEnd();
    const start = this.#at;
    this.#at = end;
    return this.bytes.subarray(start, end);
  }

  /** @param mostBytes a longer text is refused */
  text(mostBytes: number): string {
    const bytes = this.bytesOf();
    if (bytes.length > mostBytes) {
      this.fail(`field ${this.field} is a text of ${bytes.length} bytes; at most ${mostBytes} are accepted`);
    }
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return this.fail(`field ${this.field} is no valid UTF-8`);
    }
  }

  /** @param what the nested message, for error messages */
  message(what: string): ProtobufReader {
    this.#expect(WIRE.bytes);
    const end = this.#lengthEnd();
    const start = this.#at;
    this.#at = end;
    return new ProtobufReader(this.bytes, this.file, what, start, end);
  }

  /** @throws UserError with the byte of the file */
  fail(problem: string): never {
    throw new UserError(`${this.file}: damaged ONNX file at byte ${this.#at}: ${this.what}: ${problem}`);
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) {
      this.fail(`field ${this.field} has the encoding ${this.#wire}, expected ${wire}`);
    }
  }

  #fixed32(): number {
    this.#expect(WIRE.fixed32);
    return this.#take(FLOAT32_BYTES);
  }

  /** @returns where the bytes begin */
  #take(count: number): number {
    if (count > this.#end - this.#at) {
      this.fail(
        `field ${this.field} needs ${count} bytes, but ${this.#end - this.#at} are left; is it cut short?`,
      );
    }
    this.#at += count;
    return this.#at - count;
  }

  /** Reads a length. @returns where the value ends */
  #lengthEnd(): number {
    const length = this.#varint();
    if (length < 0 || length > this.#end - this.#at) {
      this.fail(
        `field ${this.field} announces ${length} bytes, but ${this.#end - this.#at} are left; is it cut short?`,
      );
    }
    return this.#at + length;
  }

  #multiple(size: number): Uint8Array {
    const bytes = this.bytesOf();
    if (bytes.length % size !== 0) {
      this.fail(`field ${this.field} has ${bytes.length} bytes, which is no multiple of ${size}`);
    }
    return bytes;
  }

  /** A varint of 64 bits as a signed number. */
  #varint(end = this.#end): number {
    let low = 0;
    let high = 0;
    for (let n = 0; n < MAX_VARINT_BYTES; n++) {
      if (this.#at >= end) this.fail('a number is cut short');
      const byte = this.bytes[this.#at++];
      // 7 bits each: the fifth byte is shared by both halves of 32 bits.
      if (n < 4) low |= (byte & 127) << (7 * n);
      else if (n === 4) {
        low |= (byte & 15) << 28;
        high = (byte & 127) >> 4;
      } else high |= (byte & 127) << (7 * n - 32);
      if (byte < 128) return high * 2 ** 32 + (low >>> 0);
    }
    return this.fail(`a number has more than ${MAX_VARINT_BYTES} bytes`);
  }
}
