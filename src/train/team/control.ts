/**
 * What the threads of a team tell each other, as words of shared memory: which unit of work is next, who waits at the
 * barrier, whether to stop. A waiting thread looks again and again for some microseconds; then it sleeps
 * (Atomics.wait), because another program may need the core.
 */
import { sharedBytes } from '../../shared-memory.js';

/** Words of the control block. */
const WORD = {
  /** The next unit of work that no thread has taken. */ nextUnit: 0,
  /** Threads that have reached the barrier. */ arrived: 1,
  /** How often the barrier has opened. */ opened: 2,
  /** Progress of the command: updates, or passes of an evaluation. */ progress: 3,
  /** The main thread wants the command to end after the update. */ stopWanted: 4,
  /** All threads end after this update. */ stopping: 5,
  /** A thread has failed; no thread may wait for it. */ failed: 6,
  /** Threads that have ended the command, well or badly. */ ended: 7,
} as const;

/** A sleeping thread checks this often whether another has failed. */
const FAILURE_CHECK_MS = 200;

/** How often a thread looks whether a barrier has opened before it sleeps: about 20 µs. */
const LOOKS_BEFORE_SLEEP = 2000;

/** Thrown in a thread that waits for another one that has failed. */
export class OtherThreadFailed extends Error {
  override readonly name = 'OtherThreadFailed';
  constructor() {
    super('another thread failed');
  }
}

export class Control {
  readonly words: Int32Array;

  /** @param words of another thread's control; by default a new block */
  constructor(words: Int32Array = new Int32Array(sharedBytes(64))) {
    this.words = words;
  }

  /** Before a command, while all threads are idle. */
  reset(): void {
    this.words.fill(0);
  }

  /** The next unit below `end`, or `end` if all are taken. */
  take(end: number): number {
    for (;;) {
      const next = Atomics.load(this.words, WORD.nextUnit);
      if (next >= end) return end;
      if (Atomics.compareExchange(this.words, WORD.nextUnit, next, next + 1) === next) return next;
    }
  }

  /**
   * Waits until all `threads` have called it.
   * @throws OtherThreadFailed when another thread failed before
   */
  barrier(threads: number): void {
    const opened = Atomics.load(this.words, WORD.opened);
    if (Atomics.add(this.words, WORD.arrived, 1) + 1 === threads) {
      Atomics.store(this.words, WORD.arrived, 0);
      Atomics.add(this.words, WORD.opened, 1);
      Atomics.notify(this.words, WORD.opened);
    } else {
      for (let look = 0; Atomics.load(this.words, WORD.opened) === opened; look++) {
        if (look > LOOKS_BEFORE_SLEEP) this.#sleep(WORD.opened, opened);
      }
    }
  }

  /** By one thread between two barriers: counts units from 0 again, and decides for all whether to stop. */
  nextUpdate(stop = this.stopWanted): void {
    Atomics.store(this.words, WORD.nextUnit, 0);
    Atomics.store(this.words, WORD.stopping, Number(stop));
  }

  get progress(): number {
    return Atomics.load(this.words, WORD.progress);
  }
  advance(): void {
    Atomics.add(this.words, WORD.progress, 1);
  }

  /** Requests that the command end after the current update. */
  stop(): void {
    Atomics.store(this.words, WORD.stopWanted, 1);
  }
  get stopWanted(): boolean {
    return Atomics.load(this.words, WORD.stopWanted) === 1;
  }
  /** The threads' common decision in this update. */
  get stopping(): boolean {
    return Atomics.load(this.words, WORD.stopping) === 1;
  }

  /** Wakes all threads that wait; they throw OtherThreadFailed. */
  fail(): void {
    Atomics.store(this.words, WORD.failed, 1);
    Atomics.notify(this.words, WORD.opened);
  }
  get failed(): boolean {
    return Atomics.load(this.words, WORD.failed) === 1;
  }

  /** Called by a thread when it has ended the command, before it replies. */
  end(): void {
    Atomics.add(this.words, WORD.ended, 1);
  }
  get ended(): number {
    return Atomics.load(this.words, WORD.ended);
  }

  #sleep(word: number, value: number): void {
    if (this.failed) throw new OtherThreadFailed();
    Atomics.wait(this.words, word, value, FAILURE_CHECK_MS);
  }
}
