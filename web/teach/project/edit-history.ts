/** Undo and redo: the values before and after, each with what was done. */

/** At most this many steps can be undone. */
const MAX_STEPS = 200;

interface Step<T> {
  value: T;
  /** What led from the value to the next: `delete circle`. */
  done: string;
}

export class EditHistory<T> {
  #present: T;
  #past: Step<T>[] = [];
  #future: Step<T>[] = [];

  constructor(present: T) {
    this.#present = present;
  }

  get present(): T {
    return this.#present;
  }
  /** What undo takes back; null if there is nothing. */
  get undoable(): string | null {
    return this.#past.at(-1)?.done ?? null;
  }
  /** What redo does again; null if there is nothing. */
  get redoable(): string | null {
    return this.#future.at(-1)?.done ?? null;
  }

  /** @param done what was done, for the button: `delete circle` */
  push(value: T, done: string): void {
    this.#past.push({ value: this.#present, done });
    if (this.#past.length > MAX_STEPS) this.#past.shift();
    this.#future = [];
    this.#present = value;
  }

  undo(): void {
    const step = this.#past.pop();
    if (!step) return;
    this.#future.push({ value: this.#present, done: step.done });
    this.#present = step.value;
  }

  redo(): void {
    const step = this.#future.pop();
    if (!step) return;
    this.#past.push({ value: this.#present, done: step.done });
    this.#present = step.value;
  }
}
