/** The drawings of a project as lines of JSON, in the form of Quick, Draw!, and back. */
import { parseJson } from '../../formats/json.js';
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
} from './project-types.js';

/** Quick, Draw!'s simplified drawings lie in a square from 0 to 255. */
const SIDE = 255;

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
    if (drawings.length > MAX_PROJECT_DRAWINGS || classes.size > MAX_PROJECT_CLASSES) {
      throw new UserError(
        `${where}: more than ${MAX_PROJECT_CLASSES} classes or ${MAX_PROJECT_DRAWINGS} drawings; take fewer lines, or train on the ` +
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
  if (typeof key === 'string' && key !== '' && key.length <= MAX_PROJECT_ID && !taken.has(key)) return key;
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
