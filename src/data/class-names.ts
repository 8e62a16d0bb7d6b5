/** Names of classes, and classes.txt: one class name on each line, in the order of the labels. */

import { quote } from '../formats/quotation.js';
import { UserError } from '../user-error.js';

/** The class of what belongs to no other class; people read “none of these”. */
export const NONE_CLASS = 'none';
export const CLASS_NAMES_FILE = 'classes.txt';
export const MAX_CLASS_NAMES_BYTES = 2 ** 20;
/** Limit for the classes of a checkpoint. Data in memory have at most 256: their labels are bytes. */
export const MAX_CLASSES = 2 ** 16;
/** Limit for a class name. Names are headings of tables and charts. */
const MAX_CLASS_NAME_CHARACTERS = 1000;

const DIGITS = '0123456789';

/** Whether the classes are the ten digits, in their order. */
export function areDigits(classes: readonly string[]): boolean {
  return classes.length === DIGITS.length && classes.every((name, k) => name === DIGITS[k]);
}

/**
 * Checks the names of a model's or a data set's classes, which come from files and are shown in terminals and pages.
 * @param where how messages name the names' source
 * @throws UserError for a name that is empty, too long, or has control characters, and for two equal names
 */
export function checkClassNames(names: readonly string[], where: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    const problem =
      name === ''
        ? 'is empty'
        : name.length > MAX_CLASS_NAME_CHARACTERS
          ? `is longer than ${MAX_CLASS_NAME_CHARACTERS} characters`
          : /\p{Cc}/u.test(name)
            ? 'has control characters'
            : seen.has(name)
              ? 'is the name of two classes'
              : null;
    if (problem) throw new UserError(`${where}: the class name ${quote(name)} ${problem}; rename the class`);
    seen.add(name);
  }
}

/** The lines of a file of class names, without blanks around them and without empty lines at the end. */
export function classLines(bytes: Uint8Array): string[] {
  const names = new TextDecoder()
    .decode(bytes)
    .split(/\r?\n/)
    .map((line) => line.trim());
  while (names.at(-1) === '') names.pop();
  return names;
}

/**
 * Parses class names.
 * @param name of the file, for messages
 * @param count number of classes
 * @throws UserError if there are more or fewer lines, an empty one, or the same one twice
 */
export function parseClassNames(bytes: Uint8Array, name: string, count: number): string[] {
  const names = classLines(bytes);
  if (names.length !== count) {
    throw new UserError(
      `${name}: ${names.length} lines, but the training labels have ${count} classes; one line a class`,
    );
  }
  const lines = new Map<string, number>();
  names.forEach((each, i) => {
    if (each === '') throw new UserError(`${name}:${i + 1}: an empty line; every class needs a name`);
    const before = lines.get(each);
    if (before !== undefined) {
      throw new UserError(`${name}:${i + 1}: ${quote(each)} is already on line ${before}`);
    }
    lines.set(each, i + 1);
  });
  return names;
}

/** Orders labels: numbers by value, then names alphabetically. */
export function byNumberThenName(a: string, b: string): number {
  const [m, n] = [a, b].map((text) => (/^\d{1,9}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY));
  if (m !== n) return m < n ? -1 : 1;
  return a < b ? -1 : 1;
}
