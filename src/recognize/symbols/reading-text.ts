/** The text of a reading, for files and for the page alike. */
import { isNone } from '../guess-name.js';

/**
 * The lines of the text. Names are separated by spaces if any class of the network has a name of several letters, so a
 * text keeps its form while it grows.
 *
 * @param symbols their classes, and their lines from 0
 * @param classes names of the network's classes
 * @param nameOf how a class is called
 */
export function textLines(
  symbols: readonly { answer: string; line: number }[],
  classes: readonly string[],
  nameOf = (name: string) => name,
): string[] {
  const isLetter = (name: string) => isNone(name) || [...nameOf(name)].length === 1;
  const separator = classes.every(isLetter) ? '' : ' ';
  const lines: string[][] = [];
  for (const { answer, line } of symbols) {
    lines[line] ??= [];
    lines[line].push(nameOf(answer));
  }
  return lines.filter((line) => line).map((line) => line.join(separator));
}
