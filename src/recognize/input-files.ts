/**
 * Reads inputs from files or standard input: PNG, JPEG and WebP pictures, IDX files of images, drawings and strokes as
 * JSON. The format follows from a file's first bytes, except for drawings as text. Node.js only.
 */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { isGzip, isIdx, parseIdx } from '../data/images/idx.js';
import { checkIdxStart, inflateIdx } from '../data/images/idx-file.js';
import { isTransposed } from '../data/images/image-datasets.js';
import { arrangedImages } from '../data/images/image-examples.js';
import { MAX_PHOTO_PIXELS } from '../data/inputs/prepare-picture.js';
import { readDrawings } from '../data/pens/drawing-files.js';
import { drawingOf, isProject, projectOf } from '../data/pens/project.js';
import { isPicture, readPicture } from '../data/pictures/picture.js';
import { beginsLikeJson, describeContent } from '../formats/content.js';
import { explainFileError } from '../formats/file-errors.js';
import { parseJson } from '../formats/json.js';
import { quote } from '../formats/quotation.js';
import { readFileBounded } from '../formats/read-files.js';
import { UserError } from '../user-error.js';
import { parseInput } from './json-input.js';
import type { RecognizerInput } from './prepare-input.js';

export interface NamedInput {
  /** The file's path, with `:N` for one of several inputs in it. */
  name: string;
  input: RecognizerInput;
}

/** Limit for a file; files of drawings as text have none. */
const MAX_BYTES = 2 ** 26;
/** Limit for an IDX file that was compressed. */
const MAX_IDX_BYTES = 2 ** 30;

/** `t10k-images-idx3-ubyte:12`, `drawings.ndjson:3`: an input of a file, counted from 0. */
const ITEM = /^(.+):(\d{1,9})$/;

/** Names of files whose format no first bytes tell. */
const DRAWINGS_AS_TEXT = /\.(tra|tes|unipen)$/i;

/** Standard input. */
export const STANDARD_INPUT = '-';

/**
 * The inputs in a file, in order.
 * @param path a file, or FILE:N for input N of a file, counted from 0; `-` is standard input
 * @param channels 3 if the network reads colours
 * @throws UserError naming the file, and the line or the part that is wrong
 */
export async function readInputs(path: string, channels = 1): Promise<NamedInput[]> {
  const match = existsSync(path) ? null : ITEM.exec(path);
  const [file, item] = match ? [match[1], Number(match[2])] : [path, null];
  const inputs = await inputsIn(file, channels);
  if (inputs.length === 0) throw nothingIn(file);
  const named = inputs.map((input, n) => ({ name: inputs.length > 1 ? `${file}:${n}` : file, input }));
  if (item === null) return named;
  if (item < named.length) return [{ ...named[item], name: path }];
  throw new UserError(`${path}: there is no ${item}; ${file} holds ${named.length}, counted from 0`);
}

function nothingIn(file: string): UserError {
  const name = file === STANDARD_INPUT ? 'standard input' : file;
  return new UserError(`${name}: holds no picture, drawing or strokes to recognise; give another file`);
}

/** The file that a path names: of FILE:N the file. */
export function fileOf(path: string): string {
  return existsSync(path) ? path : (ITEM.exec(path)?.[1] ?? path);
}

/** Whether a file with this name and these first bytes can hold inputs. */
export function beginsLikeInput(path: string, start: Uint8Array): boolean {
  if (DRAWINGS_AS_TEXT.test(path)) return true;
  return start.length > 0 && (isPicture(start) || isGzip(start) || isIdx(start) || beginsLikeJson(start));
}

async function inputsIn(path: string, channels: number): Promise<RecognizerInput[]> {
  if (DRAWINGS_AS_TEXT.test(path)) {
    const inputs: RecognizerInput[] = [];
    const file = { path, name: basename(path), bytes: 0, isTest: false };
    await readDrawings(file, ({ drawing }) => inputs.push({ kind: 'drawing', ...drawing }));
    return inputs;
  }
  const isStandard = path === STANDARD_INPUT;
  const name = isStandard ? 'standard input' : path;
  const check = (start: Uint8Array, size: number) => checkStart(start, size, name);
  const bytes = isStandard
    ? await standardInput(check)
    : await readFileBounded(path, 'the input', MAX_BYTES, { check });
  if (isPicture(bytes)) {
    const picture = await readPicture(bytes, name, { channels, maxPixels: MAX_PHOTO_PIXELS });
    return [{ kind: 'picture', ...picture }];
  }
  if (isGzip(bytes)) return idxPictures(await inflateIdx(bytes, name, MAX_IDX_BYTES), name, channels);
  if (isIdx(bytes)) return idxPictures(bytes, name, channels);
  return jsonInputs(decode(bytes, name), name);
}

/** @throws UserError naming what was found, if a file that begins like this is none of the inputs */
function checkStart(start: Uint8Array, size: number, name: string): void {
  if (isPicture(start)) return;
  if (isGzip(start) || isIdx(start)) checkIdxStart(start, size, name, MAX_IDX_BYTES);
  else if (start.length === 0 || !beginsLikeJson(start)) throw foreign(name, start);
}

function foreign(name: string, bytes: Uint8Array): UserError {
  const found = describeContent(bytes.subarray(0, 4096));
  return new UserError(
    `${name}: expected a PNG, JPEG or WebP picture, an IDX file, drawings or JSON; found ${found}`,
  );
}

/** The pictures of an IDX file, arranged as those of a training. @param channels of the network */
function idxPictures(bytes: Uint8Array, name: string, channels: number): RecognizerInput[] {
  const images = parseIdx(bytes, name);
  const { shape, type } = images;
  const isGrey = shape.length === 3;
  const hasChannels = shape.length === 4 && [shape[1], shape[3]].includes(channels);
  if (type !== 'uint8' || !(isGrey || hasChannels)) {
    throw new UserError(
      `${name}: expected pictures, 3 dimensions of uint8, or 4 with ${channels} channel${channels === 1 ? '' : 's'} as the ` +
        `network reads; found ${shape.join(' × ')} of ${type}`,
    );
  }
  const { pixels, ...size } = arrangedImages({
    images,
    imagesName: name,
    channelsImg: isGrey ? 1 : channels,
    transposed: isTransposed(name),
  });
  const values = size.width * size.height * size.channels;
  return Array.from({ length: shape[0] }, (_, n) => {
    return { kind: 'picture', ...size, pixels: pixels.subarray(n * values, (n + 1) * values) };
  });
}

/** A JSON value, a list of values, one value on each line, or a project of drawings. */
function jsonInputs(content: string, name: string): RecognizerInput[] {
  const lines = content.split('\n');
  const [first, second] = lines.filter((line) => line.trim() !== '');
  if (second !== undefined && isJson(first)) {
    return lines.flatMap((line, n) => {
      const where = `${name}:${n + 1}`;
      return line.trim() === '' ? [] : [parseInput(parseJson(line, where), where)];
    });
  }
  const value = parseJson(content, name);
  if (isProject(value)) {
    const project = projectOf(value, name);
    if (project.drawings.length === 0) {
      throw new UserError(
        `${name}: the project ${quote(project.name)} has no drawings; draw some in the page (scanstroke serve), or give another file`,
      );
    }
    return project.drawings.map((each) => ({ kind: 'drawing', ...drawingOf(each) }));
  }
  if (!Array.isArray(value)) return [parseInput(value, name)];
  return value.map((each: unknown, n) => parseInput(each, `${name}: input ${n}`));
}

function isJson(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object';
  } catch {
    return false;
  }
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw foreign(name, bytes);
  }
}

async function standardInput(check: (start: Uint8Array, size: number) => void): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of process.stdin) {
      length += chunk.length;
      if (length > MAX_BYTES) {
        throw new UserError(`standard input: more bytes than the ${MAX_BYTES} that are accepted`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw explainFileError('read', 'standard input', error);
  }
  const bytes = Buffer.concat(chunks);
  check(bytes.subarray(0, 4096), bytes.length);
  return bytes;
}
