/**
 * Where the command line writes. Results go to standard output, everything that passes by to standard error; with
 * `--json` standard output holds one JSON value and nothing else. Colours only where a person sees them.
 */
import pc from 'picocolors';

export { shellQuote } from '../report/commands.js';

/** A stream as process.stdout is one; tests make their own. */
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

/** Colours for a stream: none if it is no terminal or NO_COLOR is set; FORCE_COLOR brings them back. */
export function colorsFor(stream: Output, env: NodeJS.ProcessEnv = process.env): Colors {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '' && env.FORCE_COLOR !== '0';
  return pc.createColors(forced || (stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'));
}

/** Rows as aligned columns, two spaces between them; `right` says which columns hold numbers. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly boolean[] = []): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((text, column) => (right[column] ? text.padStart(widths[column]) : text.padEnd(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Every line that is not empty, two spaces to the right. */
export function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

/** `--json`: the one value on standard output. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out.write(`${JSON.stringify(value, null, 2)}\n`);
}
