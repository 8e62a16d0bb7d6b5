/**
 * Client of the recognition worker. Sends one request at a time. At most one drawing waits: a newer drawing replaces
 * it, so the queue cannot grow however fast the pen moves. When nothing waits, background jobs run, one at a time.
 */
import type {
  BackendWish,
  DrawingInspection,
  RecognizedReply,
  Reply,
  Request,
  Stroke,
} from '../workers/protocol.js';

/** A drawing to recognise with each of these models, and the function that receives the answers. */
export interface RecognitionJob {
  models: string[];
  strokes: Stroke[];
  answered(reply: RecognizedReply): void;
}

interface PendingRequest {
  request: Request;
  done: (reply: Reply) => void;
}

/** What the client needs of a worker. */
export interface RecognitionWorker {
  onmessage: ((event: MessageEvent<Reply>) => void) | null;
  postMessage(request: Request): void;
}

export class RecognitionClient {
  readonly #worker: RecognitionWorker;
  readonly #backend: BackendWish;
  #underWay: PendingRequest | null = null;
  /** Requests that are always sent: to open and to inspect models. */
  readonly #queue: PendingRequest[] = [];
  /** The newest drawing that waits; a newer one replaces it. */
  #newestJob: RecognitionJob | null = null;
  #nextId = 1;
  /** Returns the next background job, or null. Called when nothing else waits. */
  background: () => RecognitionJob | null = () => null;

  /** @param backend computes the answers */
  constructor(worker: RecognitionWorker, backend: BackendWish = 'auto') {
    this.#worker = worker;
    this.#backend = backend;
    worker.onmessage = ({ data }) => {
      const { done } = this.#underWay as PendingRequest;
      this.#underWay = null;
      done(data);
      this.sendNext();
    };
  }

  /**
   * Loads a model into the worker.
   * @param checkpoint its URL, or its bytes
   * @throws Error if the model cannot be fetched or read
   */
  async open(model: string, checkpoint: string | Uint8Array): Promise<void> {
    const reply = await this.send({ type: 'open', model, checkpoint, backend: this.#backend });
    if (reply.type === 'opened' && reply.error) throw new Error(reply.error);
  }

  /** @returns null if there is nothing to recognise. @throws Error if the model does not accept the drawing */
  async inspect(model: string, strokes: Stroke[]): Promise<DrawingInspection | null> {
    const reply = await this.send({ type: 'inspect', id: this.#nextId++, model, strokes });
    if (reply.type !== 'inspected')
      throw new Error(`inspect: expected the reply inspected, got ${reply.type}`);
    if (reply.error) throw new Error(reply.error);
    return reply.inspection;
  }

  /** Sends the job when the worker is free. A newer job replaces one that still waits. */
  recognize(job: RecognitionJob): void {
    this.#newestJob = job;
    this.sendNext();
  }

  /** Sends the next request if the worker is free: queued, else the newest drawing, else a background job. */
  sendNext(): void {
    if (this.#underWay) return;
    const queued = this.#queue.shift();
    if (queued) {
      this.#post(queued);
      return;
    }
    const job = this.#newestJob ?? this.background();
    this.#newestJob = null;
    if (!job) return;
    const { models, strokes, answered } = job;
    this.#post({
      request: { type: 'recognize', id: this.#nextId++, models, strokes },
      done: (reply) => reply.type === 'recognized' && answered(reply),
    });
  }

  /** Sends a request after those that wait. */
  send(request: Request): Promise<Reply> {
    return new Promise((done) => {
      this.#queue.push({ request, done });
      this.sendNext();
    });
  }

  #post(pending: PendingRequest): void {
    this.#underWay = pending;
    this.#worker.postMessage(pending.request);
  }
}
