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
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `hidden_size` → `hiddenSize`. */
export function camelCase(name: string): string {
  return name.replace(/(?<=[A-Za-z0-9])_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function mapKeys(value: unknown, where: string, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((element) => mapKeys(element, where, rename));
  if (!isPlainObject(value)) return value;
  const entries = new Map<string, unknown>();
  for (const [key, member] of Object.entries(value)) {
    const renamed = rename(key);
    if (entries.has(renamed)) {
      throw new UserError(
        `${where}: ${quote(key)} occurs twice, in snake_case and in camelCase; keep one of them`,
      );
    }
    entries.set(renamed, mapKeys(member, where, rename));
  }
  // fromEntries makes a key `__proto__` an ordinary member; an assignment would set the prototype.
  return Object.fromEntries(entries);
}
