/**
 * The network in a project file (data/pens/project.ts), which holds a checkpoint as base64. Wherever a command takes a
 * checkpoint, it takes such a file. Node.js only.
 */
import { closeSync, readSync } from 'node:fs';
import { isProject, projectOf, type TaughtNetwork, type TeachProject } from '../../data/pens/project.js';
import { beginsLikeJson } from '../../formats/content.js';
import { isPlainObject, parseJson } from '../../formats/json.js';
import { openRegularFileSync } from '../../formats/read-files.js';
import { UserError } from '../../user-error.js';

/** As projects are read elsewhere. */
export const MAX_PROJECT_BYTES = 2 ** 26;
const START_BYTES = 4096;

/**
 * The project in a file; null if the file holds none, whatever it holds.
 * @throws UserError if the file cannot be opened, or its project is damaged
 */
export function readProjectFile(path: string): TeachProject | null {
  const value = projectValue(path);
  return value === null ? null : projectOf(value, path);
}

/**
 * The network in a project file; null if the file is no project.
 * @throws UserError if the project is damaged, or has no network
 */
export function networkInProject(path: string): TaughtNetwork | null {
  const project = readProjectFile(path);
  if (project === null) return null;
  if (project.network !== null) return project.network;
  throw new UserError(
    `${path}: this project has drawings, but no network yet; open it in the page (scanstroke serve ${path}), which teaches one, ` +
      'and save it, or train one: scanstroke train --data',
  );
}

/** Whether a file calls itself a project. */
export function isProjectFile(path: string): boolean {
  return projectValue(path) !== null;
}

/** Whether a file is a project with a network. A damaged project counts too: reading it says what is wrong. */
export function holdsNetwork(path: string): boolean {
  const value = projectValue(path);
  return value !== null && isPlainObject(value.network);
}

/** The JSON value of a project file; null for another file. */
function projectValue(path: string): Record<string, unknown> | null {
  const { descriptor, size } = openRegularFileSync(path, `the checkpoint ${path}`, Number.MAX_SAFE_INTEGER);
  try {
    const start = new Uint8Array(Math.min(size, START_BYTES));
    const read = readSync(descriptor, start, 0, start.length, 0);
    // A checkpoint may begin with a brace, too: its length. Text has no zero bytes.
    const isText = read > 0 && beginsLikeJson(start) && !start.includes(0);
    if (!isText || size > MAX_PROJECT_BYTES) return null;
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const count = readSync(descriptor, bytes, at, size - at, at);
      if (count === 0) return null;
      at += count;
    }
    const value = parsed(bytes, path);
    return isPlainObject(value) && isProject(value) ? value : null;
  } finally {
    closeSync(descriptor);
  }
}

/** Null for text that is no JSON, which may be lines of JSON. */
function parsed(bytes: Uint8Array, path: string): unknown {
  try {
    return parseJson(new TextDecoder().decode(bytes), path);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
