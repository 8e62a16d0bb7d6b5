/**
 * Reads and writes the JSON of our files. Reading refuses text that is nested too deeply before it calls JSON.parse, and
 * its errors name the file. Writing refuses values that JSON.stringify would silently change (NaN to null, a typed array
 * to an object), because a resumed run must read exactly what was written.
 */

import { UserError } from '../user-error.js';
import { inOneLine } from './quotation.js';

/** Deepest nesting of arrays and objects. Our own files have at most 5 levels. */
const MAX_DEPTH = 32;
/** Characters shown of the reason why a text is no JSON, which quotes it. */
const MAX_REASON = 120;

/**
 * Parses JSON.
 * @param text
 * @param where how messages name the text, for example `runs/a/summary.json`
 * @throws UserError if the text is not JSON or is nested deeper than 32 levels
 */
export function parseJson(text: string, where: string): unknown {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inText) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inText = false;
    } else if (c === 0x22) inText = true;
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > MAX_DEPTH) {
        throw new UserError(
          `${where}: nested deeper than ${MAX_DEPTH} at character ${i}; this is not a file of scanstroke`,
        );
      }
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = message.replace(/ is not valid JSON$/, '');
    const shown = reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason;
    throw new UserError(`${where}: not valid JSON: ${inOneLine(shown)}`);
  }
}

/**
 * Writes a value as JSON that reads back the same. Members that are undefined are left out.
 * @param value of null, booleans, finite numbers, strings, arrays and plain objects
 * @param what how messages name the value, for example `summary`
 * @param indent spaces per level; 0 for one line
 * @throws UserError with the path of a member that JSON cannot hold
 */
export function formatJson(value: unknown, what: string, indent = 0): string {
  check(value, what, 0);
  return JSON.stringify(value, null, indent);
}

function check(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return;
    throw new UserError(`cannot write ${path}: it is ${value}, but JSON holds finite numbers only`);
  }
  if (depth === MAX_DEPTH) throw new UserError(`cannot write ${path}: nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) {
    value.forEach((element, i) => {
      check(element, `${path}[${i}]`, depth + 1);
    });
    return;
  }
  if (!isPlainObject(value)) {
    const type = typeof value === 'object' ? value.constructor?.name : typeof value;
    throw new UserError(`cannot write ${path}: JSON cannot hold a value of type ${type}`);
  }
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) check(member, `${path}.${key}`, depth + 1);
  }
}

/** True for an object made by `{}`, JSON.parse or Object.create(null); false for arrays and class instances. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
