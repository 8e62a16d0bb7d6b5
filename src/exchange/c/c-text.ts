/** The words of C that an export writes: names, texts and numbers from a model as C tokens. */

/** Longer names would not be told apart: C99 promises 63 characters of an identifier. */
const MAX_NAME_CHARACTERS = 32;

/** Longest text in quotes that C99 promises to compile, in bytes. */
export const MAX_TEXT_BYTES = 4095;

/**
 * The name of a model as a C identifier in lower case: `My run-2` → `my_run_2`. Every other character than letters and
 * digits of ASCII becomes `_`, and rows of `_` one: two belong to the compiler.
 */
export function identifierOf(name: string): string {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, MAX_NAME_CHARACTERS)
    .replace(/^_+|_+$/g, '');
  if (words === '') return 'model';
  return /^[0-9]/.test(words) ? `model_${words}` : words;
}

/**
 * A text as a C string in quotes, in UTF-8. Other bytes than printable ASCII are octal escapes of three digits, which
 * end there whatever follows (hexadecimal escapes do not). `?` is escaped, because `??/` is a trigraph.
 */
export function stringLiteral(text: string): string {
  let literal = '';
  for (const byte of new TextEncoder().encode(text)) {
    const character = String.fromCharCode(byte);
    if (/["\\?]/.test(character)) literal += `\\${character}`;
    else if (byte >= 0x20 && byte < 0x7f) literal += character;
    else literal += `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return `"${literal}"`;
}

/** The shortest decimal that a compiler reads as this float32, such as `0.5f`. */
export function floatLiteral(value: number): string {
  const float = Math.fround(value);
  let digits = 1;
  while (Math.fround(Number(float.toPrecision(digits))) !== float) digits++;
  const text = String(Number(float.toPrecision(digits)));
  return /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
}

/** Fills in the model's name: templates say `name_step`, `NAME_CLASSES`, `NAME` and `-DNAME_MAIN`. */
export function withName(template: string, identifier: string): string {
  return template
    .replace(/\bname_/g, `${identifier}_`)
    .replace(/(\b|-D)NAME_/g, `$1${identifier.toUpperCase()}_`)
    .replace(/\bNAME\b/g, identifier);
}
