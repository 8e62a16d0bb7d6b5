/**
 * Reads files with drawings by a pen as streams, one drawing at a time: Quick, Draw!'s `.ndjson` (raw or
 * simplified) and `.bin` (binary-drawings.ts), sketch-rnn's `.npz` (sketch-arrays.ts), `.ndjson` or `.json` of a drawing
 * page, projects of one's own symbols (project.ts), and text with pen-down and pen-up (`.tra` and `.tes` of Pendigits,
 * `.unipen`). Node.js only.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beginsLikeJson, describeContent } from '../../formats/content.js';
import { explainFileError } from '../../formats/file-errors.js';
import { parseJson } from '../../formats/json.js';
import { openRegularFile, readFileBounded, readRange, sizeOfRegularFile } from '../../formats/read-files.js';
import { UserError } from '../../user-error.js';
import { DRAWING_FILE, isDrawingFile } from '../dataset-name.js';
import { binaryDrawings } from './binary-drawings.js';
import { parseDrawing } from './drawing-json.js';
import { PenTextReader } from './pen-text.js';
import { drawingOf, isProject, projectOf } from './project.js';
import type { NamedDrawing, Naming, ReadDrawing, ReadDrawings } from './read-drawing.js';
import { sketchDrawings } from './sketch-arrays.js';

/** `pendigits-orig.tes`, `test-cats.ndjson`, `cats.test.ndjson` */
const TEST_NAME = /\.tes$|(^|[-_. ])test([-_. ]|$)/i;
/** Letters, of up to four bytes. Ten times the longest raw drawing of Quick, Draw!. */
const MAX_LINE_LETTERS = 2 ** 22;
const MAX_JSON_BYTES = 2 ** 26;
const CHUNK_BYTES = 2 ** 15;
/** Bytes that tell what a file is. */
const START_BYTES = 4096;

/** A file with drawings. */
export interface DrawingFile {
  path: string;
  name: string;
  bytes: number;
  /** Whether its name marks it as a file of test drawings. */
  isTest: boolean;
}

/** The paths of several files of drawings, `cat.ndjson,dog.ndjson`; null of anything else. */
export function severalFiles(spec: string, isDrawings = isDrawingFile): string[] | null {
  const paths = spec.split(',');
  return paths.length > 1 && paths.every(isDrawings) && !existsSync(spec) ? paths : null;
}

/**
 * The files with drawings at a path: the file itself, or all such files in a folder, sorted by name.
 * @param path also several files, separated by commas
 * @param isDrawings whether a name is that of such a file
 * @throws UserError if the path cannot be read
 */
export async function findDrawingFiles(
  path: string,
  isDrawings: (name: string) => boolean = isDrawingFile,
): Promise<DrawingFile[]> {
  const several = severalFiles(path, isDrawings);
  if (several) return (await Promise.all(several.map((each) => findDrawingFiles(each, isDrawings)))).flat();
  try {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder ? (await readdir(path)).sort() : [basename(path)];
    const files: DrawingFile[] = [];
    for (const name of names.filter(isDrawings)) {
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
  const limit = /\.json$/i.test(path)
    ? MAX_JSON_BYTES
    : /\.bin$/i.test(path)
      ? Number.POSITIVE_INFINITY
      : 4 * MAX_LINE_LETTERS;
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

/**
 * The bytes of a file. The file is closed between two chunks: hundreds of files, one a class, may be read in turns.
 * @throws UserError if it changes meanwhile
 */
async function* chunksOf(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const name = `the drawings ${path}`;
  let total: number | null = null;
  for (let at = 0; total === null || at < total; ) {
    signal?.throwIfAborted();
    const { handle, size } = await openRegularFile(path, name);
    try {
      if (total === null) checkStart(await readRange(handle, 0, Math.min(START_BYTES, size), name), path);
      total ??= size;
      if (size !== total) throw new UserError(`${path}: the file changed while it was read; begin again`);
      const end = Math.min(total, at + CHUNK_BYTES);
      const chunk = await readRange(handle, at, end, name);
      at = end;
      if (chunk.length > 0) yield chunk;
    } catch (error) {
      throw explainFileError('read', name, error);
    } finally {
      await handle.close();
    }
  }
}

/** @throws UserError if a file that begins like this cannot be one of drawings */
function checkStart(start: Uint8Array, path: string): void {
  if (/\.bin$/i.test(path)) return;
  const text = /json[^.]*$/i.test(path) ? beginsLikeJson(start) : !start.includes(0);
  if (start.length > 0 && !text) {
    const expected = /json[^.]*$/i.test(path) ? 'drawings as JSON' : 'a text file of drawings';
    throw new UserError(`${path}: expected ${expected}; found ${describeContent(start)}`);
  }
}

/**
 * Reads the drawings of a file in order.
 * @param take called with each drawing and its place
 * @param onBytes called with the number of bytes read from this file
 * @param signal ends the reading: throws its reason
 * @returns the classes that the file lists, also those without drawings: a project's. Of a file of drawings without labels,
 *   that in the file's name
 * @throws UserError naming file and line
 */
export async function readDrawings(
  file: DrawingFile,
  take: (drawing: NamedDrawing) => void,
  onBytes?: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<string[]> {
  let count = 0;
  let named: string[] | null = null;
  for await (const { drawings, bytes, classes } of drawingsOf(file, signal)) {
    named = classes ?? named;
    count += drawings.length;
    for (const each of drawings) {
      if ('problem' in each) throw new UserError(each.problem);
      take(each);
    }
    onBytes?.(bytes);
  }
  return named ?? (count === 0 ? [classInName(file.name)] : []);
}

/**
 * The drawings of a file in order, some at a time. A line that is no drawing is a problem among them.
 * @param signal ends the reading: throws its reason
 * @throws UserError if the file cannot be read further
 */
export async function* drawingsOf(file: DrawingFile, signal?: AbortSignal): AsyncGenerator<ReadDrawings> {
  const { path, name } = file;
  const own = classInName(name);
  const named: Naming = ({ drawing, label }, where) => ({ drawing, label: label ?? own, where });
  if (/\.json$/i.test(name)) {
    yield { ...(await drawingsOfJson(path, named)), bytes: file.bytes };
    return;
  }
  if (/\.npz$/i.test(name)) {
    yield* sketchDrawings(path, named, signal);
    return;
  }
  if (/\.bin$/i.test(name)) {
    yield* binaryDrawings(chunksOf(path, signal), path, named);
    return;
  }
  const isJson = /json/i.test(name);
  let found: ReadDrawing[] = [];
  const reader = isJson
    ? null
    : new PenTextReader(path, (drawing, where) => found.push(named(drawing, where)));
  for await (const { lines, first, bytes } of linesOf(chunksOf(path, signal), path)) {
    lines.forEach((line, n) => {
      if (reader) reader.line(line, first + n);
      else if (line.trim() !== '') found.push(parsedLine(line, `${path}:${first + n}`, named));
    });
    yield { drawings: found, bytes };
    found = [];
  }
  reader?.end();
  if (found.length > 0) yield { drawings: found, bytes: file.bytes };
}

function parsedLine(line: string, where: string, named: Naming): ReadDrawing {
  try {
    return named(parseDrawing(parseJson(line, where), where), where);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { problem: error.message };
  }
}

/** What names of files have before their class and behind it: `test-cat`, `full_simplified_cat`, `cat.test`. */
const BESIDE_CLASS = /^(test[-_. ](?=.))?(full_(simplified|raw|binary)_(?=.))?|(?<=.)[-_. ]test$/gi;

/** The class that the name of a file says, which is that of drawings without a label. */
export function classInName(name: string): string {
  return name
    .replace(DRAWING_FILE, '')
    .replace(/(\.full)?\.npz$/i, '')
    .replace(BESIDE_CLASS, '');
}

/** A drawing, a list of them, or a project. */
async function drawingsOfJson(
  path: string,
  named: Naming,
): Promise<Pick<ReadDrawings, 'drawings' | 'classes'>> {
  const bytes = await readFileBounded(path, 'the drawings', MAX_JSON_BYTES, {
    check: (start) => checkStart(start, path),
  });
  const value = parseJson(new TextDecoder().decode(bytes), path);
  if (isProject(value)) {
    const { classes, drawings } = projectOf(value, path);
    const names = new Map(classes.map((each) => [each.id, each.name]));
    return {
      drawings: drawings.map((each, n) =>
        named({ drawing: drawingOf(each), label: names.get(each.class) ?? null }, `${path}: drawing ${n}`),
      ),
      classes: [...names.values()],
    };
  }
  if (!Array.isArray(value)) return { drawings: [named(parseDrawing(value, path), path)] };
  return {
    drawings: value.map((each: unknown, n) => {
      const where = `${path}: drawing ${n}`;
      return named(parseDrawing(each, where), where);
    }),
  };
}

/** The lines of a file of any size, some at a time; no line may be longer than MAX_LINE_LETTERS. */
async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
): AsyncGenerator<{ lines: string[]; first: number; bytes: number }> {
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  let bytes = 0;
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() as string;
    bytes += chunk.length;
    yield { lines, first: number + 1, bytes };
    number += lines.length;
    if (rest.length > MAX_LINE_LETTERS) {
      throw new UserError(
        `${path}:${number + 1}: longer than ${MAX_LINE_LETTERS} letters; is this a file of lines?`,
      );
    }
  }
  rest += decoder.decode();
  if (rest !== '') yield { lines: [rest], first: number + 1, bytes };
}
