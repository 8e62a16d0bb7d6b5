/**
 * Pictures in CSV files, a line each: a label and the pixels, as Kaggle's MNIST (label,pixel0,…,pixel783). Lines are read
 * as a stream. Node.js only.
 */
import { basename } from 'node:path';
import { quote } from '../../../formats/quotation.js';
import { UserError } from '../../../user-error.js';
import type { LeaveOut, OwnPart, OwnPicture, OwnSource } from '../own-picture.js';
import { type CsvColumns, columnsOf, isNumber } from './csv-columns.js';
import { cellsOf, csvLines } from './csv-lines.js';
import { LabelPlace } from './label-place.js';
import { labelOfNumber, PixelRange, SAMPLE_PICTURES, toPixels } from './pixel-scale.js';

export interface CsvFile {
  path: string;
  part: OwnPart | null;
}

/** How the lines of a file are read. */
interface CsvLayout extends CsvColumns {
  /** Number of the first line with a picture. */
  firstLine: number;
  factor: number;
}

/**
 * The pictures of CSV files, one file after the other. Of several files, those without labels are left out.
 * @throws UserError if no file has labels and pixels of square pictures
 */
export async function csvSource(files: readonly CsvFile[], name: string): Promise<OwnSource> {
  const readable: { file: CsvFile; layout: CsvLayout }[] = [];
  const others: { file: CsvFile; error: UserError }[] = [];
  for (const file of files) {
    try {
      readable.push({ file, layout: await layoutOf(file.path) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      others.push({ file, error });
    }
  }
  if (readable.length === 0) throw others[0].error;
  async function* pictures(signal: AbortSignal | undefined, leaveOut: LeaveOut): AsyncGenerator<OwnPicture> {
    for (const { file, error } of others) leaveOut(file.path, error.message.replace(`${file.path}: `, ''));
    for (const { file, layout } of readable) yield* picturesOf(file, layout, signal, leaveOut);
  }
  return { name, pictures, total: null };
}

async function* picturesOf(
  { path, part }: CsvFile,
  layout: CsvLayout,
  signal: AbortSignal | undefined,
  leaveOut: LeaveOut,
): AsyncGenerator<OwnPicture> {
  const { shape, factor, firstLine } = layout;
  const { width, height, channels } = shape;
  const values = new Float64Array(layout.pixelColumns.length);
  for await (const { number, text } of csvLines(path, signal)) {
    if (number < firstLine) continue;
    const where = `${path}:${number}`;
    const row = rowOf(cellsOf(text, layout.separator), layout, values);
    const pixels = new Uint8Array(values.length);
    const problem = typeof row === 'string' ? row : toPixels(values, factor, pixels);
    if (typeof row === 'string' || problem !== null) leaveOut(where, problem as string);
    else yield { label: row.label, part, where, width, height, channels, pixels };
  }
}

/** Reads the cells of a line into `values`. @returns the label, or what is wrong: the end of a sentence */
function rowOf(
  cells: readonly string[],
  layout: CsvLayout,
  values: Float64Array,
): { label: string } | string {
  if (cells.length !== layout.columns) return `it has ${cells.length} columns, not ${layout.columns}`;
  for (let i = 0; i < values.length; i++) {
    const cell = cells[layout.pixelColumns[i]];
    values[i] = Number(cell);
    if (Number.isNaN(values[i]) || cell.trim() === '')
      return `pixel ${i + 1} is ${quote(cell, 20)}, no number`;
  }
  const label = cells[layout.labelColumn].trim();
  return { label: isNumber(label) ? labelOfNumber(Number(label)) : label };
}

/** @throws UserError if the file has no labels, no pictures, or no squares */
async function layoutOf(path: string): Promise<CsvLayout> {
  let layout: CsvLayout | null = null;
  const range = new PixelRange();
  const place = new LabelPlace();
  let pictures = 0;
  let values = new Float64Array(0);
  let problem = '';
  for await (const { number, text } of csvLines(path)) {
    if (layout === null) {
      const columns = columnsOf(text, path);
      layout = { ...columns, firstLine: columns.isHeader ? number + 1 : number, factor: 1 };
      values = new Float64Array(layout.pixelColumns.length);
      if (number < layout.firstLine) continue;
    }
    const cells = cellsOf(text, layout.separator);
    if (!layout.isHeader && cells.length === layout.columns) place.add(cells);
    const row = rowOf(cells, layout, values);
    if (typeof row === 'string') problem ||= `${path}:${number}: ${row}`;
    else {
      range.add(values);
      pictures++;
    }
    if (pictures === SAMPLE_PICTURES) break;
  }
  if (layout !== null && !layout.isHeader) place.check(path);
  if (layout === null || pictures === 0) {
    throw new UserError(
      `${path}: expected a line for each picture, as label,pixel0,pixel1,…; found ${problem ? `none that can be read (${problem})` : 'none'}`,
    );
  }
  return { ...layout, factor: range.factor(path) };
}

/** The data set's name, from a file's. */
export function tableName(path: string): string {
  return basename(path).replace(/\.[a-z]+$/i, '');
}
