/**
 * Words of one's own symbols, on a pad of the Teach view: which network reads them, how classes look, and what teaching
 * a written symbol adds to the project.
 */
import type { ReadSymbol, SymbolReading } from '#src/recognize/symbols/read-symbols.js';
import type { ClassLook } from '../several/look.js';
import { PadSession, type SymbolReader } from '../several/pad-session.js';
import type { SymbolQuestion } from '../workers/protocol.js';
import { countsOf, type Lesson } from './edits.js';
import type { LiveAnswers } from './live-answers.js';
import type { TeachWorker } from './teach-worker.js';

/** Reads with the taught network, or with the nearest examples. */
class LessonReader implements SymbolReader {
  readonly classes: readonly string[];
  /** Class ids by their names in the reading. */
  readonly ids: ReadonlyMap<string, string>;
  readonly by: 'network' | 'examples';
  readonly #worker: TeachWorker;

  constructor(
    worker: TeachWorker,
    by: 'network' | 'examples',
    classes: readonly string[],
    ids: ReadonlyMap<string, string>,
  ) {
    this.#worker = worker;
    this.by = by;
    this.classes = classes;
    this.ids = ids;
  }

  read(question: SymbolQuestion): Promise<SymbolReading> {
    const examples = this.by === 'examples' ? this.classes.filter((name) => name !== 'none') : null;
    return this.#worker.call('read', { ...question, examples });
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
      const ids = new Map(taught.map((id) => [id, id]));
      this.#reader = new LessonReader(this.#worker, 'examples', [...taught, 'none'], ids);
    } else this.#reader = null;
    this.pad.setReader(this.#reader);
  }

  /** Names and colours of the project. */
  lookOf(lesson: Lesson): ClassLook {
    const classOf = (name: string) => {
      const id = this.#reader?.ids.get(name) ?? name;
      return lesson.classes.find((each) => each.id === id);
    };
    return {
      nameOf: (name) => classOf(name)?.name ?? name,
      styleOf: (name) => ({ '--colour': classOf(name)?.colour ?? 'var(--axis)' }),
    };
  }

  /** The class of a symbol, and its ink as a drawing: for each stroke, [[x …], [y …]]. */
  exampleOf({ answer, parts }: ReadSymbol): { class: string; drawing: number[][][] } | null {
    const id = this.#reader?.ids.get(answer);
    const strokes = this.pad.reading?.strokes;
    if (id === undefined || !strokes) return null;
    const rounded = (values: readonly number[]) => values.map((value) => Math.round(value * 10) / 10);
    const drawing = parts.map(({ index, from, to }) => {
      const { xs, ys } = strokes[index];
      return [rounded(xs.slice(from, to)), rounded(ys.slice(from, to))];
    });
    return { class: id, drawing };
  }
}
