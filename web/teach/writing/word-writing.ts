/**
 * Words of one's own symbols, on a pad of the Teach view: which network reads them, how classes look, and what teaching
 * a written symbol adds to the project.
 */
import type { ReadSymbol, SymbolReading } from '#src/recognize/symbols/read-symbols.js';
import type { ClassLook } from '../../several/look.js';
import { PadSession, type SymbolReader } from '../../several/pad-session.js';
import type { SymbolQuestion } from '../../workers/protocol.js';
import { countsOf, type Lesson } from '../project/edits.js';
import type { LiveAnswers } from '../project/live-answers.js';
import type { TeachWorker } from '../project/teach-worker.js';

/**
 * Reads with the taught network, or with the nearest examples. Classes have their ids as names, whatever reads: so
 * corrections and readings stay when the network takes over, and when a symbol is renamed.
 */
class LessonReader implements SymbolReader {
  readonly classes: readonly string[];
  readonly by: 'network' | 'examples';
  readonly #worker: TeachWorker;
  /** Class ids by their names in the network. */
  readonly #ids: ReadonlyMap<string, string>;

  /** @param names of the classes in what reads */
  constructor(
    worker: TeachWorker,
    by: 'network' | 'examples',
    names: readonly string[],
    ids: ReadonlyMap<string, string>,
  ) {
    this.#worker = worker;
    this.by = by;
    this.#ids = ids;
    this.classes = names.map((name) => this.#idOf(name));
  }

  async read({ strokes, corrections, change }: SymbolQuestion): Promise<SymbolReading> {
    const names = new Map([...this.#ids].map(([name, id]) => [id, name]));
    const reading = await this.#worker.call('read', {
      strokes,
      corrections: corrections.map(({ parts, answer }) => ({
        parts,
        ...(answer !== undefined && { answer: answer && (names.get(answer) ?? answer) }),
      })),
      change,
      examples: this.by === 'examples' ? this.classes.filter((name) => name !== 'none') : null,
    });
    const symbols = reading.symbols.map((symbol) => ({
      ...symbol,
      answer: this.#idOf(symbol.answer),
      alternatives: symbol.alternatives.map((guess) => ({ ...guess, class: this.#idOf(guess.class) })),
    }));
    return { ...reading, symbols };
  }

  #idOf(name: string): string {
    return this.#ids.get(name) ?? name;
  }
}

export class WordWriting {
  readonly pad = new PadSession();
  readonly #worker: TeachWorker;
  #reader: LessonReader | null = null;
  /** What the reader depends on. */
  #known: readonly unknown[] = [];

  constructor(worker: TeachWorker) {
    this.#worker = worker;
  }

  /** What reads; null: nothing yet. */
  get by(): 'network' | 'examples' | null {
    return this.#reader?.by ?? null;
  }

  /** Reads anew with what answers now, if the examples or the network have changed. */
  update(lesson: Lesson, answers: LiveAnswers): void {
    const { networkIds, networkClasses, features, networkAnswers, leftOut } = answers;
    const known = networkAnswers ? [networkIds] : [features, leftOut, lesson.drawings];
    if (known.length === this.#known.length && known.every((each, n) => each === this.#known[n])) return;
    this.#known = known;
    const taught = [...countsOf(lesson)].filter(([, count]) => count > 0).map(([id]) => id);
    if (networkAnswers && networkIds) {
      this.#reader = new LessonReader(this.#worker, 'network', networkClasses, networkIds);
    } else if (features === 'ready' && taught.length > 1) {
      this.#reader = new LessonReader(this.#worker, 'examples', [...taught, 'none'], new Map());
    } else this.#reader = null;
    this.pad.setReader(this.#reader);
  }

  /** Names and colours of the project. */
  lookOf(lesson: Lesson): ClassLook {
    const classOf = (id: string) => lesson.classes.find((each) => each.id === id);
    return {
      nameOf: (id) => classOf(id)?.name ?? id,
      styleOf: (id) => ({ '--colour': classOf(id)?.colour ?? 'var(--axis)' }),
    };
  }

  /** The ink of a symbol as a drawing: for each stroke, [[x …], [y …]]. */
  drawingOf({ parts }: ReadSymbol): number[][][] {
    const strokes = this.pad.reading?.strokes ?? [];
    const rounded = (values: readonly number[]) => values.map((value) => Math.round(value * 10) / 10);
    return parts.map(({ index, from, to }) => {
      const { xs, ys } = strokes[index];
      return [rounded(xs.slice(from, to)), rounded(ys.slice(from, to))];
    });
  }
}
