/**
 * The page's side of the recognition worker. One request is under way at a time and at most one waits: a newer drawing
 * takes the place of the one that waits, so that no queue grows however fast the pen is. When nothing waits, work in
 * the background gets its turn, one request at a time.
 */
import type { ModelEntry } from '#src/serve/api.js';
import type { DrawingInspection, Line, RecognizedReply, Reply, Request } from '../workers/protocol.js';

/** What to recognise, and who wants to know. */
export interface Ask {
  models: string[];
  lines: Line[];
  answered(reply: RecognizedReply): void;
}

interface Waiting {
  request: Request;
  done: (reply: Reply) => void;
}

export class RecognitionClient {
  readonly #worker: Worker;
  #busy: Waiting | null = null;
  /** Requests that are never left out: to open, to inspect. */
  readonly #due: Waiting[] = [];
  #newest: Ask | null = null;
  #next = 1;
  /** Gives work for when there is nothing else; null if there is none. */
  background: () => Ask | null = () => null;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const { done } = this.#busy as Waiting;
      this.#busy = null;
      done(data);
      this.wake();
    };
  }

  /** @throws Error if the model cannot be fetched or read */
  async open({ id, file, version }: ModelEntry): Promise<void> {
    const address = new URL(`models/${file}`, document.baseURI);
    address.searchParams.set('v', version);
    const reply = await this.#send({ type: 'open', model: id, url: address.href });
    if (reply.type === 'opened' && reply.error) throw new Error(reply.error);
  }

  /** @returns null if there is nothing to recognise. @throws Error if the model cannot take the drawing */
  async inspect(model: string, lines: Line[]): Promise<DrawingInspection | null> {
    const reply = await this.#send({ type: 'inspect', id: this.#next++, model, lines });
    if (reply.type !== 'inspected') throw new Error('inspect: the worker answered something else');
    if (reply.error) throw new Error(reply.error);
    return reply.inspection;
  }

  /** Recognises as soon as possible, unless a newer ask comes first. */
  ask(ask: Ask): void {
    this.#newest = ask;
    this.wake();
  }

  /** Looks for something to do. */
  wake(): void {
    if (this.#busy) return;
    const due = this.#due.shift();
    if (due) {
      this.#post(due);
      return;
    }
    const ask = this.#newest ?? this.background();
    this.#newest = null;
    if (!ask) return;
    const { models, lines, answered } = ask;
    this.#post({
      request: { type: 'recognize', id: this.#next++, models, lines },
      done: (reply) => reply.type === 'recognized' && answered(reply),
    });
  }

  #send(request: Request): Promise<Reply> {
    return new Promise((done) => {
      this.#due.push({ request, done });
      this.wake();
    });
  }

  #post(waiting: Waiting): void {
    this.#busy = waiting;
    this.#worker.postMessage(waiting.request);
  }
}
