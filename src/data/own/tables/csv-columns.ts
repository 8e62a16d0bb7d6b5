/**
 * The columns of a CSV file with pictures: which is the label, which are pixels, and in which order. What the names do not
 * say is not guessed: a wrong guess would train on scrambled pictures without a word.
 */
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import { cellsOf, separatorOf } from './csv-lines.js';
import { type PictureShape, squareShape } from './picture-shape.js';

export interface CsvColumns {
  separator: string;
  /** Cells of a line. */
  columns: number;
  labelColumn: number;
  /** Columns of the pixels, in the pixels' order. */
  pixelColumns: number[];
  shape: PictureShape;
  isHeader: boolean;
}

const LABEL_NAMES = new Set(['label', 'labels', 'class', 'target', 'category', 'digit', 'y']);
const FILE_NAMES = new Set(['file_name', 'filename', 'file', 'path', 'image']);
/** Columns of numbers of lines, which programs add. */
const IGNORED = new Set(['', 'id', 'index', 'unnamed: 0']);
const NAMED = 3;
/** `pixel0`, `p12`, `0` */
const NUMBERED = /^(\D*)(\d{1,9})$/;
/** Row and column: `1x1` to `28x28`. */
const ROW_BY_COLUMN = /^(\d{1,6})x(\d{1,6})$/;

export function isNumber(cell: string): boolean {
  return cell.trim() !== '' && !Number.isNaN(Number(cell));
}

/**
 * Reads the first line, of names or of a picture.
 * @throws UserError if there is no label, if the pixels make no square, and for numbered columns of which one is missing
 */
export function columnsOf(line: string, path: string): CsvColumns {
  const separator = separatorOf(line);
  const names = cellsOf(line, separator).map((cell) => cell.trim().toLowerCase());
  const words = names.filter((name) => !isNumber(name)).length;
  const isHeader = names.some((name) => LABEL_NAMES.has(name)) || 2 * words > names.length;
  const labels = isHeader ? names.flatMap((name, n) => (LABEL_NAMES.has(name) ? [n] : [])) : [0];
  const shown = quote(shownNames(names), 100);
  if (isHeader && names.some((name) => FILE_NAMES.has(name))) {
    throw new UserError(
      `${path}: its columns ${shown} name files; put it beside the pictures as metadata.csv, with the columns file_name and label, ` +
        'and give the folder',
    );
  }
  if (labels.length === 0) {
    throw new UserError(
      `${path}: expected a column label, found ${shown}; rename the column with the classes to label; the test.csv of a competition ` +
        'has none: use its train.csv',
    );
  }
  if (labels.length > 1) {
    const both = labels.map((n) => quote(names[n])).join(' and ');
    throw new UserError(`${path}: the columns ${both} could all be the label; keep one of them`);
  }
  const [labelColumn] = labels;
  const pixels = names.flatMap((name, n) =>
    n === labelColumn || (isHeader && IGNORED.has(name)) ? [] : [n],
  );
  const shape = squareShape(pixels.length, path);
  const pixelColumns = isHeader ? inOrder(pixels, names, path) : pixels;
  return { separator, columns: names.length, labelColumn, pixelColumns, shape, isHeader };
}

/** The first names and the last: `pixel0, pixel1, pixel2, …, kind`. */
function shownNames(names: readonly string[]): string {
  if (names.length <= NAMED + 1) return names.join(', ');
  return `${names.slice(0, NAMED).join(', ')}, …, ${names[names.length - 1]}`;
}

/** Columns of pixels whose names are numbered, by their numbers; others as they are. */
function inOrder(columns: readonly number[], names: readonly string[], path: string): number[] {
  const places = columns.map((column) => ROW_BY_COLUMN.exec(names[column]));
  if (places.every((place) => place !== null)) {
    const keyed = columns.map((column, n) => ({
      column,
      row: Number(places[n]?.[1]),
      across: Number(places[n]?.[2]),
    }));
    return keyed.sort((a, b) => a.row - b.row || a.across - b.across).map(({ column }) => column);
  }
  const numbered = columns.map((column) => NUMBERED.exec(names[column]));
  const prefix = numbered[0]?.[1];
  if (!numbered.every((found) => found !== null && found[1] === prefix)) return [...columns];
  const keyed = columns
    .map((column, n) => ({ column, number: Number(numbered[n]?.[2]) }))
    .sort((a, b) => a.number - b.number);
  const first = keyed[0].number;
  const wrong = keyed.findIndex(({ number }, n) => number !== first + n);
  if (wrong >= 0) {
    const expected = `${prefix}${first + wrong}`;
    const isTwice = keyed[wrong].number < first + wrong;
    throw new UserError(
      `${path}: the columns of pixels are numbered, but ${quote(isTwice ? names[keyed[wrong].column] : expected)} is ` +
        `${isTwice ? 'there twice' : 'missing'}; write all pixels, or give the columns other names`,
    );
  }
  return keyed.map(({ column }) => column);
}
