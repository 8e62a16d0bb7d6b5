/**
 * Whether the server answers. A request that cannot reach the server marks the connection as lost; then the server is
 * asked for its health at intervals, until it answers. Views that failed load again after that (`useLoaded`).
 */

/** Interval between two attempts, and time limit of an attempt. */
const TRY_EVERY_MS = 2000;
const TRY_FOR_MS = 5000;

/** Calls its subscribers when the connection is lost and when it is back. */
export class Connection {
  lost = false;
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Call when a request could not reach the server. */
  failed(): void {
    if (this.lost) return;
    this.lost = true;
    this.#timer = setTimeout(() => this.tryNow(), TRY_EVERY_MS);
    this.#changed();
  }

  /** Call when the server has answered, with any status. */
  answered(): void {
    if (!this.lost) return;
    this.lost = false;
    clearTimeout(this.#timer);
    this.#changed();
  }

  /** Asks the server whether it answers, now and, until it does, at intervals. */
  async tryNow(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await fetch('api/health', { cache: 'no-store', signal: AbortSignal.timeout(TRY_FOR_MS) });
      this.answered();
    } catch {
      clearTimeout(this.#timer);
      if (this.lost) this.#timer = setTimeout(() => this.tryNow(), TRY_EVERY_MS);
      else this.failed();
    }
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The connection to the server that the page comes from. */
export const connection = new Connection();
