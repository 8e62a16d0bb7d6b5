/**
 * Quotes text from files, folders and arguments for messages. Names in a hostile file may be a megabyte long, or contain
 * control characters for the terminal, so they are cut and escaped.
 */

/** Control characters, unpaired surrogates, invisible and undefined characters, and line separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `text` in double quotes, cut after `limit` UTF-16 units, with unprintable characters escaped. */
export function quote(text: string, limit = 80): string {
  const shown = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return inOneLine(JSON.stringify(shown));
}

/** The text in one line, with unprintable characters as `\n` or `\u{1b}`: no escape sequence reaches a terminal. */
export function inOneLine(text: string): string {
  return text.replace(UNPRINTABLE, (c) => SHORT_ESCAPES[c] ?? `\\u{${c.codePointAt(0)?.toString(16)}}`);
}
