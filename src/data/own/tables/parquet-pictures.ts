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
import { asyncBuffer, compressors, explained, parquetMetadata } from './parquet-file.js';

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
  const { parquetReadObjects } = await import('hyparquet');
  const unpackers = await compressors();
  const { handle, size } = await openRegularFile(path, `the table ${path}`);
  try {
    const file = asyncBuffer(handle, size, path);
    const metadata = await parquetMetadata(file, path);
    const { image, label: labelColumn, names } = columnsOf(metadata, path);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      signal?.throwIfAborted();
      const rowEnd = rowStart + Number(group.num_rows);
      const rows = await explained(path, () =>
        parquetReadObjects({
          file,
          metadata,
          columns: [image, labelColumn],
          rowStart,
          rowEnd,
          compressors: unpackers,
          utf8: false,
          geoparquet: false,
        }),
      );
      for (const [n, row] of rows.entries()) {
        signal?.throwIfAborted();
        const where = `${path}:${rowStart + n + 1}`;
        const picture = await pictureOf(row, { image, labelColumn, names, part, where }, decode);
        if (typeof picture === 'string') leaveOut(where, picture);
        else yield picture;
      }
      rowStart = rowEnd;
    }
  } finally {
    await handle.close();
  }
}

/** @returns the picture, or why there is none: the end of a sentence */
async function pictureOf(
  row: Record<string, unknown>,
  about: { image: string; labelColumn: string; names: string[] | null; part: OwnPart | null; where: string },
  decode: DecodePicture,
): Promise<OwnPicture | string> {
  const { part, where, names } = about;
  const label = labelOf(row[about.labelColumn], names);
  if (label === null) return 'it has no label';
  if (typeof label === 'object') return label.problem;
  const cell = row[about.image];
  const bytes = cell instanceof Uint8Array ? cell : isPlainObject(cell) ? cell.bytes : null;
  if (!(bytes instanceof Uint8Array)) {
    const path = isPlainObject(cell) && typeof cell.path === 'string' ? cell.path : null;
    return path === null ? 'it has no picture' : `the file has only the path ${quote(path)} of the picture`;
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
  const columns = topColumns(schema);
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

/** Names of the columns that are not within another one. */
function topColumns([root, ...elements]: FileMetaData['schema']): string[] {
  const columns: string[] = [];
  let at = 0;
  const skip = (): void => {
    const children = elements[at++]?.num_children ?? 0;
    for (let n = 0; n < children && at < elements.length; n++) skip();
  };
  for (let n = 0; n < (root?.num_children ?? 0) && at < elements.length; n++) {
    columns.push(elements[at].name);
    skip();
  }
  return columns;
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
