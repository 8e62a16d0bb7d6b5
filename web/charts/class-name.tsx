/** Names of classes for display. They come from data sets, so they may be long, empty, or written from right to left. */
import { className } from '#src/report/recall.js';

const known = new WeakMap<readonly string[], readonly string[]>();

/** The names to show: control characters replaced, a blank name replaced by the class's index. */
export function shownNames(classes: readonly string[]): readonly string[] {
  const found = known.get(classes);
  if (found) return found;
  const names = classes.map((name, k) => (name.trim() === '' ? String(k) : className(classes, k)));
  known.set(classes, names);
  return names;
}

/** For attributes and options, which cannot hold elements: keeps the name's direction from changing the text around it. */
export function isolated(name: string): string {
  return /^[\x20-\x7e]*$/.test(name) ? name : `\u2068${name}\u2069`;
}

/** A name within other text; a long one is cut, and shown in full at the pointer. */
export function ClassName({ name }: { name: string }) {
  return (
    <bdi class="class-name" title={[...name].length > 12 ? name : undefined}>
      {name}
    </bdi>
  );
}
