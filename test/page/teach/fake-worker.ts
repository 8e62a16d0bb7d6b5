/** What the classes of the Teach view find in a browser, for tests in Node.js: workers that answer when the test says. */
import type {
  CallName,
  TeachCalls,
  TeachEvent,
  TeachMessage,
  TeachReply,
} from '../../../web/workers/teach-protocol.js';

/** A worker that keeps its messages until the test answers them. */
export class FakeWorker {
  /** In the order of their making: the first answers drawings, the second trains. */
  static readonly made: FakeWorker[] = [];
  onmessage: ((event: { data: TeachReply }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly posted: TeachMessage[] = [];

  constructor() {
    FakeWorker.made.push(this);
  }

  postMessage(message: TeachMessage): void {
    this.posted.push(message);
  }

  /** The names of the calls and controls, in order. */
  get names(): string[] {
    return this.posted.map((message) => ('call' in message ? message.call : message.control));
  }

  /** Answers the newest call of this name, and lets its promise go on. */
  async answer<N extends CallName>(call: N, answer: TeachCalls[N]['answer']): Promise<void> {
    this.onmessage?.({ data: { id: this.#idOf(call), answer, error: null } });
    await settled();
  }

  /** Fails the newest call of this name. */
  async fail(call: CallName, error: string): Promise<void> {
    this.onmessage?.({ data: { id: this.#idOf(call), error } });
    await settled();
  }

  #idOf(call: CallName): number {
    const asked = this.posted.findLast((message) => 'call' in message && message.call === call);
    if (!asked || !('id' in asked)) throw new Error(`the worker was not asked for ${call}`);
    return asked.id;
  }

  tell(event: TeachEvent): void {
    this.onmessage?.({ data: event });
  }
}

/** Lets promises go on, also where the clock of the test stands. */
export async function settled(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve();
}

Object.assign(globalThis, { Worker: FakeWorker, addEventListener: () => {} });
Object.defineProperty(globalThis, 'navigator', { value: { hardwareConcurrency: 2 }, configurable: true });
