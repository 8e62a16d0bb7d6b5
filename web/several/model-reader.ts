/** Reads several symbols with a network of the recognition worker. */
import type { SymbolReading } from '#src/recognize/symbols/read-symbols.js';
import type { RecognitionClient } from '../recognition/client.js';
import type { SymbolQuestion } from '../workers/protocol.js';
import type { SymbolReader } from './pad-session.js';

export class ModelReader implements SymbolReader {
  readonly classes: readonly string[];
  readonly #client: RecognitionClient;
  readonly #model: string;

  /** @param model an open model's id */
  constructor(client: RecognitionClient, model: string, classes: readonly string[]) {
    this.#client = client;
    this.#model = model;
    this.classes = classes;
  }

  async read(question: SymbolQuestion): Promise<SymbolReading> {
    const reply = await this.#client.send({ type: 'read', model: this.#model, ...question });
    if (reply.type !== 'read') throw new Error(`read: expected the reply read, got ${reply.type}`);
    if (reply.reading === null) throw new Error(reply.error ?? 'the worker gave no reading');
    return reply.reading;
  }
}
