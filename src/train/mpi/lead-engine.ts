/**
 * The engine of rank 0 of an MPI job: a team, and the ranks that compute with it. Every call is a command to the other
 * ranks (follow.ts), and a call of the own team. The loop, the run and its files know nothing of the other ranks.
 */
import type { Part } from '../../data/sources.js';
import { sharedBytes, shareInts } from '../../shared-memory.js';
import {
  type Answers,
  type BatchResults,
  Diverged,
  type Engine,
  type EpochPlan,
  type ModelState,
} from '../engine.js';
import { rangeOf } from '../team/shares.js';
import type { Team } from '../team/team.js';
import { answeredBy, type RankCommand } from './commands.js';
import type { WireMessage } from './mpi-protocol.js';
import type { Ranks } from './ranks.js';

/** Sequences that a rank evaluates before it looks whether to stop. */
const EVALUATED_AT_ONCE = 2048;

/** How rank 0 gives commands (lead.ts). */
interface Leading {
  readonly ranks: Ranks;
  begin(): { ended(): void };
  together(work: () => Promise<void>): Promise<void>;
  ifIdle(work: () => Promise<void>): Promise<void>;
}

export class LeadEngine implements Engine {
  readonly backend: Engine['backend'];
  readonly threads: number;
  readonly description: string;
  readonly #team: Team;
  readonly #lead: Leading;
  readonly #classes: number;

  constructor(team: Team, lead: Leading, classes: number) {
    this.#team = team;
    this.#lead = lead;
    this.#classes = classes;
    this.backend = team.backend;
    this.threads = team.threads;
    this.description = `${team.description} on each of ${lead.ranks.size} ranks`;
  }

  async load(state: ModelState): Promise<void> {
    await this.#team.load(state);
    await this.#lead.together(async () => {
      await this.#command({ type: 'load' });
      await this.#transfer((peer) => this.#team.vectors.map((bytes) => ({ receives: false, peer, bytes })));
    });
  }

  async save(): Promise<ModelState> {
    const [, ...optimizer] = this.#team.vectors;
    await this.#lead.together(async () => {
      await this.#command({ type: 'save' });
      await this.#transfer((peer) =>
        optimizer.map((vector) => ({ receives: true, peer, bytes: this.#rangeOf(peer, vector) })),
      );
    });
    return this.#team.save();
  }

  async *train(plan: EpochPlan, stop: AbortSignal): AsyncGenerator<BatchResults> {
    const { order, learningRates, ...numbers } = plan;
    const rates = new Float64Array(sharedBytes(learningRates.byteLength));
    rates.set(learningRates);
    const vectors = [shareInts(order), rates];
    const begun = this.#lead.begin();
    await this.#command({ type: 'train', sequences: order.length, batches: rates.length, ...numbers });
    await this.#transfer((peer) => vectors.map((bytes) => ({ receives: false, peer, bytes })));
    let failed = false;
    try {
      yield* this.#team.train(plan, stop);
    } catch (error) {
      // A divergence ends the command of all ranks: they see the same numbers.
      failed = !(error instanceof Diverged);
      throw error;
    } finally {
      if (!failed) begun.ended();
    }
  }

  async *evaluate(part: Part, indices: Int32Array, stop: AbortSignal): AsyncGenerator<Answers> {
    const { size } = this.#lead.ranks;
    const atOnce = EVALUATED_AT_ONCE * size;
    for (let first = 0; first < indices.length && !stop.aborted; first += atOnce) {
      const some = shareInts(indices.subarray(first, first + atOnce));
      for await (const answers of this.#evaluateSome(part, some, stop)) {
        yield { ...answers, first: first + answers.first };
      }
    }
  }

  async *#evaluateSome(part: Part, indices: Int32Array, stop: AbortSignal): AsyncGenerator<Answers> {
    const { size } = this.#lead.ranks;
    const count = indices.length;
    const begun = this.#lead.begin();
    await this.#command({ type: 'evaluate', part, count });
    await this.#transfer((peer) => [{ receives: false, peer, bytes: indices }]);
    const logits = new Float32Array(sharedBytes(4 * count * this.#classes));
    const losses = new Float32Array(sharedBytes(4 * count));
    const own = answeredBy(0, size, count);
    const rest = {
      first: own.end,
      logits: logits.subarray(own.end * this.#classes),
      losses: losses.subarray(own.end),
    };
    // They compute while this rank does.
    const received = this.#transfer((peer) => {
      const { begin, end } = answeredBy(peer, size, count);
      return [
        { receives: true, peer, bytes: logits.subarray(begin * this.#classes, end * this.#classes) },
        { receives: true, peer, bytes: losses.subarray(begin, end) },
      ];
    });
    received.catch(() => {}); // Awaited below.
    try {
      if (own.end > 0) yield* this.#team.evaluate(part, indices.subarray(0, own.end), stop);
    } finally {
      await received;
      begun.ended();
    }
    if (rest.losses.length > 0) yield rest;
  }

  async close(): Promise<void> {
    await this.#lead.ifIdle(() => this.#command({ type: 'close' }));
    await this.#team.close();
  }

  #command(command: RankCommand): Promise<void> {
    return this.#lead.ranks.send(command);
  }

  async #transfer(messages: (peer: number) => WireMessage[]): Promise<void> {
    await this.#lead.ranks.transfer(this.#lead.ranks.others.flatMap(messages));
  }

  #rangeOf(peer: number, vector: Float32Array): Float32Array {
    const { begin, end } = rangeOf(peer, this.#lead.ranks.size, vector.length);
    return vector.subarray(begin, end);
  }
}
