/**
 * Quotes text from files and folders for error messages. Names in a hostile file may be a megabyte long, or contain
 * control characters for the terminal, so they are cut and escaped.
 */

/** `text` in double quotes, cut after `limit` UTF-16 units, with unprintable characters escaped. */
export function quote(text: string, limit = 80): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return JSON.stringify(shown).replace(/\p{C}/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
}
