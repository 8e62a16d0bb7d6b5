/**
 * Pictures in Parquet files as Hugging Face's datasets have them: a column `image` of { bytes, path } and a column `label`,
 * a number with names in the metadata (ClassLabel), or text. A row group is in memory at a time. Node.js only.
 */
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { isPlainObject, parseJson } from '../../../formats/json.js';
import { quote } from '../../../formats/quotation.js';
import { openRegularFile } from '../../../formats/read-files.js';
import { UserError } from '../../../user-error.js';
import type { LeaveOut, OwnPart, OwnPicture, OwnSource } from '../own-picture.js';
import { asyncBuffer, compressors, explained, leavesOf, parquetMetadata } from './parquet-file.js';
import { checkPages } from './parquet-pages.js';

export interface ParquetFile {
  path: string;
  part: OwnPart | null;
}

/** Decodes the bytes of a PNG, JPEG or WebP file. @throws UserError naming `where` */
export type DecodePicture = (
  bytes: Uint8Array,
  about: Pick<OwnPicture, 'label' | 'part' | 'where'>,
) => Promise<OwnPicture>;

/** Which columns are read, and how. */
interface Columns {
  image: string;
  label: string;
  /** Names of the classes by number; null: the label is its own name. */
  names: string[] | null;
}

const IMAGE_COLUMNS = ['image', 'img', 'picture', 'pixels'];
const LABEL_COLUMNS = ['label', 'labels', 'fine_label', 'class', 'target', 'category'];
const FEATURES_KEY = 'huggingface';
const MAX_PICTURE_BYTES = 2 ** 26;
const NAMED = 12;
/** Letters of a label. */
const MAX_LABEL = 200;
/** The label of a picture that has none, in test parts. */
const NO_LABEL = -1;

/**
 * The pictures of Parquet files, one file after the other.
 * @throws UserError if a file is damaged, or has no columns of pictures and labels
 */
export async function parquetSource(
  files: readonly ParquetFile[],
  name: string,
  decode: DecodePicture,
): Promise<OwnSource> {
  let total = 0;
  for (const { path } of files) {
    total += await withFile(path, async (file) => {
      const metadata = await parquetMetadata(file, path);
      columnsOf(metadata, path);
      return Number(metadata.num_rows);
    });
  }
  async function* pictures(signal: AbortSignal | undefined, leaveOut: LeaveOut): AsyncGenerator<OwnPicture> {
    for (const file of files) yield* picturesOf(file, decode, signal, leaveOut);
  }
  return { name, pictures, total };
}

async function withFile<T>(path: string, use: (file: AsyncBuffer) => Promise<T>): Promise<T> {
  const { handle, size } = await openRegularFile(path, `the table ${path}`);
  try {
    return await use(asyncBuffer(handle, size, path));
  } finally {
    await handle.close();
  }
}

async function* picturesOf(
  { path, part }: ParquetFile,
  decode: DecodePicture,
  signal: AbortSignal | undefined,
  leaveOut: LeaveOut,
): AsyncGenerator<OwnPicture> {
  const { handle, size } = await openRegularFile(path, `the table ${path}`);
  try {
    const file = asyncBuffer(handle, size, path);
    const metadata = await parquetMetadata(file, path);
    const columns = columnsOf(metadata, path);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      signal?.throwIfAborted();
      const rows = { rowStart, rowEnd: rowStart + Number(group.num_rows) };
      for (const { meta_data: column } of group.columns) {
        const isRead = column && [columns.image, columns.label].includes(column.path_in_schema[0]);
        if (isRead) await checkPages(file, column, Number(group.num_rows), path);
      }
      const { bytes, paths, labels } = await readGroup({ file, metadata }, columns, rows, path);
      for (let n = 0; rowStart < rows.rowEnd; n++) {
        signal?.throwIfAborted();
        const where = `${path}:${++rowStart}`;
        const cell = { bytes: bytes[n], path: paths[n], label: labels[n] };
        const picture = await pictureOf(cell, { names: columns.names, part, where }, decode);
        if (typeof picture === 'string') leaveOut(where, picture);
        else yield picture;
      }
    }
  } finally {
    await handle.close();
  }
}

/** The cells of a row group, [rows] each. */
interface Cells {
  bytes: unknown[];
  paths: unknown[];
  labels: unknown[];
}

/** Reads page by page: to make rows of pages, the package would wait for columns in turn, and miss failures of others. */
async function readGroup(
  from: { file: AsyncBuffer; metadata: FileMetaData },
  { image, label }: Columns,
  { rowStart, rowEnd }: { rowStart: number; rowEnd: number },
  path: string,
): Promise<Cells> {
  const { parquetRead } = await import('hyparquet');
  const cells: Cells = { bytes: [], paths: [], labels: [] };
  const places = new Map([
    [image, cells.bytes],
    [`${image}.bytes`, cells.bytes],
    [`${image}.path`, cells.paths],
    [label, cells.labels],
  ]);
  await explained(path, async () =>
    parquetRead({
      ...from,
      columns: [image, label],
      rowStart,
      rowEnd,
      compressors: await compressors(),
      utf8: false,
      geoparquet: false,
      onPage: ({ pathInSchema, columnData, rowStart: first }) => {
        const place = places.get(pathInSchema.join('.'));
        if (!place) return;
        const end = Math.min(columnData.length, rowEnd - first);
        for (let n = 0; n < end; n++) place[first - rowStart + n] = valueIn(columnData[n]);
      },
    }),
  );
  return cells;
}

/** A value that may be null, or be in a struct that may be null, is in a list of at most one. */
function valueIn(cell: unknown): unknown {
  return Array.isArray(cell) && cell.length <= 1 ? cell[0] : cell;
}

/** @returns the picture, or why there is none: the end of a sentence */
async function pictureOf(
  { bytes, path, label: cell }: { bytes: unknown; path: unknown; label: unknown },
  { names, part, where }: { names: string[] | null; part: OwnPart | null; where: string },
  decode: DecodePicture,
): Promise<OwnPicture | string> {
  const label = labelOf(cell, names);
  if (label === null) return 'it has no label';
  if (typeof label === 'object') return label.problem;
  if (!(bytes instanceof Uint8Array)) {
    return typeof path === 'string'
      ? `the file has only the path ${quote(path)} of the picture`
      : 'it has no picture';
  }
  if (bytes.length > MAX_PICTURE_BYTES) return `its picture has ${bytes.length} bytes`;
  try {
    return await decode(bytes, { label, part, where });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message.replace(`${where}: `, '');
  }
}

/** The name of a label; null for none. */
function labelOf(value: unknown, names: string[] | null): string | { problem: string } | null {
  if (value === null || value === undefined || value === '') return null;
  if (value instanceof Uint8Array) return labelOf(new TextDecoder().decode(value), null);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') {
    return value.length <= MAX_LABEL ? value : { problem: `its label has more than ${MAX_LABEL} letters` };
  }
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    return { problem: 'its label is neither a number nor text' };
  }
  const number = Number(value);
  if (!Number.isFinite(number) || number === NO_LABEL) return null;
  if (names === null) return String(number);
  return (
    names[number] ?? { problem: `its label ${number} is none of the ${names.length} classes in the metadata` }
  );
}

/** @throws UserError naming the columns that there are */
function columnsOf({ schema, key_value_metadata: pairs }: FileMetaData, path: string): Columns {
  const features = featuresOf(pairs?.find(({ key }) => key === FEATURES_KEY)?.value, path);
  const columns = [...new Set(leavesOf(schema, path).map(([name]) => name))];
  const ofType = (type: string) =>
    Object.keys(features).find((key) => {
      const feature = features[key];
      return isPlainObject(feature) && feature._type === type && columns.includes(key);
    });
  const named = (names: readonly string[]) => names.find((name) => columns.includes(name));
  const image = ofType('Image') ?? named(IMAGE_COLUMNS);
  const label = ofType('ClassLabel') ?? named(LABEL_COLUMNS);
  if (image === undefined || label === undefined) {
    const shown = columns.slice(0, NAMED).join(', ') + (columns.length > NAMED ? ', …' : '');
    throw new UserError(
      `${path}: expected a column image with pictures and a column label, found the columns ${quote(shown, 200)}; rename them, ` +
        "as dataset.rename_column('digit', 'label') does",
    );
  }
  return { image, label, names: classNames(features[label]) };
}

/** The features that `datasets` writes into the metadata; none if there are no such metadata. */
function featuresOf(json: string | undefined, path: string): Record<string, unknown> {
  if (json === undefined) return {};
  const value = parseJson(json, `${path}: its metadata ${FEATURES_KEY}`);
  const info = isPlainObject(value) && isPlainObject(value.info) ? value.info : {};
  return isPlainObject(info.features) ? info.features : {};
}

function classNames(feature: unknown): string[] | null {
  if (!isPlainObject(feature) || feature._type !== 'ClassLabel') return null;
  const { names } = feature;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) return null;
  return names.every((name) => name.length <= MAX_LABEL) ? names : null;
}
