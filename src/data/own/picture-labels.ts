/** Reads tables of labels beside pictures: metadata.csv and metadata.jsonl, as Hugging Face's imagefolder has them. */
import { posix } from 'node:path';
import { isPlainObject, parseJson } from '../../formats/json.js';
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import { type OwnPart, partNamed } from './own-picture.js';
import { utf8Text } from './utf8-text.js';

/** What a table says of a picture. */
export interface Label {
  label: string;
  part: OwnPart | null;
  /** `FILE:LINE` of the table. */
  where: string;
}

/** Labels by the paths of pictures. */
export type Labels = ReadonlyMap<string, Label>;

const TABLE_FILE = /^metadata\.(csv|jsonl)$/i;
const FILE_COLUMNS = ['file_name', 'filename', 'file', 'path', 'image'];
const LABEL_COLUMNS = ['label', 'class', 'category'];
const PART_COLUMNS = ['split', 'part'];
/** Letters of a label. */
const MAX_LABEL = 200;

/** Whether a file holds labels of the pictures beside it and below. */
export function isLabelTable(path: string): boolean {
  return TABLE_FILE.test(posix.basename(path));
}

/** A row of a table: columns by name, in small letters. */
interface Row {
  where: string;
  values: Record<string, unknown>;
}

/**
 * Reads one table.
 * @param path of the table in its tree
 * @param shown how messages name the table
 * @param labels to which the table's labels are added
 * @throws UserError naming file and line where the table is damaged, not UTF-8, or lacks a column
 */
export async function readLabelTable(
  bytes: Uint8Array,
  path: string,
  shown: string,
  labels: Map<string, Label>,
): Promise<void> {
  const text = utf8Text(bytes, shown);
  const rows = /csv$/i.test(path) ? await csvRows(text, shown) : jsonRows(text, shown);
  const folder = posix.dirname(path);
  for (const { where, values } of rows) {
    const file = textIn(values, FILE_COLUMNS);
    const label = textIn(values, LABEL_COLUMNS);
    if (file === undefined || label === undefined) {
      throw new UserError(
        `${where}: expected the columns file_name and label, found ${quote(Object.keys(values).join(', '))}`,
      );
    }
    if (label.length > MAX_LABEL) {
      throw new UserError(`${where}: the label ${quote(label)} has more than ${MAX_LABEL} letters`);
    }
    const part = partNamed(textIn(values, PART_COLUMNS) ?? '') ?? null;
    labels.set(posix.join(folder, file.replaceAll('\\', '/')), { label, part, where });
  }
}

async function csvRows(text: string, shown: string): Promise<Row[]> {
  const { default: Papa } = await import('papaparse');
  const { data, errors } = Papa.parse<string[]>(text, { skipEmptyLines: 'greedy' });
  const [error] = errors.filter(({ type }) => type === 'Quotes');
  if (error) throw new UserError(`${shown}:${(error.row ?? 0) + 1}: ${error.message}`);
  const [header = [], ...lines] = data;
  const names = header.map((name) => name.trim().toLowerCase());
  if (lines.length === 0)
    throw new UserError(`${shown}: expected a line of column names and a line for each picture`);
  return lines.map((cells, n) => ({
    where: `${shown}:${n + 2}`,
    values: Object.fromEntries(names.map((name, k) => [name, cells[k]?.trim() ?? ''])),
  }));
}

function jsonRows(text: string, shown: string): Row[] {
  return text.split('\n').flatMap((line, n) => {
    if (line.trim() === '') return [];
    const where = `${shown}:${n + 1}`;
    const value = parseJson(line, where);
    if (!isPlainObject(value))
      throw new UserError(`${where}: expected an object with "file_name" and "label"`);
    return [
      {
        where,
        values: Object.fromEntries(Object.entries(value).map(([key, each]) => [key.toLowerCase(), each])),
      },
    ];
  });
}

function textIn(values: Record<string, unknown>, columns: readonly string[]): string | undefined {
  for (const column of columns) {
    const value = Object.hasOwn(values, column) ? values[column] : undefined;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (typeof value === 'string') return value;
  }
  return undefined;
}
