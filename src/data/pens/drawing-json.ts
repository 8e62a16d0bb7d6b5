/**
 * Reads drawings from JSON: those of a drawing page, and lines of Quick, Draw! (raw or simplified).
 *
 * - `{ "strokes": [stroke …], "label": "7" }`, where a stroke is `{ "x": [...], "y": [...], "t": [...] }`, or a list of
 *   points `{ "x": …, "y": …, "t": … }` or `[x, y, t]`. Times and the label may be missing.
 * - `{ "drawing": [[[x …], [y …], [t …]] …], "word": "cat" }`, Quick, Draw!'s.
 *
 * x goes to the right and y downwards, in any unit. Times are not used.
 */

import { isPlainObject } from '../../formats/json.js';
import { quote } from '../../formats/quotation.js';
import type { Drawing, Stroke } from '../../ink/drawing.js';
import { UserError } from '../../user-error.js';

/** An hour with a tablet that reports 200 points a second is less than a million. */
export const MAX_POINTS = 100_000;
export const MAX_STROKES = 10_000;
const MAX_LABEL_LETTERS = 200;

export interface LabelledDrawing {
  drawing: Drawing;
  /** The label, if there is one. */
  label: string | null;
}

/**
 * A drawing from its JSON value.
 * @param value from JSON.parse
 * @param where names the value in messages
 * @throws UserError naming the stroke and the point that is wrong
 */
export function parseDrawing(value: unknown, where: string): LabelledDrawing {
  if (!isPlainObject(value)) throw wrong(where, 'an object with "strokes" or "drawing"', value);
  const { strokes, drawing, label, word } = value;
  const list = strokes ?? drawing;
  if (!Array.isArray(list)) {
    throw wrong(where, 'a list "strokes" (or "drawing", as Quick, Draw! has it)', list);
  }
  if (list.length > MAX_STROKES) {
    throw new UserError(`${where}: ${list.length} strokes; at most ${MAX_STROKES} are accepted`);
  }
  const parse = strokes === undefined ? parseColumns : parseStroke;
  let points = 0;
  const parsed = list.map((each: unknown, n) => {
    const stroke = parse(each, `${where}: stroke ${n}`);
    points += stroke.xs.length;
    if (points > MAX_POINTS) throw tooMany(where);
    return stroke;
  });
  return { drawing: { strokes: parsed }, label: parseLabel(label ?? word, where) };
}

function parseLabel(label: unknown, where: string): string | null {
  if (label === undefined || label === null) return null;
  const text = typeof label === 'number' ? String(label) : label;
  if (typeof text !== 'string' || text === '' || text.length > MAX_LABEL_LETTERS) {
    throw wrong(`${where}: label`, `a text of 1 to ${MAX_LABEL_LETTERS} letters`, label);
  }
  return text;
}

/** A stroke as a page sends it. */
function parseStroke(stroke: unknown, where: string): Stroke {
  if (isPlainObject(stroke)) return columns(stroke.x, stroke.y, where);
  if (!Array.isArray(stroke)) throw wrong(where, '{ x: [], y: [] } or a list of points', stroke);
  if (stroke.length > MAX_POINTS) throw tooMany(where);
  const xs = new Float64Array(stroke.length);
  const ys = new Float64Array(stroke.length);
  stroke.forEach((point: unknown, n) => {
    const [x, y] = isPlainObject(point) ? [point.x, point.y] : Array.isArray(point) ? point : [];
    if (!isCoordinate(x) || !isCoordinate(y)) {
      throw wrong(`${where}: point ${n}`, '[x, y] or { x, y } with finite numbers', point);
    }
    xs[n] = x;
    ys[n] = y;
  });
  return { xs, ys };
}

/** A stroke as Quick, Draw! has it: [[x …], [y …]] or [[x …], [y …], [t …]]. */
function parseColumns(stroke: unknown, where: string): Stroke {
  if (!Array.isArray(stroke) || stroke.length < 2) throw wrong(where, '[[x …], [y …]]', stroke);
  return columns(stroke[0], stroke[1], where);
}

function columns(x: unknown, y: unknown, where: string): Stroke {
  if (!Array.isArray(x)) throw wrong(where, 'a list of x', x);
  if (!Array.isArray(y)) throw wrong(where, 'a list of y', y);
  if (x.length !== y.length) {
    throw new UserError(`${where} has ${x.length} x and ${y.length} y; expected as many of each`);
  }
  if (x.length > MAX_POINTS) throw tooMany(where);
  for (let n = 0; n < x.length; n++) {
    if (!isCoordinate(x[n]) || !isCoordinate(y[n])) {
      throw wrong(`${where}: point ${n}`, 'finite numbers', [x[n], y[n]]);
    }
  }
  return { xs: Float64Array.from(x), ys: Float64Array.from(y) };
}

/** A number whose differences and sums stay finite. */
function isCoordinate(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= 1e9;
}

function wrong(where: string, expected: string, found: unknown): UserError {
  const shown = found === undefined ? 'nothing' : quote(JSON.stringify(found) ?? typeof found, 60);
  return new UserError(`${where}: expected ${expected}, found ${shown}`);
}

function tooMany(where: string): UserError {
  return new UserError(`${where}: more than ${MAX_POINTS} points; at most so many are accepted`);
}
