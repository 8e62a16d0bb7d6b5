/** Mutations of the bytes of a valid file, for fuzzing its reader. */

import fc from 'fast-check';

export interface Mutation {
  kind: 'byte' | 'text' | 'cut' | 'double' | 'truncate' | 'prolong';
  at: number;
  length: number;
  byte: number;
  text: string;
}

/** Overwrites bytes, removes or duplicates a range, truncates or extends the file. */
export const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('byte', 'text', 'cut', 'double', 'truncate', 'prolong'),
  at: fc.nat({ max: 4000 }),
  length: fc.nat({ max: 12 }),
  byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 255)),
  text: fc.constantFrom(
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
    '\u0000',
    '1e9',
    '":{}',
    'null',
  ),
});

/** The file after a mutation. Changes inside the file are in its first `reach` bytes. */
export function mutate(
  file: Uint8Array,
  reach: number,
  { kind, at, length, byte, text }: Mutation,
): Uint8Array {
  const place = at % Math.max(1, Math.min(reach, file.length));
  const head = [...file.subarray(0, place)];
  const from = (start: number) => [...file.subarray(start)];
  const overwritten = kind === 'text' ? [...new TextEncoder().encode(text)] : [byte];
  switch (kind) {
    case 'truncate':
      return file.slice(0, at % (file.length + 1));
    case 'prolong':
      return Uint8Array.from([...file, ...new Array(length + 1).fill(byte)]);
    case 'cut':
      return Uint8Array.from([...head, ...from(place + length)]);
    case 'double':
      return Uint8Array.from([...head, ...file.subarray(place, place + length), ...from(place)]);
    default:
      return Uint8Array.from([...head, ...overwritten, ...from(place + overwritten.length)]);
  }
}
