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
import { UserError } from '../../user-error.js';
import { checkClassNames } from '../class-names.js';
import { classColour } from './class-colours.js';
import { parseDrawing } from './drawing-json.js';
import {
  columnsOf,
  MAX_PROJECT_CLASSES,
  MAX_PROJECT_DRAWINGS,
  MAX_PROJECT_ID,
  type TeachClass,
  type TeachDrawing,
  type TeachProject,
  type TeachSummary,
} from './project-types.js';

export { drawingsToNdjson, projectFromNdjson } from './project-lines.js';
export {
  type Confusion,
  columnsOf,
  drawingOf,
  type TaughtNetwork,
  type TeachClass,
  type TeachDrawing,
  type TeachProject,
  type TeachSummary,
} from './project-types.js';

const FORMAT = 'scanstroke-project';
const VERSION = 1;
/** 64 MiB. 20 classes of 30 drawings with their network have about 2 MB. */
const MAX_BYTES = 2 ** 26;
const MAX_NAME = 200;

const count = whole(0);
const name = textUpTo(MAX_NAME);
const id = refined(textUpTo(MAX_PROJECT_ID), 'a text that is not empty', (value) => value !== '');
const colour = checked('a colour like #0072b2', (value): value is string => {
  return typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value);
});
const date = checked('an ISO date like 2026-11-28T12:00:00Z', (value): value is string => {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d(T[\d:.]{5,12}(Z|[-+]\d\d:?\d\d)?)?$/.test(value);
});
const summary: Reader<TeachSummary> = record({
  classes: list(name, MAX_PROJECT_CLASSES),
  drawings: count,
  epochs: count,
  seconds: between(0, Number.MAX_VALUE),
  heldOut: record({ correct: count, count }),
  confusions: list(
    record({ drawn: name, answered: name, drawings: list(id, MAX_PROJECT_DRAWINGS) }),
    (MAX_PROJECT_CLASSES + 1) ** 2,
  ),
  none: nullable(record({ falseAlarms: count, symbols: count, refused: count, others: count })),
});
const file = record({
  format: oneOf([FORMAT]),
  version: checked(`${VERSION}; update scanstroke for a later one`, (value) => value === VERSION),
  name,
  classes: list(record({ id, name, colour: optional(colour, undefined) }), MAX_PROJECT_CLASSES),
  drawings: list(
    record({ id, class: id, drawing: (value) => value, made: optional(date, undefined) }),
    MAX_PROJECT_DRAWINGS,
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
  const { network = null } = project;
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
