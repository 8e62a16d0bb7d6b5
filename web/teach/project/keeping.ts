/**
 * Keeps projects in the browser's own database (IndexedDB), which survives a reload. Browsers may refuse: in private
 * windows, when the disk is full, by a setting. Then the page works on, and says that nothing is kept.
 */
import type { TaughtNetwork } from '#src/data/pens/project.js';
import type { Lesson } from './edits.js';

const DATABASE = 'scanstroke-teach';
const VERSION = 1;
/** An open database that does not answer for this long is as one that is refused. */
const ANSWER_MS = 8000;

/** A project as it is kept. */
export interface KeptProject {
  id: string;
  lesson: Lesson;
  network: TaughtNetwork | null;
  /** Class ids by the names in the network's checkpoint. */
  networkIds: [name: string, id: string][];
  /** Whether the network was taught with these drawings. */
  isCurrent: boolean;
}

/** A line of the list of projects. */
export interface KeptEntry {
  id: string;
  name: string;
  classes: number;
  drawings: number;
  /** Milliseconds since 1970. */
  changed: number;
}

/** Functions of the database; all throw Error in plain words. */
export class ProjectShelf {
  #opened: Promise<IDBDatabase> | null = null;

  /** Newest first. */
  async list(): Promise<KeptEntry[]> {
    const entries = await this.#run<KeptEntry[]>('readonly', (list) => list.getAll());
    return entries.sort((a, b) => b.changed - a.changed);
  }

  /** @returns null if there is none */
  async read(id: string): Promise<KeptProject | null> {
    return (await this.#run<KeptProject | undefined>('readonly', (_, projects) => projects.get(id))) ?? null;
  }

  async write(project: KeptProject, changed: number): Promise<void> {
    const { id, lesson } = project;
    await this.#run('readwrite', (list, projects) => {
      list.put({
        id,
        name: lesson.name,
        classes: lesson.classes.length,
        drawings: lesson.drawings.length,
        changed,
      } satisfies KeptEntry);
      return projects.put(project);
    });
  }

  async delete(id: string): Promise<void> {
    await this.#run('readwrite', (list, projects) => {
      list.delete(id);
      return projects.delete(id);
    });
  }

  /** Asks the browser not to clear the database when space is short. It may refuse; nothing depends on it. */
  persist(): void {
    navigator.storage?.persist?.().catch(() => {});
  }

  /** Runs requests in one transaction. @returns the result of the last */
  async #run<T>(
    mode: IDBTransactionMode,
    body: (list: IDBObjectStore, projects: IDBObjectStore) => IDBRequest,
  ): Promise<T> {
    const once = async () => {
      const database = await this.#open();
      return new Promise<T>((resolve, reject) => {
        const transaction = database.transaction(['list', 'projects'], mode);
        const request = body(transaction.objectStore('list'), transaction.objectStore('projects'));
        transaction.oncomplete = () => resolve(request.result as T);
        transaction.onabort = () => reject(inWords(transaction.error));
      });
    };
    try {
      return await once().catch((error: unknown) => {
        if (!(error instanceof DOMException && error.name === 'InvalidStateError')) throw error;
        this.#opened = null; // The connection is closed, as after the browser has cleared the page's data.
        return once();
      });
    } catch (error) {
      throw error instanceof DOMException ? inWords(error) : error;
    }
  }

  /** The next call opens the database again after a failure, and after the connection has ended. */
  #open(): Promise<IDBDatabase> {
    const forget = () => {
      this.#opened = null;
    };
    if (!this.#opened) {
      this.#opened = openDatabase(forget);
      this.#opened.catch(forget);
    }
    return this.#opened;
  }
}

/** @param closed called when the connection ends */
function openDatabase(closed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(inWords(null)), ANSWER_MS);
    const request = indexedDB.open(DATABASE, VERSION); // throws where storage is forbidden
    request.onupgradeneeded = () => {
      request.result.createObjectStore('list', { keyPath: 'id' });
      request.result.createObjectStore('projects', { keyPath: 'id' });
    };
    request.onsuccess = () => {
      const database = request.result;
      // A newer page in another tab may need to change the database.
      database.onversionchange = () => {
        database.close();
        closed();
      };
      database.onclose = closed;
      resolve(database);
    };
    request.onerror = () => reject(request.error);
  });
}

function inWords(error: DOMException | null): Error {
  return new Error(
    error?.name === 'QuotaExceededError'
      ? 'The browser has no more space for this page.'
      : 'The browser does not let this page store anything.',
  );
}
