/**
 * JSON as our files hold it. Reading refuses text that nests deeper than any of ours before JSON.parse sees it, and
 * names the file and the line; writing refuses what JSON.stringify would silently change (NaN becomes null, a typed
 * array becomes an object), because a resumed run must read back just what was written.
 */

import { UserError } from '../user-error.js';
import { quote } from './quotation.js';

/** No file of ours nests deeper than 5. */
const MAX_DEPTH = 32;

/**
 * The value of a JSON text.
 * @param text
 * @param where how messages name the text, e.g. `runs/a/summary.json`
 * @throws UserError for anything that is not JSON, or nests deeper than 32
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
          `${where}: nested deeper than ${MAX_DEPTH} at character ${i}; not a file of scanstroke's`,
        );
      }
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`${where}: not valid JSON: ${quote(reason, 120).slice(1, -1)}`);
  }
}

/**
 * A value as JSON that reads back the same. Members that are undefined are left out.
 * @param value null, booleans, finite numbers, texts, arrays and plain objects
 * @param what how messages name the value, e.g. `summary`
 * @param indent spaces per level; 0 for one line
 * @throws UserError naming the member that JSON cannot hold
 */
export function formatJson(value: unknown, what: string, indent = 0): string {
  check(value, what, 0);
  return JSON.stringify(value, null, indent);
}

function check(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return;
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return;
    throw new UserError(`cannot write ${path}: it is ${value}, and JSON holds only finite numbers`);
  }
  if (depth === MAX_DEPTH) throw new UserError(`cannot write ${path}: nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) {
    value.forEach((element, i) => {
      check(element, `${path}[${i}]`, depth + 1);
    });
    return;
  }
  if (!isPlainObject(value)) {
    const kind = typeof value === 'object' ? value.constructor?.name : typeof value;
    throw new UserError(`cannot write ${path}: JSON cannot hold a value of type ${kind}`);
  }
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) check(member, `${path}.${key}`, depth + 1);
  }
}

/** Made by `{}`, JSON.parse or Object.create(null), and no array. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
