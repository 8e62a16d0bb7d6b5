/**
 * Runs commands on all threads of a team at once. Any failure of one thread (an error, an exit, a missing reply) ends
 * the whole group: waiting threads are woken, all threads are ended, and every call rejects with the cause.
 */
import { type Control, OtherThreadFailed } from '../control.js';
import type { Command } from '../team-protocol.js';
import type { Thread } from './threads.js';

export interface Patience {
  /** For all threads to become ready. */
  startMs: number;
  /** For the last reply, after all threads have ended the command. */
  replyMs: number;
}

/** Long enough for a machine that swaps. */
const PATIENCE: Patience = { startMs: 60_000, replyMs: 60_000 };
/** Replies that are due are looked for this often. */
const CHECK_MS = 100;
/** The reply of the thread that failed may arrive this much later than those of the threads that waited for it. */
const CAUSE_MS = 300;

export class ThreadGroup {
  /** Resolves when all threads can take commands. */
  readonly ready: Promise<void>;
  readonly #threads: readonly Thread[];
  readonly #control: Control;
  readonly #patience: Patience;
  #failure: Error | null = null;
  /** Rejects with the first cause, when all threads have been ended. */
  readonly #failed: Promise<never>;
  #reject: (cause: Error) => void = () => {};

  constructor(threads: readonly Thread[], control: Control, patience: Partial<Patience> = {}) {
    this.#threads = threads;
    this.#control = control;
    this.#patience = { ...PATIENCE, ...patience };
    this.#failed = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#failed.catch(() => {}); // Between commands nobody waits for it.
    for (const thread of threads) thread.onDeath = (cause) => this.#fail(cause);
    this.ready = this.#start();
    this.ready.catch(() => {}); // The caller that awaits it handles the error.
  }

  #start(): Promise<void> {
    const began = performance.now();
    const { startMs } = this.#patience;
    return this.#all(
      this.#threads.map(({ ready }) => ready),
      () => performance.now() - began > startMs,
      (names) => `train: ${names} did not start within ${startMs / 1000} s`,
    );
  }

  /**
   * Runs a command on the first `command.threads` threads.
   * @throws what the first failing thread threw; or the reason why a thread ended or does not answer
   */
  async run(command: Command): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#control.reset();
    const { replyMs } = this.#patience;
    // A thread may compute for any time. A reply is late when all threads have ended the command and it does not come.
    let endedAt: number | null = null;
    await this.#all(
      this.#threads.slice(0, command.threads).map((thread) => thread.run(command)),
      () => {
        if (this.#control.ended >= command.threads) endedAt ??= performance.now();
        return endedAt !== null && performance.now() - endedAt > replyMs;
      },
      (names) => `train: ${names} did not answer within ${replyMs / 1000} s after the command had ended`,
    );
  }

  /** Ends all threads; a command under way rejects. */
  async close(): Promise<void> {
    this.#fail(new Error('train: the team is closed'));
    await this.#endAll();
  }

  /** Waits for the replies of the first threads; fails the group when one rejects or is late. */
  async #all(
    replies: readonly Promise<void>[],
    isLate: () => boolean,
    lateMessage: (threads: string) => string,
  ): Promise<void> {
    const missing = new Set(replies.keys());
    const settled = replies.map(async (reply, index) => {
      try {
        await reply;
        missing.delete(index);
      } catch (error) {
        if ((error as Error).name === OtherThreadFailed.name) await sleep(CAUSE_MS);
        this.#fail(error as Error);
      }
    });
    const timer = setInterval(() => {
      if (isLate()) this.#fail(new Error(lateMessage(`worker thread ${[...missing].join(', ')}`)));
    }, CHECK_MS);
    try {
      await Promise.race([Promise.all(settled), this.#failed]);
      if (this.#failure) await this.#failed;
    } finally {
      clearInterval(timer);
    }
  }

  /** The first cause counts. */
  #fail(cause: Error): void {
    if (this.#failure) return;
    this.#failure = cause;
    this.#control.fail();
    void this.#endAll().finally(() => this.#reject(cause));
  }

  async #endAll(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
