/** A worker of the Teach view, as functions that return promises. */
import type { CallName, TeachCalls, TeachEvent, TeachReply } from '../../workers/teach-protocol.js';

export class TeachWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { done: (answer: never) => void; fail: (error: Error) => void }>();
  #nextId = 1;
  /** Why there is no worker; null if there is one. */
  #failure: Error | null = null;
  #hasAnswered = false;
  /** Receives what a training tells. */
  onEvent: (event: TeachEvent) => void = () => {};

  constructor() {
    this.#worker = new Worker(new URL('../../workers/teach.ts', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<TeachReply>) => {
      this.#hasAnswered = true;
      if ('event' in data) return this.onEvent(data);
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error === null) waiting?.done(data.answer as never);
      else waiting?.fail(new Error(data.error));
    };
    this.#worker.onerror = () => {
      const failure = new Error('The worker cannot start. Reload the page.');
      for (const { fail } of this.#waiting.values()) fail(failure);
      this.#waiting.clear();
      // A worker that has answered goes on after an error.
      if (!this.#hasAnswered) this.#failure = failure;
    };
  }

  /** @throws Error with the reason, as text for people */
  call<N extends CallName>(call: N, asked: TeachCalls[N]['asked']): Promise<TeachCalls[N]['answer']> {
    return new Promise((done, fail) => {
      if (this.#failure) return fail(this.#failure);
      const id = this.#nextId++;
      this.#waiting.set(id, { done, fail });
      this.#worker.postMessage({ id, call, asked });
    });
  }

  /** Acts on the training under way. */
  control(control: 'pause' | 'continue' | 'stop'): void {
    this.#worker.postMessage({ control });
  }
}
