/**
 * Output of the command line. Results go to standard output, progress and notices to standard error. With `--json`,
 * standard output holds exactly one JSON value. Colours are used on a terminal only.
 */
import pc from 'picocolors';

export { shellQuote } from '../../report/commands.js';

/** The part of process.stdout that is used here, so that tests can replace it. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}
export type Colors = ReturnType<typeof pc.createColors>;

export interface Terminal {
  out: Output;
  err: Output;
}

/** Colours of a stream: only on a terminal and without NO_COLOR, or with FORCE_COLOR. */
export function colorsFor(stream: Output, env: NodeJS.ProcessEnv = process.env): Colors {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '' && env.FORCE_COLOR !== '0';
  return pc.createColors(forced || (stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'));
}

/** Aligns columns, with two spaces between them. Columns with `right[column]` are aligned to the right. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly boolean[] = []): string {
  // Not Math.max(...): a list of some hundred thousand arguments overflows the stack.
  const widths = rows[0].map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column].length), 0),
  );
  return rows
    .map((row) =>
      row
        .map((text, column) => (right[column] ? text.padStart(widths[column]) : text.padEnd(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Indents every line that is not empty by two spaces. */
export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

/** Characters that JSON.stringify leaves as they are, and terminals obey or hide. */
const UNSEEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Prints the JSON value of `--json` on standard output. Its text has no characters that a terminal obeys. */
export function printJson(terminal: Terminal, value: unknown): void {
  const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  terminal.out.write(`${JSON.stringify(value, null, 2).replace(UNSEEN, escaped)}\n`);
}
