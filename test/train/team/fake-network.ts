/** Moves the bytes of teams of one process as MPI moves those of processes, and checks that the plans fit together. */
import assert from 'node:assert/strict';
import { LINK, MESSAGE_WIDTH } from '#src/train/team/exchange.js';
import type { Link } from '#src/train/team/rank-member.js';
import type { RankGroup } from '#src/train/team/team.js';

export class FakeNetwork {
  readonly #ranks: number;
  readonly #links = new Map<number, Link>();
  /** Exchanges so far. */
  exchanges = 0;
  /** Bytes that all ranks sent. */
  bytes = 0;

  constructor(ranks: number) {
    this.#ranks = ranks;
  }

  group(rank: number): RankGroup {
    const serve = async (link: Link) => {
      this.#links.set(rank, link);
      while (this.#links.get(rank) === link && Atomics.load(link.words, LINK.closed) === 0) {
        if (this.#allAsk()) this.#exchange();
        await new Promise(setImmediate);
      }
      this.#links.delete(rank);
    };
    return { rank, ranks: this.#ranks, serve };
  }

  #allAsk(): boolean {
    const links = [...this.#links.values()];
    const asks = ({ words }: Link) => Atomics.load(words, LINK.asked) > Atomics.load(words, LINK.done);
    return links.length === this.#ranks && links.every(asks);
  }

  #exchange(): void {
    this.exchanges++;
    for (let from = 0; from < this.#ranks; from++) {
      for (let to = 0; to < this.#ranks; to++) {
        const sent = this.#messages(from, 0, to);
        const received = this.#messages(to, 1, from);
        assert.deepEqual(
          sent.map(({ length }) => length),
          received.map(({ length }) => length),
          `what rank ${from} sends to rank ${to}`,
        );
        for (const [n, bytes] of sent.entries()) {
          received[n].set(bytes);
          this.bytes += bytes.length;
        }
      }
    }
    for (const { words } of this.#links.values()) {
      Atomics.add(words, LINK.done, 1);
      Atomics.notify(words, LINK.done);
    }
  }

  /** The messages of a rank's plan that go to another rank (0) or come from it (1). */
  #messages(rank: number, direction: 0 | 1, peer: number): Uint8Array[] {
    const link = this.#links.get(rank);
    assert.ok(link);
    const messages: Uint8Array[] = [];
    for (let n = 0; n < link.words[LINK.messages]; n++) {
      const [way, other, number, first, bytes] = link.plan.subarray(
        n * MESSAGE_WIDTH,
        (n + 1) * MESSAGE_WIDTH,
      );
      if (way !== direction || other !== peer) continue;
      const { buffer, byteOffset, byteLength } = link.buffers[number];
      assert.ok(first + bytes <= byteLength, 'a message ends within its buffer');
      messages.push(new Uint8Array(buffer, byteOffset + first, bytes));
    }
    return messages;
  }
}
