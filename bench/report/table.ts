/** Formats Markdown tables, with padded columns for the terminal, and figures. */

export interface Table {
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

/** Shown for a figure that was not measured. */
export const NOTHING = '–';

/** A Markdown table with padded columns. The first column is aligned to the left, the others to the right. */
export function markdown({ header, rows }: Table): string {
  const widths = header.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

/** Three significant digits, or all digits of the integer part: `4,476`, `93.1`, `0.187`. */
export function number(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return NOTHING;
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `1,024` */
export function whole(value: number): string {
  return value.toLocaleString('en-US');
}

/** `3.62 s`, `28.6 ms`, `41.0 µs`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NOTHING;
  if (seconds >= 1) return `${number(seconds)} s`;
  return seconds >= 1e-3 ? `${number(seconds * 1e3)} ms` : `${number(seconds * 1e6)} µs`;
}

/** `91 %` of 0.912. */
export function percent(share: number | null): string {
  return share === null || !Number.isFinite(share) ? NOTHING : `${Math.round(100 * share)} %`;
}
