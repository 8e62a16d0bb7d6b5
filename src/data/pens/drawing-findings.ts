/** What is said about drawings that were read: those without points, which are left out, and classes without drawings. */
import { inOneLine, quote } from '../../formats/quotation.js';
import type { Drawing } from '../../ink/drawing.js';

/** Drawings, and classes, that a line names. */
const NAMED = 3;

/** Collects what is to be said while drawings are read. */
export class DrawingFindings {
  readonly #empty: string[] = [];
  #emptyCount = 0;
  readonly #listed = new Set<string>();

  /** @returns false for a drawing without points, which cannot be a sample. @param where for messages */
  holds({ strokes }: Drawing, where: string): boolean {
    if (strokes.some(({ xs }) => xs.length > 0)) return true;
    this.#emptyCount++;
    if (this.#empty.length < NAMED) this.#empty.push(inOneLine(where));
    return false;
  }

  /** Classes that a file names, with or without drawings. */
  list(classes: readonly string[]): void {
    for (const each of classes) this.#listed.add(each);
  }

  /** A line for each fact. @param classes those with drawings */
  lines(name: string, classes: readonly string[]): string[] {
    const lines: string[] = [];
    if (this.#emptyCount > 0) {
      const count = this.#emptyCount === 1 ? '1 drawing' : `${this.#emptyCount} drawings`;
      lines.push(`${name}: ${count} without strokes left out: ${some(this.#empty, this.#emptyCount)}`);
    }
    const known = new Set(classes);
    const bare = [...this.#listed].filter((each) => !known.has(each)).map((each) => quote(each));
    if (bare.length > 0) {
      lines.push(
        bare.length === 1
          ? `${name}: the class ${bare[0]} without drawings left out: the network will not know it`
          : `${name}: the classes ${some(bare, bare.length)} without drawings left out: the network will not know them`,
      );
    }
    return lines;
  }
}

function some(items: readonly string[], count: number): string {
  const shown = items.slice(0, NAMED);
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`;
}
