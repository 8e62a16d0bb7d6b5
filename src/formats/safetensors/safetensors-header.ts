/**
 * Parses the header of a safetensors file: JSON of one fixed form, `{"name": {"dtype": "F32", "shape": [2, 3],
 * "data_offsets": [0, 24]}, …, "__metadata__": {"key": "text"}}`. JSON.parse is not used, because it accepts duplicate
 * names, parses a million brackets before it returns, and does not report the byte of an error. This parser does not
 * recurse on its input, and it checks the length of every list before the list grows.
 */

import { UserError } from '../../user-error.js';
import { quote } from '../quotation.js';

/** The header's entry for one tensor. `start` and `end` are byte offsets from the end of the header. */
export interface HeaderEntry {
  name: string;
  dtype: string;
  shape: number[];
  start: number;
  end: number;
}

/** Limit for tensors, and for metadata entries. It bounds the memory for a 16 MiB header. A checkpoint has a few dozen. */
export const MAX_NAMES = 65_536;
/** Limit for a tensor's dimensions. Our tensors and those of PyTorch's layers have fewer. */
export const MAX_DIMENSIONS = 16;
/** Name of the metadata in the header. A tensor cannot have this name. */
export const METADATA_NAME = '__metadata__';

/** A name that is refused, because `object['__proto__'] = …` sets the prototype. No safetensors file needs it. */
export const FORBIDDEN_NAME = '__proto__';

const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);
const NUMBER_BYTES = new Set([...'+-.0123456789eE'].map((c) => c.charCodeAt(0)));
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses the header.
 * @param bytes the header's bytes alone
 * @param file how messages name the file
 * @param origin position of the header in the file, for positions in messages
 * @returns tensors in the header's order; offsets and shapes are whole numbers below 2⁵³, not checked further
 * @throws UserError with the byte of the file
 */
export function parseHeader(
  bytes: Uint8Array,
  file: string,
  origin: number,
): { entries: HeaderEntry[]; metadata: Record<string, string> } {
  return new HeaderParser(bytes, file, origin).parse();
}

class HeaderParser {
  #at = 0;
  // ignoreBOM keeps U+FEFF at the start of a name; by default the decoder would remove it.
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(
    readonly bytes: Uint8Array,
    readonly file: string,
    readonly origin: number,
  ) {}

  parse(): { entries: HeaderEntry[]; metadata: Record<string, string> } {
    const entries: HeaderEntry[] = [];
    let metadata: Record<string, string> = {};
    if (this.bytes[0] !== 0x7b) this.#expected("'{' at the start of the header");
    this.#members('the header', (name) => {
      if (name === METADATA_NAME) metadata = this.#metadata();
      else entries.push(this.#entry(name));
    });
    if (this.#peek() !== '') this.#expected("only white space after the header's closing brace");
    return { entries, metadata };
  }

  #metadata(): Record<string, string> {
    const pairs: [string, string][] = [];
    this.#members('the metadata', (key) => {
      pairs.push([key, this.#string(`text for the metadata's ${quote(key)}`)]);
    });
    return Object.fromEntries(pairs);
  }

  #entry(name: string): HeaderEntry {
    const what = `tensor ${quote(name)}`;
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.#members(what, (field) => {
      if (field === 'dtype') dtype = this.#string(`the dtype of ${what}`);
      else if (field === 'shape') shape = this.#wholeNumbers(`shape of ${what}`, MAX_DIMENSIONS);
      else if (field === 'data_offsets') offsets = this.#wholeNumbers(`data_offsets of ${what}`, 2);
      else this.#fail(`${what} has the field ${quote(field)}; only dtype, shape and data_offsets are known`);
    });
    if (dtype === undefined || shape === undefined || offsets === undefined) {
      this.#fail(`${what} needs dtype, shape and data_offsets, and one of them is missing`);
    }
    if (offsets.length !== 2) {
      this.#fail(`data_offsets of ${what} must be two numbers, found ${offsets.length}`);
    }
    return { name, dtype, shape, start: offsets[0], end: offsets[1] };
  }

  /** Parses an object. `value` is called with each name, and must parse the value of that name. */
  #members(what: string, value: (name: string) => void): void {
    this.#expect('{', what);
    const seen = new Set<string>();
    if (this.#accept('}')) return;
    do {
      const name = this.#string(`a name in ${what}`);
      if (seen.has(name)) this.#fail(`${what} has the name ${quote(name)} twice`);
      if (name === FORBIDDEN_NAME) this.#fail(`${what} has the name ${quote(name)}, which is not allowed`);
      seen.add(name);
      if (seen.size > MAX_NAMES) this.#fail(`${what} has more than ${MAX_NAMES} names`);
      this.#expect(':', `the name ${quote(name)}`);
      value(name);
    } while (this.#accept(','));
    this.#expect('}', what);
  }

  #wholeNumbers(what: string, maxLength: number): number[] {
    const numbers: number[] = [];
    this.#expect('[', what);
    if (this.#accept(']')) return numbers;
    do {
      if (numbers.length === maxLength) this.#fail(`${what} has more than ${maxLength} numbers`);
      numbers.push(this.#wholeNumber(what));
    } while (this.#accept(','));
    this.#expect(']', what);
    return numbers;
  }

  #wholeNumber(what: string): number {
    this.#peek();
    const start = this.#at;
    while (NUMBER_BYTES.has(this.bytes[this.#at])) this.#at++;
    if (this.#at === start) this.#expected(`a number in the ${what}`);
    const text = String.fromCharCode(...this.bytes.subarray(start, Math.min(this.#at, start + 40)));
    if (!/^(0|[1-9][0-9]*)$/.test(text) || !Number.isSafeInteger(Number(text))) {
      this.#at = start;
      this.#fail(`the ${what} must hold whole numbers from 0 to 2^53 - 1, found ${text}`);
    }
    return Number(text);
  }

  #string(what: string): string {
    if (this.#peek() !== '"') this.#expected(what);
    const start = this.#at + 1;
    let end = start;
    while (end < this.bytes.length && this.bytes[end] !== QUOTE) end += this.bytes[end] === BACKSLASH ? 2 : 1;
    if (end >= this.bytes.length) this.#fail(`${what}: the closing quote is missing`);
    let text: string;
    try {
      text = this.#decoder.decode(this.bytes.subarray(start, end));
    } catch {
      this.#fail(`${what} is not valid UTF-8`);
    }
    try {
      // JSON.parse decodes escapes and refuses control characters.
      text = JSON.parse(`"${text}"`);
    } catch {
      this.#fail(`${what} has an escape or a control character that JSON does not allow`);
    }
    // With the u flag, \p{Cs} matches an unpaired surrogate, which UTF-8 cannot encode.
    if (/\p{Cs}/u.test(text)) this.#fail(`${what} has an unpaired surrogate`);
    this.#at = end + 1;
    return text;
  }

  /** The next character after white space; '' at the end. */
  #peek(): string {
    while (SPACES.has(this.bytes[this.#at])) this.#at++;
    return this.#at < this.bytes.length ? String.fromCharCode(this.bytes[this.#at]) : '';
  }

  #accept(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string, where: string): void {
    if (!this.#accept(character)) this.#expected(`'${character}' in ${where}`);
  }

  #expected(what: string): never {
    const found = this.#peek();
    this.#fail(`expected ${what}, found ${found === '' ? 'the end of the header' : quote(found)}`);
  }

  #fail(problem: string): never {
    throw new UserError(
      `${this.file}: damaged safetensors header at byte ${this.origin + this.#at}: ${problem}`,
    );
  }
}
