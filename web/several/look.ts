/** How classes look on a pad, and the text of a reading. */
import type { ReadSymbol } from '#src/recognize/symbols/read-symbols.js';
import { shownNames } from '../charts/class-name.js';
import { classHue } from '../charts/classes.js';

/** Names and colours of classes, by their names in the network. */
export interface ClassLook {
  nameOf(name: string): string;
  /** CSS variables: `--hue`, or `--colour`. */
  styleOf(name: string): Record<string, string | number>;
}

/** The look of a network's classes, as in the bars and charts. */
export function lookOf(classes: readonly string[]): ClassLook {
  const names = new Map(classes.map((name, k) => [name, { shown: shownNames(classes)[k], index: k }]));
  return {
    nameOf: (name) => names.get(name)?.shown ?? name,
    styleOf: (name) => ({ '--hue': classHue(names.get(name)?.index ?? 0, classes.length) }),
  };
}

/** The reading's lines; names of more than a letter are separated by spaces. */
export function linesOf(symbols: readonly ReadSymbol[], { nameOf }: ClassLook): string[] {
  const names = symbols.map(({ answer }) => nameOf(answer));
  const isWord = names.some((name) => [...name].length > 1);
  const lines: string[][] = [];
  symbols.forEach(({ line }, n) => {
    lines[line] ??= [];
    lines[line].push(names[n]);
  });
  return lines.filter((line) => line).map((line) => line.join(isWord ? ' ' : ''));
}
