/**
 * Names are snake_case on disk and camelCase in the API. snakeCaseKeys and camelCaseKeys convert the keys of a value at
 * every depth, also inside arrays. They do not change the values.
 */

import { UserError } from '../user-error.js';
import { isPlainObject } from './json.js';
import { quote } from './quotation.js';

/**
 * Keys from camelCase to snake_case: `bestValAccuracy` → `best_val_accuracy`.
 * @param where how messages name the value
 * @throws UserError for a key that `camelCaseKeys` would not restore
 */
export function snakeCaseKeys(value: unknown, where: string): unknown {
  return mapKeys(value, where, (key) => {
    const snake = snakeCase(key);
    if (camelCase(snake) !== key) {
      throw new UserError(
        `cannot write ${where}: the key ${quote(key)} is not camelCase, so it would not be restored`,
      );
    }
    return snake;
  });
}

/**
 * Keys from snake_case to camelCase: `best_val_accuracy` → `bestValAccuracy`. Other keys stay as they are.
 * @param where how messages name the value, for example its file
 * @throws UserError if a key occurs in both spellings
 */
export function camelCaseKeys(value: unknown, where: string): unknown {
  return mapKeys(value, where, camelCase);
}

/** `hiddenSize` → `hidden_size`. No underscore before digits: `t0`, `beta1`. */
export const snakeCase = remembered((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

/** `hidden_size` → `hiddenSize`. */
export const camelCase = remembered((name) =>
  name.replace(/(?<=[A-Za-z0-9])_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
);

/** Conversions that are remembered; all of our own files together have fewer keys. */
const MAX_REMEMBERED = 1000;
const MAX_REMEMBERED_LENGTH = 40;

/** A server converts the same keys by the million. A hostile file may have any keys, so few are remembered, and no long ones. */
function remembered(convert: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const converted = convert(name);
    if (name.length > MAX_REMEMBERED_LENGTH) return converted;
    if (known.size === MAX_REMEMBERED) known.clear();
    known.set(name, converted);
    return converted;
  };
}

function mapKeys(value: unknown, where: string, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((element) => mapKeys(element, where, rename));
  if (!isPlainObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const renamed = rename(key);
    if (Object.hasOwn(result, renamed)) {
      throw new UserError(
        `${where}: ${quote(key)} occurs twice, in snake_case and in camelCase; keep one of them`,
      );
    }
    const member = mapKeys(value[key], where, rename);
    if (renamed !== '__proto__') result[renamed] = member;
    // An ordinary member; an assignment would set the prototype.
    else
      Object.defineProperty(result, renamed, {
        value: member,
        enumerable: true,
        writable: true,
        configurable: true,
      });
  }
  return result;
}
