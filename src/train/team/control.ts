/**
 * What the threads of a team say to each other, in shared memory: who takes which shard, whose turn it is to add its
 * gradients, who waits for whom. A waiting thread sleeps.
 */
import { sharedBytes } from '../../shared-memory.js';

/** Words of the control block. */
const WORD = {
  /** The next shard that nobody has taken. */ nextShard: 0,
  /** The shard whose turn it is to be added. */ turn: 1,
  /** Threads that have reached the barrier, and how often it has opened. */ arrived: 2,
  opened: 3,
  /** Progress of the command under way: steps, or shards of an evaluation. */ progress: 4,
  /** The caller wants the command to end after the step. */ stopWanted: 5,
  /** All threads end after this step. */ stopping: 6,
  /** A thread has failed; the others must not wait for it. */ failed: 7,
} as const;

/** A thread that waits looks this often whether another has failed. */
const FAILURE_CHECK_MS = 1000;

export class Control {
  readonly words: Int32Array;

  /** @param words of another thread's control; none for a new one. */
  constructor(words: Int32Array = new Int32Array(sharedBytes(64))) {
    this.words = words;
  }

  /** Before a command, while all threads are idle. */
  reset(): void {
    this.words.fill(0);
  }

  takeShard(): number {
    return Atomics.add(this.words, WORD.nextShard, 1);
  }

  /** Runs `action` when all shards before this one have had their turn: in the same order whatever the threads. */
  inTurn(shard: number, action: () => void): void {
    for (;;) {
      const turn = Atomics.load(this.words, WORD.turn);
      if (turn === shard) break;
      this.#sleep(WORD.turn, turn);
    }
    action();
    Atomics.store(this.words, WORD.turn, shard + 1);
    Atomics.notify(this.words, WORD.turn);
  }

  /** Waits until all `threads` are here. */
  barrier(threads: number): void {
    const opened = Atomics.load(this.words, WORD.opened);
    if (Atomics.add(this.words, WORD.arrived, 1) + 1 === threads) {
      Atomics.store(this.words, WORD.arrived, 0);
      Atomics.add(this.words, WORD.opened, 1);
      Atomics.notify(this.words, WORD.opened);
    } else {
      while (Atomics.load(this.words, WORD.opened) === opened) this.#sleep(WORD.opened, opened);
    }
  }

  /** Between two barriers, by one thread: shards are counted from 0 again, and a stop that is wanted is agreed on. */
  nextStep(): void {
    Atomics.store(this.words, WORD.nextShard, 0);
    Atomics.store(this.words, WORD.turn, 0);
    Atomics.store(this.words, WORD.stopping, Atomics.load(this.words, WORD.stopWanted));
  }

  get progress(): number {
    return Atomics.load(this.words, WORD.progress);
  }
  advance(): void {
    Atomics.add(this.words, WORD.progress, 1);
  }

  /** The command under way is to end after the step. */
  stop(): void {
    Atomics.store(this.words, WORD.stopWanted, 1);
  }
  get stopWanted(): boolean {
    return Atomics.load(this.words, WORD.stopWanted) === 1;
  }
  /** What all threads have agreed on in this step. */
  get stopping(): boolean {
    return Atomics.load(this.words, WORD.stopping) === 1;
  }

  fail(): void {
    Atomics.store(this.words, WORD.failed, 1);
    Atomics.notify(this.words, WORD.turn);
    Atomics.notify(this.words, WORD.opened);
  }
  get failed(): boolean {
    return Atomics.load(this.words, WORD.failed) === 1;
  }

  #sleep(word: number, value: number): void {
    if (this.failed) throw new Error('another thread failed');
    Atomics.wait(this.words, word, value, FAILURE_CHECK_MS);
  }
}
