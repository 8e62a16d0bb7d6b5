/**
 * The open project: what is edited, with undo, and that it is kept in the browser. Knows nothing of drawing or training.
 */
import { type TaughtNetwork, type TeachProject, writeProject } from '#src/data/pens/project.js';
import { messageOf } from '../hooks.js';
import { EditHistory } from './project/edit-history.js';
import { countsOf, EMPTY_LESSON, type Lesson, teachSame } from './project/edits.js';
import { type KeptEntry, type KeptProject, ProjectShelf } from './project/keeping.js';

/** Changes within this time are written together. */
const WRITE_AFTER_MS = 300;

export type Keeping = { state: 'kept' | 'writing' } | { state: 'refused'; reason: string };

/** The network of the open project. */
export interface OpenNetwork extends TaughtNetwork {
  /** Class ids by the names in the checkpoint. */
  ids: ReadonlyMap<string, string>;
  /** Whether it was taught with the drawings as they are. */
  isCurrent: boolean;
}

export class ProjectDesk {
  id = newId();
  network: OpenNetwork | null = null;
  keeping: Keeping = { state: 'kept' };
  /** All kept projects, newest first. */
  shelf: KeptEntry[] = [];
  /** Called when the classes or drawings have changed by an edit, and when another project is open. */
  onLesson: (reason: 'edited' | 'opened') => void = () => {};
  /** Called before another project takes the place of the open one, which can still be edited. */
  onLeave: () => void = () => {};
  readonly #changed: () => void;
  readonly #store = new ProjectShelf();
  #history = new EditHistory<Lesson>(EMPTY_LESSON);
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether something has changed since the last write began. */
  #isDirty = false;

  constructor(changed: () => void) {
    this.#changed = changed;
    addEventListener('pagehide', () => void this.#writeNow());
  }

  get lesson(): Lesson {
    return this.#history.present;
  }
  get undoable(): string | null {
    return this.#history.undoable;
  }
  get redoable(): string | null {
    return this.#history.redoable;
  }

  /** The project as a file holds it. */
  get project(): TeachProject {
    const { network } = this;
    return {
      ...this.lesson,
      network: network && {
        checkpoint: network.checkpoint,
        taught: network.taught,
        summary: network.summary,
      },
    };
  }

  /** Opens the newest kept project, if there is one. */
  async start(): Promise<void> {
    try {
      this.shelf = await this.#store.list();
      const [newest] = this.shelf;
      const kept = newest ? await this.#store.read(newest.id) : null;
      if (kept) this.#show(kept);
    } catch (error) {
      this.#refused(error);
    }
    this.#changed();
  }

  /** @param done what was done, for the undo button: `delete circle` */
  edit(lesson: Lesson, done: string): void {
    const before = this.lesson;
    this.#history.push(lesson, done);
    this.#edited(before);
  }

  undo(): void {
    const before = this.lesson;
    this.#history.undo();
    this.#edited(before);
  }

  redo(): void {
    const before = this.lesson;
    this.#history.redo();
    this.#edited(before);
  }

  setNetwork(network: OpenNetwork | null): void {
    this.network = network;
    this.#write();
    this.#changed();
  }

  /**
   * Opens a project from a file or a starter as a new one; the open one stays kept.
   * @param id of a kept project that it takes the place of
   */
  async add(project: TeachProject, id = newId()): Promise<void> {
    this.onLeave();
    await this.#writeNow();
    const { network, ...lesson } = project;
    const isCurrent = network !== null && isTaughtWith(network, lesson);
    // A class that was renamed since then has no name in the network.
    const taught = lesson.classes.filter(({ name }) => network?.summary.classes.includes(name));
    const networkIds = taught.map(({ id, name }): [string, string] => [name, id]);
    this.#show({ id, lesson, network, networkIds, isCurrent });
    this.#write();
  }

  /**
   * Opens a project file that the server was started with. What is kept of it in the browser stays, if it differs.
   * @param id names the file
   * @returns whether what is kept differs from the file, or has a network that was taught before the file's
   */
  async openServed(project: TeachProject, id: string): Promise<boolean> {
    if (!this.shelf.some((entry) => entry.id === id)) {
      await this.add(project, id);
      return false;
    }
    if (this.id !== id) await this.open(id);
    if (!isSameLesson(this.lesson, project)) return true;
    if (!isTaughtLater(project.network, this.network)) return false;
    if (this.network !== null) return true;
    await this.add(project, id);
    return false;
  }

  /** Opens a kept project. */
  async open(id: string): Promise<void> {
    this.onLeave();
    await this.#writeNow();
    await this.#open(id);
  }

  async #open(id: string): Promise<void> {
    try {
      const kept = await this.#store.read(id);
      if (!kept) throw new Error('This project is no longer there: another tab may have deleted it.');
      this.#show(kept);
      this.#write(); // The newest is opened first after a reload.
    } catch (error) {
      this.#refused(error);
    }
  }

  /** Deletes a kept project. If it is the open one, an empty project is open. */
  async delete(id: string): Promise<void> {
    if (id === this.id) this.#isDirty = false;
    try {
      await this.#store.delete(id);
      this.shelf = this.shelf.filter((entry) => entry.id !== id);
    } catch (error) {
      this.#refused(error);
    }
    if (id === this.id) {
      const [next] = this.shelf;
      if (next) return this.#open(next.id);
      this.#show({ id: newId(), lesson: EMPTY_LESSON, network: null, networkIds: [], isCurrent: false });
    }
    this.#changed();
  }

  #show({ id, lesson, network, networkIds, isCurrent }: KeptProject): void {
    this.id = id;
    this.#history = new EditHistory(lesson);
    this.network = network && { ...network, ids: new Map(networkIds), isCurrent };
    this.onLesson('opened');
    this.#changed();
  }

  #edited(before: Lesson): void {
    const { lesson, network } = this;
    if (lesson.classes !== before.classes || lesson.drawings !== before.drawings) {
      if (network && !teachSame(lesson, before)) this.network = { ...network, isCurrent: false };
      this.onLesson('edited');
    }
    this.#write();
    this.#changed();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#isDirty = true;
    this.#timer = setTimeout(() => void this.#writeNow(), WRITE_AFTER_MS);
    if (this.keeping.state === 'kept') this.keeping = { state: 'writing' };
  }

  async #writeNow(): Promise<void> {
    clearTimeout(this.#timer);
    const { id, lesson, network } = this;
    if (!this.#isDirty) return;
    this.#isDirty = false;
    if (lesson.classes.length === 0 && !this.shelf.some((entry) => entry.id === id)) {
      // There is nothing to keep yet.
      if (this.keeping.state === 'writing') this.keeping = { state: 'kept' };
      this.#changed();
      return;
    }
    try {
      const taught = this.project.network;
      await this.#store.write(
        {
          id,
          lesson,
          network: taught,
          networkIds: [...(network?.ids ?? [])],
          isCurrent: network?.isCurrent ?? false,
        },
        Date.now(),
      );
      this.#store.persist();
      this.shelf = await this.#store.list();
      this.keeping = { state: this.#isDirty ? 'writing' : 'kept' };
    } catch (error) {
      this.#refused(error);
    }
    this.#changed();
  }

  #refused(error: unknown): void {
    this.keeping = { state: 'refused', reason: messageOf(error) };
    this.#changed();
  }
}

/** Whether the network knows as many drawings, and all classes that have some by their names. */
function isTaughtWith({ summary }: TaughtNetwork, lesson: Lesson): boolean {
  const counts = countsOf(lesson);
  const drawn = lesson.classes.filter(({ id }) => counts.get(id) !== 0);
  return (
    summary.drawings === lesson.drawings.length &&
    summary.classes.length === drawn.length &&
    drawn.every(({ name }) => summary.classes.includes(name))
  );
}

/** Whether a file has a network, and what is kept has none or an earlier one. */
export function isTaughtLater(file: TaughtNetwork | null, kept: TaughtNetwork | null): boolean {
  return file !== null && (kept === null || Date.parse(file.taught) > Date.parse(kept.taught));
}

function isSameLesson(a: Lesson, b: Lesson): boolean {
  const [one, other] = [a, b].map(({ name, classes, drawings }) =>
    writeProject({ name, classes, drawings, network: null }),
  );
  return one === other;
}

/** Not a random number of the session: two tabs must not give the same id. */
function newId(): string {
  return `p${Date.now().toString(36)}-${performance.now().toString(36).replace('.', '')}`;
}
