/** How classes look on a pad. */
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
