/** Opens tables of pictures: CSV, arrays of NumPy, Parquet; a file, or a folder with several. Node.js only. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { lookAt } from '../../../formats/file-errors.js';
import { UserError } from '../../../user-error.js';
import { meaningOf } from '../name-words.js';
import { type OwnSource, partNamed } from '../own-picture.js';
import { isLabelTable } from '../picture-labels.js';
import { isLeftBehind, isPictureFile } from '../trees/picture-tree.js';
import { npyFile, npzFile } from './array-files.js';
import { type ArrayPair, arraySource, type NamedArray, pairArrays } from './array-pictures.js';
import { csvSource } from './csv-pictures.js';
import { type DecodePicture, parquetSource } from './parquet-pictures.js';

type TableType = 'csv' | 'npy' | 'npz' | 'parquet';

const ENDINGS: Readonly<Record<string, TableType>> = {
  '.csv': 'csv',
  '.tsv': 'csv',
  '.npy': 'npy',
  '.npz': 'npz',
  '.parquet': 'parquet',
};
const IDX_FILE = /idx[134]-ubyte/i;
const MAX_TABLES = 10_000;

/** The type of table that a name says; null for another file. */
export function tableType(name: string): TableType | null {
  return isLabelTable(name) ? null : (ENDINGS[extname(name).toLowerCase()] ?? null);
}

/**
 * The pictures in a table, or in the tables of a folder.
 * @param decode for pictures in Parquet files
 * @returns null for another file, and for a folder without tables
 * @throws UserError if the tables cannot be read
 */
export async function openTable(path: string, decode: DecodePicture): Promise<OwnSource | null> {
  if (lookAt(path) === 'folder') return openFolder(path, decode);
  const type = tableType(path);
  const name = basename(path, extname(path));
  switch (type) {
    case null:
      return null;
    case 'csv':
      return csvSource([{ path, part: null }], name);
    case 'parquet':
      return parquetSource([{ path, part: null }], name, decode);
    case 'npz': {
      const arrays = await npzFile(path);
      // A file with one array has its partner in another file.
      if (arrays.length !== 1) return arraySource(pairArrays(arrays, path), name);
      return openPartner(path, arrays[0]);
    }
    case 'npy':
      return openPartner(path, await npyFile(path));
  }
}

/**
 * A lone array of pictures, with the array of labels beside it. Files beside it that cannot be read are named if their
 * names say that they are needed, or if the labels are found nowhere else.
 */
async function openPartner(path: string, array: NamedArray): Promise<OwnSource> {
  const { part } = meaningOf(array.name);
  const arrays = [array];
  const problems: string[] = [];
  for (const file of await arraysBeside(path)) {
    const meaning = meaningOf(basename(file, extname(file)));
    try {
      arrays.push(...(await arraysOf([file])).filter(({ name }) => meaningOf(name).part === part));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (meaning.role !== null && meaning.part === part) throw besides(path, error);
      problems.push(error.message);
    }
  }
  let pairs: ArrayPair[];
  try {
    pairs = pairArrays(arrays, path);
  } catch (error) {
    if (!(error instanceof UserError) || problems.length === 0) throw error;
    throw new UserError(`${error.message}; a file beside it cannot be read: ${problems[0]}`);
  }
  return arraySource(
    pairs.map((pair) => ({ ...pair, part: null })),
    basename(path, extname(path)),
  );
}

/** Paths of the files beside a file of arrays that may be opened with it; none for another file. */
export async function arraysBeside(path: string): Promise<string[]> {
  const type = tableType(path);
  if (type !== 'npy' && type !== 'npz') return [];
  const beside = await filesIn(dirname(path));
  return beside.filter((file) => tableType(file) === type && basename(file) !== basename(path));
}

/** The error of a file that is needed for another. */
function besides(path: string, error: UserError): UserError {
  return new UserError(`${path} needs the array beside it, which cannot be read: ${error.message}`);
}

async function openFolder(folder: string, decode: DecodePicture): Promise<OwnSource | null> {
  const files = await tablesIn(folder);
  const name = basename(folder);
  const ofType = (...types: TableType[]) =>
    files.filter((file) => types.includes(tableType(file) as TableType));
  const [parquet, arrays, csv] = [ofType('parquet'), ofType('npy', 'npz'), ofType('csv')];
  const withPart = (path: string) => ({ path, part: partOf(folder, path) });
  if (parquet.length > 0) return parquetSource(parquet.map(withPart), name, decode);
  if (arrays.length > 0) return arraySource(pairArrays(await arraysOf(arrays), folder), name);
  return csv.length > 0 ? csvSource(csv.map(withPart), name) : null;
}

/** The part that the name of a file, or of its folder, says. */
function partOf(folder: string, path: string) {
  const own = meaningOf(basename(path)).part;
  return own ?? (dirname(path) === folder ? null : meaningOf(basename(dirname(path))).part);
}

async function arraysOf(files: readonly string[]): Promise<NamedArray[]> {
  const arrays: NamedArray[] = [];
  for (const file of files) {
    if (tableType(file) === 'npy') arrays.push(await npyFile(file));
    else arrays.push(...(await npzFile(file)));
  }
  return arrays;
}

/**
 * Paths of the tables in a folder; of Parquet files also those in its folders, if it has no tables itself. IDX files and
 * pictures take precedence; beside folders, which may be classes, CSV files are no tables of pictures.
 * @throws UserError if there are too many
 */
async function tablesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  if (entries.some(({ name }) => IDX_FILE.test(name) || isPictureFile(name) || isLabelTable(name))) return [];
  const hasFolders = entries.some((entry) => entry.isDirectory() && !isLeftBehind(entry.name));
  const tables = (await filesIn(folder)).filter((file) => {
    const type = tableType(file);
    return type !== null && (type !== 'csv' || !hasFolders);
  });
  if (tables.length === 0 && hasFolders) tables.push(...(await parquetBelow(folder)));
  if (tables.length > MAX_TABLES) {
    throw new UserError(`${folder}: it has ${tables.length} tables; at most ${MAX_TABLES} are accepted`);
  }
  return tables;
}

/** As in data/train-*.parquet, CONFIGURATION/train-*.parquet, and CONFIGURATION/train/*.parquet. */
async function parquetBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const add = async (below: string) => {
    found.push(...(await filesIn(below)).filter((file) => tableType(file) === 'parquet'));
  };
  for (const below of await foldersIn(folder)) {
    await add(below);
    for (const inner of await foldersIn(below)) if (partNamed(basename(inner))) await add(inner);
  }
  return found;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return pathsOf(
    folder,
    entries.filter((entry) => !entry.isDirectory()),
  );
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return pathsOf(
    folder,
    entries.filter((entry) => entry.isDirectory()),
  );
}

/** In the order of the names. */
function pathsOf(folder: string, entries: { name: string }[]): string[] {
  const names = entries.map(({ name }) => name).filter((name) => !isLeftBehind(name));
  return names.sort().map((name) => join(folder, name));
}
