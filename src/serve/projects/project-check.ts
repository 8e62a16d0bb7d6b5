/** Reads what a client wants to teach: a project file, or lines of drawings. Runs in a worker thread. */
import {
  isProject,
  projectFromNdjson,
  projectOf,
  type TeachProject,
  writeProject,
} from '../../data/pens/project.js';
import { parseJson } from '../../formats/json.js';
import { checkCounts } from '../../teach/lesson.js';
import { HttpError } from '../http-error.js';
import { MAX_TAUGHT_CLASSES, MAX_TAUGHT_DRAWINGS, MAX_TAUGHT_POINTS } from '../server-limits.js';

/** The body of a request. */
export interface ProjectBody {
  body: Uint8Array;
  type: 'project' | 'lines';
  /** Name of the project in the address. */
  name: string;
}

/** A project that can be taught. */
export interface CheckedProject {
  /** Its file, without a network. */
  file: Uint8Array;
  classes: number;
  drawings: number;
}

/** @throws UserError for a body that is no such project, or too small a one; HttpError 413 for too large a one */
export function checkProject({ body, type, name }: ProjectBody): CheckedProject {
  const project = { ...read(body, type, name), network: null };
  const { classes, drawings } = project;
  refuseMore('classes', classes.length, MAX_TAUGHT_CLASSES);
  refuseMore('drawings', drawings.length, MAX_TAUGHT_DRAWINGS);
  refuseMore('points', drawings.flatMap(pointsOfStrokes).reduce(sum, 0), MAX_TAUGHT_POINTS);
  const counts = new Map<string, number>();
  for (const each of drawings) counts.set(each.class, (counts.get(each.class) ?? 0) + 1);
  checkCounts(
    project.name,
    classes.flatMap(({ id, name: own }) => (counts.has(id) ? [{ name: own, count: counts.get(id)! }] : [])),
  );
  const file = new TextEncoder().encode(writeProject(project));
  return { file, classes: classes.length, drawings: drawings.length };
}

function read(body: Uint8Array, type: ProjectBody['type'], name: string): TeachProject {
  const text = textOf(body);
  if (type === 'lines') return projectFromNdjson(text, name, BODY);
  const value = parseJson(text, BODY);
  if (isProject(value)) return projectOf(value, BODY);
  throw new HttpError(
    400,
    `${BODY}: expected a project file, an object with "format": "scanstroke-project"; send drawings, a line each, ` +
      'as application/x-ndjson',
  );
}

/** Names the body in messages. */
const BODY = 'train: the body';

function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new HttpError(400, `${BODY}: expected text in UTF-8`);
  }
}

function pointsOfStrokes({ drawing }: { drawing: number[][][] }): number[] {
  return drawing.map(([xs]) => xs.length);
}

const sum = (a: number, b: number) => a + b;

function refuseMore(what: string, count: number, most: number): void {
  if (count <= most) return;
  throw new HttpError(
    413,
    `train: ${count} ${what}; at most ${most} are accepted. Send fewer, or use scanstroke train --data`,
  );
}
