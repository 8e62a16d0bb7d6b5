/**
 * What the ranks of an MPI job exchange in an update, and how thread 0 of a team asks for it.
 *
 * Thread 0 writes a list of messages (the plan) into shared memory and sets a word; the thread that speaks MPI
 * (mpi/mpi-worker.ts) moves the bytes and sets another. That thread only moves bytes: the kernels of the team add them,
 * in the order of the batch's tree, so the sums have the same bits as those of one process.
 */
import { sharedBytes } from '../../shared-memory.js';
import type { SharedBatch } from './batch-plan.js';
import { type Control, OtherThreadFailed } from './control.js';
import type { Link, RankMember } from './rank-member.js';
import { type RankRange, rangeOf } from './shares.js';

/** Words shared with the thread that speaks MPI. */
export const LINK = {
  /** Exchanges asked for. */ asked: 0,
  /** Exchanges done. */ done: 1,
  /** Messages of the plan. */ messages: 2,
  /** No exchange follows. */ closed: 3,
  /** An exchange has failed; the thread that speaks MPI knows why. */ failed: 4,
} as const;

/** A message of a plan: 0 to send or 1 to receive, the other rank, number of the buffer, its first byte, bytes. */
export const MESSAGE_WIDTH = 5;

/** A waiting thread checks this often whether another has failed. */
const FAILURE_CHECK_MS = 200;

/** The buffers that messages are sent from and received in. */
interface Exchanged extends Pick<RankMember, 'received' | 'stops'> {
  gradients: readonly Float32Array[];
  batchLosses: Float32Array;
  batchCorrect: Uint8Array;
  partialNorms: Float64Array;
  parameters: Float32Array;
}

/**
 * @param shared of a whole batch
 * @returns words, plan and list of buffers, for one training
 */
export function openLink(shared: SharedBatch, exchanged: Exchanged): Link {
  const { batchLosses, batchCorrect, stops, partialNorms, parameters, gradients, received } = exchanged;
  const buffers = [batchLosses, batchCorrect, stops, partialNorms, parameters, ...gradients, ...received];
  // Each sum goes to, or comes from, at most all other ranks.
  const messages = shared.places.length * (shared.sums.length + 2 * FIXED);
  return {
    words: new Int32Array(sharedBytes(64)),
    plan: new Float64Array(sharedBytes(8 * MESSAGE_WIDTH * messages)),
    buffers,
  };
}

/** Places of the buffers in the list. */
const BUFFER = { losses: 0, correct: 1, stops: 2, norms: 3, parameters: 4, gradients: 5 } as const;
/** Messages to a rank besides sums: losses, correct answers, stop. */
const FIXED = 3;

/** Runs in thread 0 of a team. */
export class Exchange {
  readonly #member: RankMember;
  readonly #control: Control;
  readonly #parameters: number;
  #messages = 0;

  /** @param parameters P */
  constructor(member: RankMember, control: Control, parameters: number) {
    this.#member = member;
    this.#control = control;
    this.#parameters = parameters;
  }

  /**
   * Every rank gets its range of the sums of all ranks, and the losses and answers of all sequences.
   * Afterwards all ranks know whether one wants to stop.
   */
  sums({ places, sums }: SharedBatch): void {
    const { rank, stops } = this.#member;
    stops[rank] = Number(this.#control.stopWanted);
    const own = this.#range(rank);
    const buffersOf = (of: number) =>
      sums.filter((sum) => sum.rank === of).map(({ buffer }) => BUFFER.gradients + buffer);
    this.#eachPeer((peer, range) => {
      for (const buffer of buffersOf(rank)) this.#send(peer, buffer, 4 * range.begin, 4 * range.end);
      this.#send(peer, BUFFER.losses, 4 * places[rank].from, 4 * places[rank].to);
      this.#send(peer, BUFFER.correct, places[rank].from, places[rank].to);
      this.#send(peer, BUFFER.stops, 4 * rank, 4 * rank + 4);
      for (const buffer of buffersOf(peer)) this.#receive(peer, buffer, 0, 4 * (own.end - own.begin));
      this.#receive(peer, BUFFER.losses, 4 * places[peer].from, 4 * places[peer].to);
      this.#receive(peer, BUFFER.correct, places[peer].from, places[peer].to);
      this.#receive(peer, BUFFER.stops, 4 * peer, 4 * peer + 4);
    });
    this.#run();
  }

  /** Whether a rank wanted to stop at the last exchange of sums. */
  get stopWanted(): boolean {
    return this.#member.stops.includes(1);
  }

  /** All ranks get the squared norms of all slices. */
  norms(): void {
    const own = this.#range(this.#member.rank);
    this.#eachPeer((peer, range) => {
      this.#send(peer, BUFFER.norms, 8 * own.firstSlice, 8 * own.endSlice);
      this.#receive(peer, BUFFER.norms, 8 * range.firstSlice, 8 * range.endSlice);
    });
    this.#run();
  }

  /** All ranks get all parameters. */
  parameters(): void {
    const own = this.#range(this.#member.rank);
    this.#eachPeer((peer, range) => {
      this.#send(peer, BUFFER.parameters, 4 * own.begin, 4 * own.end);
      this.#receive(peer, BUFFER.parameters, 4 * range.begin, 4 * range.end);
    });
    this.#run();
  }

  #range(rank: number): RankRange {
    return rangeOf(rank, this.#member.ranks, this.#parameters);
  }

  /** From the next rank on, so that not all send to the same rank first. */
  #eachPeer(visit: (peer: number, range: RankRange) => void): void {
    const { rank, ranks } = this.#member;
    for (let distance = 1; distance < ranks; distance++) {
      const peer = (rank + distance) % ranks;
      visit(peer, this.#range(peer));
    }
  }

  #send(peer: number, buffer: number, from: number, to: number): void {
    this.#message(0, peer, buffer, from, to);
  }
  #receive(peer: number, buffer: number, from: number, to: number): void {
    this.#message(1, peer, buffer, from, to);
  }
  /** Bytes `from` … `to` - 1 of a buffer. Both ranks leave out what is empty. */
  #message(direction: 0 | 1, peer: number, buffer: number, from: number, to: number): void {
    if (to === from) return;
    this.#member.link.plan.set([direction, peer, buffer, from, to - from], MESSAGE_WIDTH * this.#messages++);
  }

  /** @throws OtherThreadFailed when the exchange or another thread failed */
  #run(): void {
    const { words } = this.#member.link;
    words[LINK.messages] = this.#messages;
    this.#messages = 0;
    const done = Atomics.load(words, LINK.done);
    Atomics.add(words, LINK.asked, 1);
    Atomics.notify(words, LINK.asked);
    while (Atomics.load(words, LINK.done) === done) {
      Atomics.wait(words, LINK.done, done, FAILURE_CHECK_MS);
      if (this.#control.failed) throw new OtherThreadFailed();
    }
    if (Atomics.load(words, LINK.failed) === 1) throw new OtherThreadFailed();
  }
}
