/**
 * Writes messages of protocol buffers (https://protobuf.dev/programming-guides/encoding/), as far as ONNX and TensorBoard
 * need them: numbers, texts, bytes and messages within messages.
 */

const utf8 = new TextEncoder();

/** How a field's value is encoded; the lowest three bits of its tag. */
const WIRE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** One message. Fields are written in the order of the calls; repeated fields by repeated calls. */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** @param value from 0 to 2⁵³ − 1; for int32, int64 and enums */
  int(field: number, value: number): this {
    return this.#append(varint(field * 8 + WIRE.varint)).#append(varint(value));
  }

  /** A float32. */
  float(field: number, value: number): this {
    return this.#append(varint(field * 8 + WIRE.fixed32)).#append(bytesOf(Float32Array.of(value)));
  }

  /** A float64. */
  double(field: number, value: number): this {
    return this.#append(varint(field * 8 + WIRE.fixed64)).#append(bytesOf(Float64Array.of(value)));
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  /** @param value not copied before `finish` */
  bytes(field: number, value: Uint8Array): this {
    return this.#lengthDelimited(field, value.length).#append(value);
  }

  /** @param value takes no more fields from now on */
  message(field: number, value: ProtobufWriter): this {
    this.#lengthDelimited(field, value.#length);
    for (const part of value.#parts) this.#append(part);
    return this;
  }

  /** The bytes of the message, as a copy. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #lengthDelimited(field: number, length: number): this {
    return this.#append(varint(field * 8 + WIRE.lengthDelimited)).#append(varint(length));
  }

  #append(part: Uint8Array): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }
}

/** Seven bits a byte, the lowest first; the top bit says that another byte follows. */
function varint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`protobuf: expected a whole number from 0, got ${value}`);
  }
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Every machine that runs JavaScript is little-endian, as protocol buffers are. */
function bytesOf(value: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(value.buffer);
}
