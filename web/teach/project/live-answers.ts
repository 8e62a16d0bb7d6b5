/**
 * Answers to the drawing under the pen: by the nearest examples from the second example on, and by the taught network as
 * soon as there is one that knows all the classes. One question is under way; of those that wait only the newest stays.
 */
import type { LeaveOneOut } from '#src/teach/nearest.js';
import { messageOf } from '../../hooks.js';
import type { Example, LiveReply } from '../../workers/teach-protocol.js';
import { countsOf, type Lesson } from './edits.js';
import type { TeachWorker } from './teach-worker.js';

/** An answer to show. */
export interface LiveAnswer {
  /** What answered. */
  by: 'examples' | 'network';
  /** Ids of the classes. */
  classes: string[];
  /** [K] share of each class, 0 to 1. Their sum and `none` are 1. */
  shares: number[];
  /** Share of “none of these”; null if what answers does not know this answer. */
  none: number | null;
}

export class LiveAnswers {
  answer: LiveAnswer | null = null;
  /** How the examples are answered when each is left out in turn. Null without a network for features. */
  leftOut: LeaveOneOut | null = null;
  /** Whether there is a network whose features tell symbols apart. */
  features: 'loading' | 'ready' | 'missing' = 'loading';
  /** Why the last question has no answer. */
  problem: string | null = null;
  /** [K] names of the classes in the taught network. */
  networkClasses: readonly string[] = [];
  readonly #worker: TeachWorker;
  readonly #changed: () => void;
  #lesson: Lesson = { name: '', classes: [], drawings: [] };
  /** Class ids by the names that the opened network has for them. */
  #networkIds: ReadonlyMap<string, string> | null = null;
  #sent = new Map<string, string>();
  #asking = false;
  #newest: number[][][] | null = null;
  #current = 0;
  /** Increases with each project: what was asked for an earlier one is dropped. */
  #generation = 0;

  constructor(worker: TeachWorker, changed: () => void) {
    this.#worker = worker;
    this.#changed = changed;
  }

  /** @param checkpoint URL of a network for strokes; null if there is none */
  async openFeatures(checkpoint: string | null): Promise<void> {
    try {
      if (checkpoint === null) throw new Error('no network for strokes');
      await this.#worker.call('features', { checkpoint });
      this.features = 'ready';
    } catch {
      this.features = 'missing'; // The training alone answers.
    }
    this.#sent = new Map();
    await this.setLesson(this.#lesson);
    this.#changed();
  }

  /** Sends what has changed since the last call. */
  async setLesson(lesson: Lesson): Promise<void> {
    this.#lesson = lesson;
    if (this.features !== 'ready') return;
    const put: Example[] = [];
    const now = new Map<string, string>();
    for (const { id, class: classId, drawing } of lesson.drawings) {
      now.set(id, classId);
      if (this.#sent.get(id) !== classId) put.push({ id, class: classId, drawing });
    }
    const remove = [...this.#sent.keys()].filter((id) => !now.has(id));
    this.#sent = now;
    if (put.length === 0 && remove.length === 0) return;
    const generation = this.#generation;
    try {
      const leftOut = await this.#worker.call('examples', { put, remove });
      if (generation !== this.#generation) return;
      this.leftOut = leftOut;
    } catch (error) {
      this.problem = messageOf(error);
    }
    this.#changed();
  }

  /** Another project: ids mean other drawings. */
  async forget(): Promise<void> {
    const remove = [...this.#sent.keys()];
    this.#generation++;
    this.#sent = new Map();
    this.leftOut = null;
    this.#networkIds = null;
    this.clear();
    if (remove.length > 0) await this.#worker.call('examples', { put: [], remove });
  }

  /**
   * @param ids class ids by the names in the checkpoint
   * @returns why the network cannot be opened; null if it is, and if another project is open meanwhile
   */
  async setNetwork(checkpoint: Uint8Array, ids: ReadonlyMap<string, string>): Promise<string | null> {
    const generation = this.#generation;
    try {
      const classes = await this.#worker.call('network', { checkpoint });
      if (generation !== this.#generation) return null;
      // A training sends the same map with each better network; a new one tells the networks apart.
      this.#networkIds = new Map(ids);
      this.networkClasses = classes;
      this.#changed();
    } catch (error) {
      if (generation === this.#generation) return messageOf(error);
    }
    return null;
  }

  /** Class ids by the names in the taught network; null without one. */
  get networkIds(): ReadonlyMap<string, string> | null {
    return this.#networkIds;
  }

  /** Whether the taught network knows all classes that have drawings. */
  get networkAnswers(): boolean {
    const known = new Set(this.#networkIds?.values());
    return (
      this.#networkIds !== null &&
      [...countsOf(this.#lesson)].every(([id, count]) => count === 0 || known.has(id))
    );
  }

  /** Asks for an answer to the drawing. */
  ask(drawing: number[][][]): void {
    this.#newest = drawing;
    if (!this.#asking) void this.#askNext();
  }

  /** There is no drawing. */
  clear(): void {
    this.#newest = null;
    this.#current++;
    this.answer = null;
    this.#changed();
  }

  async #askNext(): Promise<void> {
    this.#asking = true;
    while (this.#newest) {
      const drawing = this.#newest;
      const current = this.#current;
      this.#newest = null;
      try {
        const reply = await this.#worker.call('answer', { drawing });
        if (current !== this.#current) continue;
        this.answer = this.#answerOf(reply);
        this.problem = null;
      } catch (error) {
        this.problem = messageOf(error);
      }
      this.#changed();
    }
    this.#asking = false;
  }

  #answerOf({ nearest, network, networkClasses }: LiveReply): LiveAnswer | null {
    if (network && this.networkAnswers) {
      const ids = this.#networkIds as ReadonlyMap<string, string>;
      const none = networkClasses.indexOf('none');
      const kept = networkClasses.flatMap((name, k) => {
        const id = ids.get(name);
        return id !== undefined && this.#lesson.classes.some((each) => each.id === id)
          ? [[id, network[k]] as const]
          : [];
      });
      return {
        by: 'network',
        classes: kept.map(([id]) => id),
        shares: kept.map(([, share]) => share),
        // A class of the project that is named so is among the others.
        none: none < 0 || ids.has('none') ? null : network[none],
      };
    }
    if (!nearest) return null;
    const { classes, probabilities, none } = nearest;
    const named = this.#lesson.classes.find(({ name }) => name === 'none')?.id;
    const isNone = (id: string) => id === named;
    return {
      by: 'examples',
      classes,
      shares: classes.map((id, k) => probabilities[k] * (1 - none) + (isNone(id) ? none : 0)),
      none: classes.some(isNone) ? null : none,
    };
  }
}
