/** The lines of a CSV file as a stream, and the cells of a line (RFC 4180, without line breaks in cells). Node.js only. */
import Papa from 'papaparse';
import { readFileInChunks } from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';
import { utf8Text } from '../utf8-text.js';

const CHUNK_BYTES = 2 ** 20;
/** A picture of 2048 × 2048 has 4 million numbers of up to 4 letters. */
const MAX_CSV_LINE_BYTES = 2 ** 24;
const NEW_LINE = 10;

export interface CsvLine {
  /** From 1. */
  number: number;
  text: string;
}

/**
 * Lines that are not empty.
 * @throws UserError if the file cannot be read, is not UTF-8 or is binary, or has a line of more than 16 MB
 */
export async function* csvLines(path: string, signal?: AbortSignal): AsyncGenerator<CsvLine> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  const take = (line: Buffer): CsvLine | null => {
    number++;
    const text = utf8Text(line, `${path}:${number}`).replace(/\r$/, '');
    return text.trim() === '' ? null : { number, text };
  };
  const options = { chunkBytes: CHUNK_BYTES, signal, check: (start: Uint8Array) => checkText(start, path) };
  for await (const chunk of readFileInChunks(path, `the table ${path}`, options)) {
    const bytes =
      rest.length > 0
        ? Buffer.concat([rest, chunk])
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let from = 0;
    for (let end = bytes.indexOf(NEW_LINE); end >= 0; end = bytes.indexOf(NEW_LINE, from)) {
      const line = take(bytes.subarray(from, end));
      if (line) yield line;
      from = end + 1;
    }
    rest = bytes.subarray(from);
    if (rest.length > MAX_CSV_LINE_BYTES) {
      throw new UserError(
        `${path}:${number + 1}: expected a line for each picture, found one of more than ${MAX_CSV_LINE_BYTES} bytes`,
      );
    }
  }
  const last = rest.length > 0 ? take(rest) : null;
  if (last) yield last;
}

function checkText(start: Uint8Array, path: string): void {
  const isUtf16 = (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff);
  if (isUtf16)
    throw new UserError(`${path}: expected a CSV file in UTF-8, found UTF-16; save it as “CSV UTF-8”`);
  if (start.includes(0))
    throw new UserError(`${path}: expected a CSV file, found binary data; check the path`);
}

/** The separator of a file, from its first line: comma, semicolon or tab, whichever is most frequent. */
export function separatorOf(line: string): string {
  const counts = [',', ';', '\t'].map((separator) => ({ separator, count: line.split(separator).length }));
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).separator;
}

/** The cells of a line, without the quotes around them. */
export function cellsOf(line: string, separator: string): string[] {
  if (!line.includes('"')) return line.split(separator);
  return Papa.parse<string[]>(line, { delimiter: separator }).data[0] ?? [];
}
