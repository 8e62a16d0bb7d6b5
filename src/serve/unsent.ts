/**
 * Limits the bytes of answers that clients have not yet taken: a client that reads slowly keeps its answer in memory.
 * For answers that are made for one request; lists and files are shared by all.
 */
import type { EventEmitter } from 'node:events';
import { HttpError } from './http-error.js';
import { MAX_UNSENT_BYTES } from './server-limits.js';

export class Unsent {
  #bytes = 0;

  /**
   * Counts an answer until its response is closed; not at all if its client has left. The first is always accepted.
   * @throws HttpError 503 if all answers together are too large
   */
  add(bytes: number, response: Pick<EventEmitter, 'once'> & { closed?: boolean }): void {
    if (response.closed) return; // It never closes again.
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_UNSENT_BYTES) {
      throw new HttpError(503, 'too many large answers are being sent; try again later');
    }
    this.#bytes += bytes;
    response.once('close', () => {
      this.#bytes -= bytes;
    });
  }
}
