/**
 * Reads files with drawings by a pen as streams, one drawing at a time: Quick, Draw!'s `.ndjson` (raw or
 * simplified), `.ndjson` or `.json` of a drawing page, and text with pen-down and pen-up (`.tra` and `.tes` of
 * Pendigits, `.unipen`). Node.js only.
 */

import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { explainFileError, readFileBounded } from '../../formats/files.js';
import { parseJson } from '../../formats/json.js';
import { UserError } from '../../user-error.js';
import { DRAWING_FILE, isDrawingFile } from '../dataset-name.js';
import { type LabelledDrawing, parseDrawing } from './drawing-json.js';
import { PenTextReader } from './pen-text.js';

/** `pendigits-orig.tes`, `test-cats.ndjson`, `cats.test.ndjson` */
const TEST_NAME = /\.tes$|(^|[-_. ])test([-_. ]|$)/i;
/** Ten times the longest raw drawing of Quick, Draw!. */
const MAX_LINE_BYTES = 2 ** 22;
const MAX_JSON_BYTES = 2 ** 26;

/** A file with drawings. */
export interface DrawingFile {
  path: string;
  name: string;
  bytes: number;
  /** Whether its name marks it as a file of test drawings. */
  isTest: boolean;
}

/**
 * The files with drawings at a path: the file itself, or all such files in a folder, sorted by name.
 * @throws UserError if the path cannot be read
 */
export async function findDrawingFiles(path: string): Promise<DrawingFile[]> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder ? (await readdir(path)).sort() : [basename(path)];
    const files = names.filter(isDrawingFile).map(async (name): Promise<DrawingFile> => {
      const file = isFolder ? join(path, name) : path;
      return { path: file, name, bytes: (await stat(file)).size, isTest: TEST_NAME.test(name) };
    });
    return await Promise.all(files);
  } catch (error) {
    throw explainFileError('read', `the drawings ${path}`, error);
  }
}

/**
 * Reads the drawings of a file in order.
 * @param take called with each drawing; without a label in the file, the label is the file's name without its ending
 * @param onBytes called with the number of bytes read from this file
 * @throws UserError naming file and line
 */
export async function readDrawings(
  { path, name }: DrawingFile,
  take: (drawing: LabelledDrawing & { label: string }) => void,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const named = ({ drawing, label }: LabelledDrawing) =>
    take({ drawing, label: label ?? name.replace(DRAWING_FILE, '') });
  if (/\.json$/i.test(name)) {
    const bytes = await readFileBounded(path, 'the drawings', MAX_JSON_BYTES);
    const value = parseJson(new TextDecoder().decode(bytes), path);
    (Array.isArray(value) ? value : [value]).forEach((each: unknown, n) => {
      named(parseDrawing(each, Array.isArray(value) ? `${path}: drawing ${n}` : path));
    });
    return;
  }
  if (/json/i.test(name)) {
    await eachLine(path, onBytes, (line, number) => {
      const where = `${path}:${number}`;
      if (line.trim() !== '') named(parseDrawing(parseJson(line, where), where));
    });
    return;
  }
  const reader = new PenTextReader(path, named);
  await eachLine(path, onBytes, (line, number) => reader.line(line, number));
  reader.end();
}

/** The lines of a file of any size; no line may be longer than MAX_LINE_BYTES. */
async function eachLine(
  path: string,
  onBytes: ((bytes: number) => void) | undefined,
  visit: (line: string, number: number) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  let bytes = 0;
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new UserError(`cannot read ${path}: it is no file`);
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 18 })) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() as string;
      for (const line of lines) visit(line, ++number);
      if (rest.length > MAX_LINE_BYTES) {
        throw new UserError(
          `${path}:${number + 1}: longer than ${MAX_LINE_BYTES} letters; is this a file of lines?`,
        );
      }
      bytes += chunk.length;
      onBytes?.(bytes);
    }
    rest += decoder.decode();
    if (rest !== '') visit(rest, ++number);
  } catch (error) {
    throw explainFileError('read', path, error);
  }
}
