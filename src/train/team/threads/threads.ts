/**
 * The threads of a team, as the main thread sees them. threads-node.ts starts worker threads, threads-page.ts Web
 * Workers or, in a page that is not cross-origin isolated, none: the calling thread then computes.
 */
import type { Backend } from '../../../backends/backend.js';
import { receivedError } from '../../../user-error.js';
import type { Command, Reply, TeamMember } from '../team-protocol.js';

export interface Thread {
  /** Resolves when the thread can take commands; rejects with the reason why it never will. */
  readonly ready: Promise<void>;
  /** Resolves when the command has been carried out; rejects with what went wrong. */
  run(command: Command): Promise<void>;
  /** Ends the thread, also in the middle of a command. */
  end(): Promise<void>;
  /** Called once if the thread ends by itself. */
  onDeath: (cause: Error) => void;
}

/** @param backend the main thread's, in whose memory all buffers of the member lie */
export type StartThread = (member: TeamMember, backend: Backend) => Thread;

/** How MessageThread reaches its thread. */
export interface Port {
  post(command: Command): void;
  terminate(): Promise<unknown> | unknown;
  /** Whether the thread keeps the process alive: only in a command, so a program that forgets close() still ends. */
  keepAlive(alive: boolean): void;
}

/** A thread that is reached by messages: the part that worker threads and Web Workers have in common. */
export class MessageThread implements Thread {
  readonly ready: Promise<void>;
  onDeath: (cause: Error) => void = () => {};
  readonly #port: Port;
  #ended = false;
  #death: Error | null = null;
  /** The ready handshake or the command that waits for a reply. */
  #waiting: { resolve(): void; reject(error: Error): void } | null = null;

  constructor(port: Port) {
    this.#port = port;
    this.ready = this.#reply();
    this.ready.catch(() => {}); // The caller that awaits it handles the error.
  }

  run(command: Command): Promise<void> {
    if (this.#death) return Promise.reject(this.#death);
    const reply = this.#reply();
    this.#port.keepAlive(true);
    this.#port.post(command);
    return reply;
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#port.terminate();
    this.#settle(new Error('train: the thread was ended'));
  }

  /** For the one who receives the thread's messages. */
  received({ error }: Reply): void {
    this.#settle(error && receivedError(error));
  }

  /** For the one who notices that the thread has ended or failed outside of a command. */
  died(cause: Error): void {
    if (this.#ended || this.#death) return;
    this.#death = cause;
    this.#settle(cause);
    this.onDeath(cause);
  }

  #reply(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #settle(error: Error | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#port.keepAlive(false);
    if (error) waiting?.reject(error);
    else waiting?.resolve();
  }
}
