/**
 * Trains the network in the background: starts some seconds after the last change, again when drawings change, and can
 * be paused. Keeps the curve of the training under way.
 */
import type { TeachProject, TeachSummary } from '#src/data/pens/project.js';
import type { TeachProgress } from '#src/teach/train-symbols.js';
import { messageOf } from '../../hooks.js';
import { countsOf, type Lesson, teachSame } from './edits.js';
import type { TeachWorker } from './teach-worker.js';

/** The training starts when nothing has changed for this long. */
const CALM_MS = 2500;
/** A class takes part from this many drawings on. */
export const LEAST_DRAWINGS = 2;

export type TrainingState =
  /** There are too few drawings, or the network is up to date. */
  'idle' | 'waiting' | 'running' | 'paused' | 'failed';

/** What a training gives. */
export interface Taught {
  checkpoint: Uint8Array;
  /** Null while the training goes on. */
  summary: TeachSummary | null;
  /** Class ids by their names in the checkpoint. */
  ids: Map<string, string>;
  /** The drawings and classes that it was taught with. */
  lesson: Lesson;
}

export class BackgroundTraining {
  state: TrainingState = 'idle';
  progress: TeachProgress | null = null;
  /** Share of right answers by epoch. */
  curve: (readonly [epoch: number, accuracy: number])[] = [];
  problem: string | null = null;
  /** URL of the network to begin from; null: from scratch. */
  base: string | null = null;
  readonly #worker: TeachWorker;
  readonly #changed: () => void;
  readonly #taught: (taught: Taught) => void;
  #wanted: Lesson | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isPaused = false;
  #runs = 0;

  /** @param taught receives each better network */
  constructor(worker: TeachWorker, changed: () => void, taught: (taught: Taught) => void) {
    this.#worker = worker;
    this.#changed = changed;
    this.#taught = taught;
  }

  /** The drawings have changed: train with these after a while. */
  want(lesson: Lesson): void {
    const isUnderWay = this.state !== 'idle' && this.state !== 'failed';
    if (isUnderWay && this.#wanted && teachSame(lesson, this.#wanted)) return;
    this.#wanted = lesson;
    clearTimeout(this.#timer);
    if (!canTrain(lesson)) {
      this.stop();
      return;
    }
    if (this.#isPaused) return;
    if (this.state !== 'running') this.#set('waiting');
    this.#timer = setTimeout(() => void this.#run(lesson), CALM_MS);
  }

  pause(): void {
    this.#isPaused = true;
    clearTimeout(this.#timer);
    this.#worker.control('pause');
    this.#set('paused');
  }

  /** Goes on where it was paused, or begins anew if the drawings have changed. */
  continue(): void {
    this.#isPaused = false;
    this.#worker.control('continue');
    if (this.progress !== null && this.#running === this.#wanted) this.#set('running');
    else if (this.#wanted) void this.#run(this.#wanted);
    else this.#set('idle');
  }

  /** Trains now. */
  again(): void {
    this.#isPaused = false;
    if (this.#wanted && canTrain(this.#wanted)) void this.#run(this.#wanted);
  }

  /** Ends the training under way and the wait for one. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#runs++;
    this.#running = null;
    this.#isPaused = false;
    this.#worker.control('stop');
    this.progress = null;
    this.curve = [];
    this.problem = null;
    this.#set('idle');
  }

  /** The drawings are those that the network was taught with. @param lesson they */
  upToDate(lesson: Lesson): void {
    this.#wanted = lesson;
  }

  #running: Lesson | null = null;

  async #run(lesson: Lesson): Promise<void> {
    clearTimeout(this.#timer);
    this.#worker.control('stop');
    const run = ++this.#runs;
    this.#running = lesson;
    this.progress = null;
    this.curve = [];
    this.problem = null;
    this.#set('running');
    const project = trainedPart(lesson);
    const ids = new Map(project.classes.map(({ id, name }) => [name, id]));
    this.#worker.onEvent = (event) => {
      if (run !== this.#runs) return;
      if (event.event === 'better')
        return this.#taught({ checkpoint: event.checkpoint, summary: null, ids, lesson });
      this.progress = event.progress;
      this.curve.push([event.progress.epoch, event.progress.accuracy]);
      this.#changed();
    };
    try {
      const threads = Math.max(1, Math.min(8, navigator.hardwareConcurrency - 1));
      const result = await this.#worker.call('train', { project, base: this.base, threads });
      if (run !== this.#runs || result === null) return;
      this.#running = null;
      this.#taught({ ...result, ids, lesson });
      // Paused at the very end: there is nothing to continue, unless the drawings have changed.
      if (this.#wanted === lesson) this.#isPaused = false;
      this.#set(this.#isPaused ? 'paused' : 'idle');
    } catch (error) {
      if (run !== this.#runs) return;
      this.#running = null;
      this.#isPaused = false;
      this.problem = messageOf(error);
      this.#set('failed');
    }
  }

  #set(state: TrainingState): void {
    this.state = state;
    this.#changed();
  }
}

/** Whether at least two classes have enough drawings. */
export function canTrain(lesson: Lesson): boolean {
  return [...countsOf(lesson).values()].filter((count) => count >= LEAST_DRAWINGS).length >= 2;
}

/** The classes with enough drawings. */
function trainedPart(lesson: Lesson): TeachProject {
  const counts = countsOf(lesson);
  const enough = (id: string) => (counts.get(id) ?? 0) >= LEAST_DRAWINGS;
  return {
    name: lesson.name,
    classes: lesson.classes.filter(({ id }) => enough(id)),
    drawings: lesson.drawings.filter((each) => enough(each.class)),
    network: null,
  };
}
