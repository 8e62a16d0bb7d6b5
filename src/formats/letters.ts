/**
 * Bytes as text, for files that must be text: 15 bits a letter, so a UTF-16 file has 16/15 of the size of the bytes. The
 * letters are U+3400 to U+B3FF: no control characters, no surrogates, nothing that HTML treats specially.
 */
import { UserError } from '../user-error.js';

const BITS = 15;
const FIRST = 0x3400;
/** Letters at the start that hold the number of bytes, low bits first. */
const COUNT_LETTERS = 2;
/** More letters would not fit into a string of V8, whose limit is 2^29. */
const MAX_BYTES = 2 ** 29;
/** Arguments of one call of String.fromCharCode. */
const LETTERS_A_CALL = 8192;

/** @throws UserError for more than 512 MiB */
export function bytesToLetters(bytes: Uint8Array): string {
  const { length } = bytes;
  if (length > MAX_BYTES) {
    throw new UserError(`letters: ${length} bytes; at most ${MAX_BYTES} can be written as text`);
  }
  const letters = new Uint16Array(COUNT_LETTERS + Math.ceil((8 * length) / BITS));
  letters[0] = FIRST + (length % 2 ** BITS);
  letters[1] = FIRST + Math.floor(length / 2 ** BITS);
  let at = COUNT_LETTERS;
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits |= byte << count;
    count += 8;
    if (count >= BITS) {
      letters[at++] = FIRST + (bits & (2 ** BITS - 1));
      bits >>= BITS;
      count -= BITS;
    }
  }
  if (count > 0) letters[at] = FIRST + bits;
  let text = '';
  for (let n = 0; n < letters.length; n += LETTERS_A_CALL) {
    text += String.fromCharCode(...letters.subarray(n, n + LETTERS_A_CALL));
  }
  return text;
}

/**
 * The bytes that bytesToLetters wrote.
 * @throws UserError for a letter out of range, and for a text that is too short or too long
 */
export function lettersToBytes(text: string): Uint8Array<ArrayBuffer> {
  const letterAt = (n: number) => {
    const letter = text.charCodeAt(n) - FIRST;
    if (letter >= 0 && letter < 2 ** BITS) return letter;
    throw new UserError(`letters: the text is damaged at letter ${n} of ${text.length}`);
  };
  const length = letterAt(0) + letterAt(1) * 2 ** BITS;
  const expected = COUNT_LETTERS + Math.ceil((8 * length) / BITS);
  if (text.length !== expected) {
    throw new UserError(`letters: expected ${expected} letters for ${length} bytes, found ${text.length}`);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  let bits = 0;
  let count = 0;
  for (let n = COUNT_LETTERS; n < text.length; n++) {
    bits |= letterAt(n) << count;
    for (count += BITS; count >= 8 && at < length; count -= 8) {
      bytes[at++] = bits & 255;
      bits >>= 8;
    }
  }
  return bytes;
}
