/**
 * How text from a file or a folder is shown in an error message. Names in a hostile file may be a megabyte long or
 * hold control characters that repaint a terminal, so they are cut and escaped.
 */

/** `text` in double quotes, at most `limit` characters of it, everything that does not print escaped. */
export function quote(text: string, limit = 80): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return JSON.stringify(shown).replace(/\p{C}/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
}
