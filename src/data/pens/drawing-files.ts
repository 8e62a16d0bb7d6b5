/**
 * Reads files with drawings by a pen as streams, one drawing at a time: Quick, Draw!'s `.ndjson` (raw or
 * simplified), `.ndjson` or `.json` of a drawing page, projects of one's own symbols (project.ts), and text with pen-down and pen-up (`.tra` and `.tes` of
 * Pendigits, `.unipen`). Node.js only.
 */

import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beginsLikeJson, describeContent } from '../../formats/content.js';
import { explainFileError } from '../../formats/file-errors.js';
import { parseJson } from '../../formats/json.js';
import { readFileBounded, readFileInChunks, sizeOfRegularFile } from '../../formats/read-files.js';
import type { Drawing } from '../../ink/drawing.js';
import { UserError } from '../../user-error.js';
import { DRAWING_FILE, isDrawingFile } from '../dataset-name.js';
import { type LabelledDrawing, parseDrawing } from './drawing-json.js';
import { PenTextReader } from './pen-text.js';
import { drawingOf, isProject, projectOf } from './project.js';

/** `pendigits-orig.tes`, `test-cats.ndjson`, `cats.test.ndjson` */
const TEST_NAME = /\.tes$|(^|[-_. ])test([-_. ]|$)/i;
/** Letters, of up to four bytes. Ten times the longest raw drawing of Quick, Draw!. */
const MAX_LINE_LETTERS = 2 ** 22;
const MAX_JSON_BYTES = 2 ** 26;
const CHUNK_BYTES = 2 ** 18;

/** A file with drawings. */
export interface DrawingFile {
  path: string;
  name: string;
  bytes: number;
  /** Whether its name marks it as a file of test drawings. */
  isTest: boolean;
}

/** A drawing with its label and its place: `FILE:LINE`, or `FILE: drawing N`. */
export interface PlacedDrawing {
  drawing: Drawing;
  label: string;
  where: string;
}

/**
 * The files with drawings at a path: the file itself, or all such files in a folder, sorted by name.
 * @throws UserError if the path cannot be read
 */
export async function findDrawingFiles(path: string): Promise<DrawingFile[]> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder ? (await readdir(path)).sort() : [basename(path)];
    const files: DrawingFile[] = [];
    for (const name of names.filter(isDrawingFile)) {
      const file = isFolder ? join(path, name) : path;
      const bytes = await sizeOfRegularFile(file, `the drawings ${file}`);
      files.push({ path: file, name, bytes, isTest: TEST_NAME.test(name) });
    }
    return files;
  } catch (error) {
    throw explainFileError('read', `the drawings ${path}`, error);
  }
}

/**
 * Hash of a file's content.
 * @throws UserError if the file cannot be one of drawings, before all of it is read
 */
export async function hashDrawings({ path }: DrawingFile, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  /** Bytes since the last line break. A JSON file may be one line. */
  let line = 0;
  const limit = /\.json$/i.test(path) ? MAX_JSON_BYTES : 4 * MAX_LINE_LETTERS;
  for await (const chunk of chunksOf(path, signal)) {
    line = chunk.includes(LINE_BREAK)
      ? chunk.length - 1 - chunk.lastIndexOf(LINE_BREAK)
      : line + chunk.length;
    if (line > limit) {
      throw new UserError(`${path}: more than ${limit} bytes without a line break; is this a file of lines?`);
    }
    hash.update(chunk);
  }
  return hash.digest('hex');
}

const LINE_BREAK = 0x0a;

function chunksOf(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const check = (start: Uint8Array) => checkStart(start, path);
  return readFileInChunks(path, `the drawings ${path}`, { chunkBytes: CHUNK_BYTES, check, signal });
}

/** @throws UserError if a file that begins like this cannot be one of drawings */
function checkStart(start: Uint8Array, path: string): void {
  const text = /json[^.]*$/i.test(path) ? beginsLikeJson(start) : !start.includes(0);
  if (start.length > 0 && !text) {
    const expected = /json[^.]*$/i.test(path) ? 'drawings as JSON' : 'a text file of drawings';
    throw new UserError(`${path}: expected ${expected}; found ${describeContent(start)}`);
  }
}

/**
 * Reads the drawings of a file in order.
 * @param take called with each drawing and its place; without a label in the file, the label is the file's name without
 *   its ending
 * @param onBytes called with the number of bytes read from this file
 * @param signal ends the reading: throws its reason
 * @returns the classes that the file lists, also those without drawings: a project's. Of a file of drawings without labels,
 *   the file's name
 * @throws UserError naming file and line
 */
export async function readDrawings(
  { path, name }: DrawingFile,
  take: (drawing: PlacedDrawing) => void,
  onBytes?: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string[]> {
  let count = 0;
  const ownLabel = name.replace(DRAWING_FILE, '');
  const named = ({ drawing, label }: LabelledDrawing, where: string) => {
    count++;
    take({ drawing, label: label ?? ownLabel, where });
  };
  const listed = () => (count === 0 ? [ownLabel] : []);
  if (/\.json$/i.test(name)) {
    const bytes = await readFileBounded(path, 'the drawings', MAX_JSON_BYTES, (start) =>
      checkStart(start, path),
    );
    const value = parseJson(new TextDecoder().decode(bytes), path);
    if (isProject(value)) {
      const { classes, drawings } = projectOf(value, path);
      const names = new Map(classes.map((each) => [each.id, each.name]));
      drawings.forEach((each, n) => {
        named({ drawing: drawingOf(each), label: names.get(each.class) ?? null }, `${path}: drawing ${n}`);
      });
      return [...names.values()];
    }
    (Array.isArray(value) ? value : [value]).forEach((each: unknown, n) => {
      const where = Array.isArray(value) ? `${path}: drawing ${n}` : path;
      named(parseDrawing(each, where), where);
    });
    return listed();
  }
  if (/json/i.test(name)) {
    await eachLine(chunksOf(path, signal), path, onBytes, (line, number) => {
      const where = `${path}:${number}`;
      if (line.trim() !== '') named(parseDrawing(parseJson(line, where), where), where);
    });
    return listed();
  }
  const reader = new PenTextReader(path, named);
  await eachLine(chunksOf(path, signal), path, onBytes, (line, number) => reader.line(line, number));
  reader.end();
  return listed();
}

/** The lines of a file of any size; no line may be longer than MAX_LINE_LETTERS. */
async function eachLine(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  onBytes: ((bytes: number) => void) | undefined,
  visit: (line: string, number: number) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  let bytes = 0;
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) visit(line, ++number);
    if (rest.length > MAX_LINE_LETTERS) {
      throw new UserError(
        `${path}:${number + 1}: longer than ${MAX_LINE_LETTERS} letters; is this a file of lines?`,
      );
    }
    bytes += chunk.length;
    onBytes?.(bytes);
  }
  rest += decoder.decode();
  if (rest !== '') visit(rest, ++number);
}
