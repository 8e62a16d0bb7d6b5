/** classes.txt: one class name on each line, in the order of the labels. */

import { quote } from '../formats/quotation.js';
import { UserError } from '../user-error.js';

export const CLASS_NAMES_FILE = 'classes.txt';
export const MAX_CLASS_NAMES_BYTES = 2 ** 20;

/**
 * Parses class names.
 * @param name of the file, for messages
 * @param count number of classes
 * @throws UserError if there are more or fewer lines, an empty one, or the same one twice
 */
export function parseClassNames(bytes: Uint8Array, name: string, count: number): string[] {
  const names = new TextDecoder()
    .decode(bytes)
    .split(/\r?\n/)
    .map((line) => line.trim());
  while (names.at(-1) === '') names.pop();
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
