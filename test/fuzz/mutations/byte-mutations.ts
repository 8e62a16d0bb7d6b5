/** Fast mutations of bytes, for inputs by the million. The same random numbers give the same bytes. */
import type { Random } from '#src/random.js';

/** Numbers at which sizes, offsets and counts go wrong. */
const EDGES = [
  0,
  1,
  2,
  3,
  7,
  8,
  16,
  127,
  128,
  255,
  256,
  4096,
  32767,
  32768,
  65535,
  65536,
  2 ** 24,
  2 ** 31 - 1,
];
const LARGE_EDGES = [2 ** 31, 2 ** 32 - 1, 2 ** 32 - 2, 0x7fff_ffff, 0xffff_0000];

/** Tokens of the formats that are read: JSON, YAML, numbers, HTTP. */
export const TOKENS = [
  ...[
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '-',
    '9',
    '0',
    '\\',
    ' ',
    '\0',
    '\n',
    '\r\n',
    '\t',
    '#',
    '&a',
    '*a',
    '!!x',
  ],
  ...[
    '1e9',
    '1e999',
    '-1',
    '":{}',
    'null',
    'true',
    'NaN',
    '-0',
    '99999999999999999999',
    '0x10',
    '{}',
    '[]',
    '""',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    '\u{1f600}',
    '\ud800',
    '\u0000',
    '\u001b[2J',
    '..',
    '/',
    '%00',
    '%2e%2e/',
  ],
  ...['\ufeff', '\u2028', '---', '...', '.PEN_DOWN', '.SEGMENT', 'eod', '|', '> ', '? '],
];
const ENCODED = TOKENS.map((token) => new TextEncoder().encode(token));

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)];
}

export function chance(random: Random, probability: number): boolean {
  return random.uniform() < probability;
}

/** A whole number, often at an edge. */
export function hostileNumber(random: Random): number {
  switch (random.below(6)) {
    case 0:
      return pick(random, LARGE_EDGES);
    case 1:
      return random.below(65536);
    case 2:
      return Math.max(0, pick(random, EDGES) + random.below(3) - 1);
    default:
      return pick(random, EDGES);
  }
}

/**
 * `bytes` after 1 to 4 mutations: single bytes and bits, numbers of 2 to 8 bytes, tokens, ranges removed, doubled,
 * moved or repeated, the end cut off or prolonged.
 * @param reach mutations inside of the bytes are among the first `reach`
 */
export function mutateBytes(random: Random, bytes: Uint8Array, reach = bytes.length): Uint8Array {
  let file = bytes;
  const count = 1 + Math.min(random.below(4), random.below(4));
  for (let n = 0; n < count; n++) file = mutateOnce(random, file, Math.min(reach, file.length));
  return file;
}

function mutateOnce(random: Random, bytes: Uint8Array, reach: number): Uint8Array {
  const at = random.below(Math.max(1, reach));
  switch (random.below(12)) {
    case 0:
      return overwritten(bytes, at, [random.below(256)]);
    case 1:
      return bytes.length === 0 ? bytes : overwritten(bytes, at, [bytes[at] ^ (1 << random.below(8))]);
    case 2:
      return bytes.length === 0
        ? bytes
        : overwritten(bytes, at, [(bytes[at] + (chance(random, 0.5) ? 1 : 255)) & 255]);
    case 3:
      return overwritten(bytes, at, numberBytes(random));
    case 4:
      return overwritten(bytes, at, pick(random, ENCODED));
    case 5:
      return spliced(bytes, at, 0, pick(random, ENCODED));
    case 6:
      return spliced(bytes, at, lengthOf(random, bytes), []);
    case 7:
      return spliced(bytes, at, 0, bytes.subarray(at, at + lengthOf(random, bytes)));
    case 8: {
      const from = random.below(Math.max(1, reach));
      return overwritten(bytes, at, bytes.slice(from, from + lengthOf(random, bytes)));
    }
    case 9:
      return bytes.slice(0, random.below(bytes.length + 1));
    case 10: {
      const tail = new Uint8Array(1 + random.below(40)).fill(pick(random, [0, 255, 32, 10, 48, 91]));
      return spliced(bytes, bytes.length, 0, tail);
    }
    default: {
      const part = bytes.slice(at, at + 1 + random.below(8));
      const times = 1 + random.below(chance(random, 0.1) ? 2000 : 20);
      const repeated = new Uint8Array(part.length * times);
      for (let n = 0; n < times; n++) repeated.set(part, n * part.length);
      return spliced(bytes, at, 0, repeated);
    }
  }
}

function lengthOf(random: Random, bytes: Uint8Array): number {
  return 1 + random.below(chance(random, 0.2) ? Math.max(1, bytes.length) : 12);
}

/** A number of 2, 4 or 8 bytes, little- or big-endian. */
function numberBytes(random: Random): Uint8Array {
  const bytes = Buffer.alloc(pick(random, [2, 4, 4, 8]));
  const value = hostileNumber(random);
  const little = chance(random, 0.5);
  if (bytes.length === 8) {
    if (little) bytes.writeBigUInt64LE(BigInt(value));
    else bytes.writeBigUInt64BE(BigInt(value));
  } else {
    const fits = bytes.length === 2 ? value % 65536 : value;
    if (little) bytes.writeUIntLE(fits, 0, bytes.length);
    else bytes.writeUIntBE(fits, 0, bytes.length);
  }
  return bytes;
}

function overwritten(bytes: Uint8Array, at: number, values: ArrayLike<number>): Uint8Array {
  const copy = new Uint8Array(Math.max(bytes.length, at + values.length));
  copy.set(bytes);
  copy.set(values, at);
  return copy;
}

/** Replaces `length` bytes. */
export function spliced(
  bytes: Uint8Array,
  at: number,
  length: number,
  values: ArrayLike<number>,
): Uint8Array {
  const after = Math.min(bytes.length, at + length);
  const copy = new Uint8Array(at + values.length + bytes.length - after);
  copy.set(bytes.subarray(0, at));
  copy.set(values, at);
  copy.set(bytes.subarray(after), at + values.length);
  return copy;
}
