/** Takes protobuf messages apart and puts them together again, so that a mutated field leaves all lengths true. */

/** A field: its number, its encoding, and its value as bytes; `payload` is without the length. */
export interface Field {
  number: number;
  wire: number;
  /** Of fields with a length: a text, bytes, a nested message; else null. */
  payload: Uint8Array | null;
  /** Of other fields: the value as it is in the file. */
  value: Uint8Array;
}

const EMPTY = new Uint8Array();

/** @returns null if the bytes are no message */
export function fieldsOf(message: Uint8Array): Field[] | null {
  const fields: Field[] = [];
  let at = 0;
  const varintEnd = (start: number) => {
    let end = start;
    while (end < message.length && message[end] >= 128) end++;
    return end + 1;
  };
  while (at < message.length) {
    const keyEnd = varintEnd(at);
    const key = numberOf(message.subarray(at, keyEnd));
    const [number, wire] = [Math.floor(key / 8), key % 8];
    at = keyEnd;
    let payload: Uint8Array | null = null;
    let end = at;
    if (wire === 0) end = varintEnd(at);
    else if (wire === 1) end = at + 8;
    else if (wire === 5) end = at + 4;
    else if (wire === 2) {
      const start = varintEnd(at);
      end = start + numberOf(message.subarray(at, start));
      payload = message.subarray(start, end);
    } else return null;
    if (!(end <= message.length) || number < 1) return null;
    fields.push({ number, wire, payload, value: payload === null ? message.subarray(at, end) : EMPTY });
    at = end;
  }
  return fields;
}

export function fieldBytes({ number, wire, payload, value }: Field): Uint8Array {
  const key = varint(number * 8 + wire);
  return new Uint8Array(
    Buffer.concat(payload === null ? [key, value] : [key, varint(payload.length), payload]),
  );
}

export function joinedFields(fields: readonly Field[]): Uint8Array {
  return new Uint8Array(Buffer.concat(fields.map(fieldBytes)));
}

function numberOf(bytes: Uint8Array): number {
  return bytes.reduceRight((number, byte) => number * 128 + (byte & 127), 0);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
