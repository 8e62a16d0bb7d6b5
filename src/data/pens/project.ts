/**
 * A project of one's own symbols: classes, a few drawings of each, and the network that was taught from them. Its file is
 * JSON; docs/teach.md describes it.
 *
 *   { "format": "scanstroke-project", "version": 1, "name": …,
 *     "classes":  [{ "id", "name", "colour" } …],
 *     "drawings": [{ "id", "class": id of a class, "drawing": [[[x …], [y …]] …], "made": date } …],
 *     "network":  null | { "checkpoint": base64, "taught": date, "summary": {…} } }
 */
import { isPlainObject, parseJson } from '../../formats/json.js';
import { camelCaseKeys, snakeCaseKeys } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import {
  between,
  checked,
  list,
  nullable,
  oneOf,
  optional,
  type Reader,
  readAs,
  record,
  refined,
  text,
  textUpTo,
  whole,
} from '../../formats/shape.js';
import type { Drawing } from '../../ink/drawing.js';
import { UserError } from '../../user-error.js';
import { checkClassNames } from '../class-names.js';
import { classColour } from './class-colours.js';
import { parseDrawing } from './drawing-json.js';

/** A symbol to recognise. */
export interface TeachClass {
  /** Names the class in the project. Stays when the class gets another name. */
  id: string;
  /** What people read; unique in the project. */
  name: string;
  /** `#rrggbb` */
  colour: string;
}

/** An example of a class. */
export interface TeachDrawing {
  /** Unique in the project. */
  id: string;
  /** The `id` of its class. */
  class: string;
  /** Quick, Draw!'s form: for each stroke, [[x …], [y …]], x to the right and y downwards, in any unit. */
  drawing: number[][][];
  /** When it was drawn, as an ISO date. */
  made?: string;
}

/** Two classes that a network confused on drawings that it was not taught. */
export interface Confusion {
  /** Name of the class that was drawn. */
  drawn: string;
  /** Name of the class that was answered; `none` where the drawing was refused. */
  answered: string;
  /** The `id`s of the drawings. */
  drawings: string[];
}

/** What is known about a taught network. Every share has its count. */
export interface TeachSummary {
  /** Names of the taught classes. */
  classes: string[];
  /** Number of drawings that the network was taught with, those held out included where it saw them at the end. */
  drawings: number;
  /** Passes over the drawings. */
  epochs: number;
  seconds: number;
  /** Answers to drawings that were held out of the training when they were answered. */
  heldOut: { correct: number; count: number };
  confusions: Confusion[];
  /**
   * `none`: of `symbols` held-out drawings, `falseAlarms` were refused, though they belong to a class; of `others` fresh
   * scribbles, pieces and letters, `refused` were refused. Null if the network has no class `none`.
   */
  none: { falseAlarms: number; symbols: number; refused: number; others: number } | null;
}

/** A network taught from the drawings of a project. */
export interface TaughtNetwork {
  /** Content of a safetensors checkpoint, as `openRecognizer` takes it. */
  checkpoint: Uint8Array;
  /** When it was taught, as an ISO date. */
  taught: string;
  summary: TeachSummary;
}

/** Classes, drawings of them, and the network taught from these. */
export interface TeachProject {
  name: string;
  classes: TeachClass[];
  drawings: TeachDrawing[];
  network: TaughtNetwork | null;
}

const FORMAT = 'scanstroke-project';
const VERSION = 1;
/** 64 MiB. 20 classes of 30 drawings with their network have about 2 MB. */
const MAX_BYTES = 2 ** 26;
/** Labels are bytes, and one class may be `none`. */
const MAX_CLASSES = 255;
const MAX_DRAWINGS = 20_000;
const MAX_ID = 200;
const MAX_NAME = 200;
/** Quick, Draw!'s simplified drawings lie in a square from 0 to 255. */
const SIDE = 255;

const count = whole(0);
const name = textUpTo(MAX_NAME);
const id = refined(textUpTo(MAX_ID), 'a text that is not empty', (value) => value !== '');
const colour = checked('a colour like #0072b2', (value): value is string => {
  return typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value);
});
const date = checked('an ISO date like 2026-11-28T12:00:00Z', (value): value is string => {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d(T[\d:.]{5,12}(Z|[-+]\d\d:?\d\d)?)?$/.test(value);
});
const summary: Reader<TeachSummary> = record({
  classes: list(name, MAX_CLASSES),
  drawings: count,
  epochs: count,
  seconds: between(0, Number.MAX_VALUE),
  heldOut: record({ correct: count, count }),
  confusions: list(
    record({ drawn: name, answered: name, drawings: list(id, MAX_DRAWINGS) }),
    (MAX_CLASSES + 1) ** 2,
  ),
  none: nullable(record({ falseAlarms: count, symbols: count, refused: count, others: count })),
});
const file = record({
  format: oneOf([FORMAT]),
  version: checked(`${VERSION}; update scanstroke for a later one`, (value) => value === VERSION),
  name,
  classes: list(record({ id, name, colour: optional(colour, undefined) }), MAX_CLASSES),
  drawings: list(
    record({ id, class: id, drawing: (value) => value, made: optional(date, undefined) }),
    MAX_DRAWINGS,
  ),
  network: optional(nullable(record({ checkpoint: text, taught: date, summary: (value) => value })), null),
});

/** Whether a value from JSON calls itself a project. */
export function isProject(value: unknown): boolean {
  return isPlainObject(value) && value.format === FORMAT;
}

/**
 * Reads a project file.
 *
 * @param content bytes or text of the file
 * @param fileName names the file in messages
 * @throws UserError for a file that is no project, is too large, or contradicts itself: two classes of one name, a
 *   drawing of an unknown class
 *
 * @example
 * import { readProject, starterProject, writeProject } from 'scanstroke';
 *
 * const text = writeProject(starterProject('shapes')); // or the content of a file
 * const project = readProject(text, 'shapes.json');
 * for (const { id, name } of project.classes) {
 *   console.log(name, project.drawings.filter((drawing) => drawing.class === id).length);
 * }
 */
export function readProject(content: Uint8Array | string, fileName: string): TeachProject {
  if (content.length > MAX_BYTES) {
    throw new UserError(
      `${fileName}: ${content.length} bytes; a project has at most ${MAX_BYTES}. Take out drawings`,
    );
  }
  return projectOf(parseJson(asText(content), fileName), fileName);
}

/** A byte order mark is no part of the text. */
function asText(content: Uint8Array | string): string {
  return typeof content === 'string' ? content.replace(/^\ufeff/, '') : new TextDecoder().decode(content);
}

/**
 * A project from its JSON value.
 * @throws UserError as readProject
 */
export function projectOf(value: unknown, where: string): TeachProject {
  if (!isProject(value)) {
    throw new UserError(
      `${where}: expected a project of scanstroke, an object with "format": "${FORMAT}"; drawings alone are read by ` +
        'projectFromNdjson, and by the command line as --data',
    );
  }
  const read = readAs(file, value, where);
  const classes = read.classes.map(
    (each, k): TeachClass => ({
      ...each,
      colour: each.colour ?? classColour(k),
    }),
  );
  checkIds(classes, `${where}: classes`);
  checkClassNames(
    classes.map((each) => each.name),
    where,
  );
  checkIds(read.drawings, `${where}: drawings`);
  const known = new Set(classes.map((each) => each.id));
  const drawings = read.drawings.map(({ made, ...each }, n): TeachDrawing => {
    const at = `${where}: drawing ${n} (${quote(each.id, 40)})`;
    if (!known.has(each.class)) {
      throw new UserError(
        `${at}: its class is ${quote(each.class, 40)}, but the project has no class with this id`,
      );
    }
    const drawing = columnsOf(parseDrawing({ drawing: each.drawing }, at).drawing);
    return { ...each, drawing, ...(made !== undefined && { made }) };
  });
  const network = read.network && {
    checkpoint: bytesOf(read.network.checkpoint, `${where}: "network.checkpoint"`),
    taught: read.network.taught,
    summary: readAs(summary, camelCaseKeys(read.network.summary, where), `${where}: network.summary`),
  };
  return { name: read.name, classes, drawings, network };
}

function checkIds(items: readonly { id: string }[], where: string): void {
  const seen = new Set<string>();
  for (const item of items) {
    if (seen.has(item.id)) throw new UserError(`${where}: the id ${quote(item.id, 40)} occurs twice`);
    seen.add(item.id);
  }
}

/**
 * Writes a project file, a drawing a line.
 *
 * @returns its text
 * @throws UserError for a project that could not be read again
 *
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { writeProject } from 'scanstroke';
 *
 * const project = {
 *   name: 'signs',
 *   classes: [{ id: 'a', name: 'tick', colour: '#0072b2' }],
 *   drawings: [{ id: '1', class: 'a', drawing: [[[0, 30, 90], [50, 100, 0]]] }],
 *   network: null,
 * };
 * await writeFile('signs.json', writeProject(project));
 */
export function writeProject(project: TeachProject): string {
  const { network } = project;
  const value = {
    format: FORMAT,
    version: VERSION,
    name: project.name,
    classes: project.classes.map(({ id, name, colour }) => ({ id, name, colour })),
    drawings: project.drawings.map((each) => ({
      id: each.id,
      class: each.class,
      ...(each.made !== undefined && { made: each.made }),
      drawing: each.drawing,
    })),
    network: network && {
      taught: network.taught,
      summary: snakeCaseKeys(network.summary, 'the project'),
      checkpoint: base64Of(network.checkpoint),
    },
  };
  projectOf(value, 'the project cannot be written');
  const lines = (items: readonly unknown[]) =>
    items.length === 0 ? '[]' : `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]`;
  const { classes, drawings, ...rest } = value;
  const members = Object.entries(rest).map(([key, member]) => `"${key}": ${JSON.stringify(member)}`);
  members.splice(3, 0, `"classes": ${lines(classes)}`, `"drawings": ${lines(drawings)}`);
  const written = `{\n${members.join(',\n')}\n}\n`;
  if (written.length > MAX_BYTES) {
    throw new UserError(
      `the project cannot be written: it would have ${written.length} bytes, at most ${MAX_BYTES} can be read; ` +
        'take out drawings',
    );
  }
  return written;
}

/** Bytes that are converted at once: arguments of a call are limited. */
const CHUNK = 2 ** 13;

function base64Of(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return btoa(binary);
}

function bytesOf(base64: string, where: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    throw new UserError(`${where}: expected bytes as base64, found ${quote(base64, 40)}`);
  }
}

/**
 * The drawings as lines of JSON in Quick, Draw!'s simplified form: `{ "word", "key_id", "recognized", "drawing" }`, with
 * `timestamp` where it is known. Each drawing is scaled into a square from 0 to 255, with whole numbers, as there.
 * `scanstroke train --data drawings.ndjson` and other tools read such files.
 *
 * @returns a line for each drawing
 *
 * @example
 * import { writeFile } from 'node:fs/promises';
 * import { drawingsToNdjson, starterProject } from 'scanstroke';
 *
 * await writeFile('arrows.ndjson', drawingsToNdjson(starterProject('arrows')));
 */
export function drawingsToNdjson(project: TeachProject): string {
  const words = new Map(project.classes.map((each) => [each.id, each.name]));
  return project.drawings
    .map((each) => {
      const line = {
        word: words.get(each.class),
        key_id: each.id,
        ...(each.made !== undefined && { timestamp: each.made }),
        recognized: true,
        drawing: simplified(each.drawing),
      };
      return `${JSON.stringify(line)}\n`;
    })
    .join('');
}

/** The drawing in a square from 0 to 255, its left and upper edges at 0. */
function simplified(drawing: number[][][]): number[][][] {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [xs, ys] of drawing) {
    for (const x of xs) [left, right] = [Math.min(left, x), Math.max(right, x)];
    for (const y of ys) [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  const longer = Math.max(right - left, bottom - top);
  const scale = longer > 0 ? SIDE / longer : 0;
  return drawing.map(([xs, ys]) => [
    xs.map((x) => Math.round((x - left) * scale)),
    ys.map((y) => Math.round((y - top) * scale)),
  ]);
}

/**
 * A project of the drawings in lines of JSON, as Quick, Draw! and `drawingsToNdjson` have them. Every word is a class.
 *
 * @param lines the text of the file
 * @param name of the project
 * @param fileName names the text in messages
 * @throws UserError naming the line that is wrong
 *
 * @example
 * import { projectFromNdjson } from 'scanstroke';
 *
 * const lines = '{"word":"cat","drawing":[[[130,113,99],[72,40,27]]]}';
 * const { classes } = projectFromNdjson(lines, 'cats', 'cats.ndjson');
 * console.log(classes[0].name); // cat
 */
export function projectFromNdjson(lines: string, name: string, fileName: string): TeachProject {
  const classes = new Map<string, TeachClass>();
  const drawings: TeachDrawing[] = [];
  const ids = new Set<string>();
  lines.split('\n').forEach((line, n) => {
    if (line.trim() === '') return;
    const where = `${fileName}:${n + 1}`;
    const value = parseJson(line, where);
    const { drawing, label } = parseDrawing(value, where);
    if (label === null)
      throw new UserError(`${where}: expected a "word" that says what is drawn, found nothing`);
    let own = classes.get(label);
    if (own === undefined) {
      own = { id: `class-${classes.size + 1}`, name: label, colour: classColour(classes.size) };
      classes.set(label, own);
    }
    const id = freeId(value, ids, drawings.length);
    ids.add(id);
    const { timestamp } = value as { timestamp?: unknown };
    const made = typeof timestamp === 'string' ? isoDate(timestamp) : null;
    drawings.push({ id, class: own.id, drawing: columnsOf(drawing), ...(made !== null && { made }) });
    if (drawings.length > MAX_DRAWINGS || classes.size > MAX_CLASSES) {
      throw new UserError(
        `${where}: more than ${MAX_CLASSES} classes or ${MAX_DRAWINGS} drawings; take fewer lines, or train on the ` +
          'whole file with scanstroke train --data',
      );
    }
  });
  const project: TeachProject = { name, classes: [...classes.values()], drawings, network: null };
  checkClassNames([...classes.keys()], fileName);
  return project;
}

/** The drawing's `key_id` if no other has it, or a new id. */
function freeId(value: unknown, taken: ReadonlySet<string>, count: number): string {
  const { key_id: key } = value as { key_id?: unknown };
  if (typeof key === 'string' && key !== '' && key.length <= MAX_ID && !taken.has(key)) return key;
  let id = `drawing-${count + 1}`;
  while (taken.has(id)) id += '+';
  return id;
}

/** Quick, Draw! writes `2017-03-09 00:28:55.63750 UTC`. @returns null for no date */
function isoDate(timestamp: string): string | null {
  const iso = timestamp.slice(0, 40).replace(' UTC', 'Z').replace(' ', 'T');
  const time = Date.parse(iso);
  if (Number.isNaN(time)) return null;
  const written = new Date(time).toISOString();
  return /^\d{4}-/.test(written) ? written : null;
}

/**
 * A drawing of a project as strokes.
 *
 * @example
 * import { drawingOf, starterProject } from 'scanstroke';
 *
 * const [first] = starterProject('shapes').drawings;
 * const input = { kind: 'drawing', ...drawingOf(first) }; // an input of a recognizer
 */
export function drawingOf({ drawing }: Pick<TeachDrawing, 'drawing'>): Drawing {
  return { strokes: drawing.map(([xs, ys]) => ({ xs, ys })) };
}

/**
 * Strokes in the form of a project's drawings.
 *
 * @example
 * import { columnsOf } from 'scanstroke';
 *
 * console.log(columnsOf({ strokes: [{ xs: [1, 2], ys: [3, 4] }] })); // [ [ [ 1, 2 ], [ 3, 4 ] ] ]
 */
export function columnsOf({ strokes }: Drawing): number[][][] {
  return strokes.map(({ xs, ys }) => [Array.from(xs), Array.from(ys)]);
}
