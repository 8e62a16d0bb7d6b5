/**
 * Last part of an update, in slices of the parameters of fixed length: the units' gradients are added, their norm is
 * computed and the parameters are updated. Each thread takes a range of the slices. Gradients are added in the order of
 * units and norms in the order of slices, so the result is the same for any number of threads.
 */
import type { Backend } from '../../backends/backend.js';
import { clipScale, updateSlice } from '../optimizer.js';
import type { Control } from './control.js';
import type { Exchange } from './exchange.js';
import { rangeOf, shareOf } from './rounds.js';
import { SLICE_LENGTH, type TeamMember, type TrainingMember } from './team-protocol.js';

/** Views of a slice. */
interface Slice {
  parameters: Float32Array;
  /** Of each gradient buffer. */
  gradients: Float32Array[];
  /** Of the buffer that holds the sum. */
  sum: Float32Array;
  state: Float32Array[];
  /** Of each shard that other ranks computed. */
  received: Float32Array[];
}

/** Buffers `from` … `to - 1` hold units; each `unitsPerPass` of them are added first. */
export interface AddedBuffers {
  from: number;
  to: number;
  unitsPerPass: number;
}

/** Shards `first` … `end - 1` of a batch, of which every `perPass` are a pass. */
export interface AddedShards {
  first: number;
  end: number;
  perPass: number;
  /** Gradient buffers from one shard of this rank to the next. */
  perShard: number;
}

export class ParameterSlices {
  readonly #member: TeamMember;
  readonly #training: TrainingMember;
  readonly #backend: Backend;
  readonly #control: Control;
  /** Of how many threads `#own` and `#every` are this thread's slices. */
  #ownOf = 0;
  #own: Slice[] = [];
  #every: Slice[] = [];

  constructor(member: TeamMember, training: TrainingMember, backend: Backend, control: Control) {
    this.#member = member;
    this.#training = training;
    this.#backend = backend;
    this.#control = control;
  }

  /** In this thread's slices: adds the units of each pass to the pass's first unit, and this to the first buffer. */
  add(threads: number, { from, to, unitsPerPass }: AddedBuffers): void {
    for (const { gradients } of this.#slices(threads)) {
      for (let pass = from; pass < to; pass += unitsPerPass) {
        for (let unit = pass + 1; unit < Math.min(to, pass + unitsPerPass); unit++) {
          this.#backend.add(gradients[pass], gradients[unit]);
        }
        if (pass > 0) this.#backend.add(gradients[0], gradients[pass]);
      }
    }
  }

  /** In an MPI job, of all parameters: adds the sums of each pass that this rank computed to the pass's first sum. */
  addSums(threads: number, { from, to, unitsPerPass }: AddedBuffers): void {
    this.#slices(threads);
    for (const { gradients } of this.#every) {
      for (let pass = from; pass < to; pass += unitsPerPass) {
        for (let unit = pass + 1; unit < Math.min(to, pass + unitsPerPass); unit++) {
          this.#backend.add(gradients[pass], gradients[unit]);
        }
      }
    }
  }

  /** In an MPI job, of this rank's parameters: the additions of `add`, of shards of all ranks in their order. */
  addShards(threads: number, { first, end, perPass, perShard }: AddedShards): void {
    const { ranks } = this.#training;
    if (!ranks) throw new Error('train: this process is no rank of an MPI job');
    const { from, to } = shareOf(first, end, ranks.rank, ranks.cut.ranks);
    for (const { gradients, received, sum } of this.#slices(threads)) {
      const of = (shard: number) =>
        shard >= from && shard < to ? gradients[(shard - from) * perShard] : received[shard - first];
      for (let pass = first; pass < end; pass += perPass) {
        for (let shard = pass + 1; shard < Math.min(end, pass + perPass); shard++) {
          this.#backend.add(of(pass), of(shard));
        }
        if (pass > 0) this.#backend.add(sum, of(pass));
        else sum.set(of(pass)); // not 0 + x, which would lose the sign of -0
      }
    }
  }

  /**
   * The norm of the summed gradients. Waits for the other threads.
   * @param needed false: nothing depends on the norm, so it is not computed
   * @param exchange in thread 0 of a rank of an MPI job
   * @returns 0 where it is not computed
   */
  norm(threads: number, needed: boolean, exchange: Exchange | null): number {
    if (!needed) return 0;
    const { partialNorms, ranks } = this.#training;
    const [first] = this.#ownRange(threads);
    this.#slices(threads).forEach(({ sum }, n) => {
      partialNorms[first + n] = this.#backend.sumSquares(sum);
    });
    this.#control.barrier(threads);
    if (ranks) {
      exchange?.norms();
      this.#control.barrier(threads);
    }
    let sum = 0;
    for (const partial of partialNorms) sum += partial;
    return Math.sqrt(sum);
  }

  /**
   * Updates this thread's slices.
   * @param at.norm of the gradients; at.scale factor of the loss; at.update number of the update, from 1
   */
  update(threads: number, at: { lr: number; norm: number; scale: number; update: number }): void {
    const { optimizer, maxNorm } = this.#training.settings;
    const { lr, update } = at;
    const gradientScale = (maxNorm === null ? 1 : clipScale(at.norm, maxNorm)) / at.scale;
    for (const { parameters, sum, state } of this.#slices(threads)) {
      updateSlice(this.#backend, optimizer, { parameters, gradients: sum, state, lr, gradientScale, update });
    }
  }

  /** This thread's, of those that this process updates. The views are made once. */
  #slices(threads: number): Slice[] {
    if (this.#ownOf !== threads) {
      this.#own = this.#views(...this.#ownRange(threads));
      this.#every = this.#training.ranks ? this.#views(...this.#sharedOut(0, this.#count, threads)) : [];
      this.#ownOf = threads;
    }
    return this.#own;
  }

  /** Slices `first` … `end - 1`. */
  #views(first: number, end: number): Slice[] {
    const { gradients, optimizerState, ranks } = this.#training;
    const { parameters } = this.#member;
    const range = ranks && rangeOf(ranks.rank, ranks.cut.ranks, parameters.length);
    return Array.from({ length: end - first }, (_, n) => {
      const at = (first + n) * SLICE_LENGTH;
      const view = (vector: Float32Array) => vector.subarray(at, at + SLICE_LENGTH);
      // Buffers of the range alone.
      const inRange = (vector: Float32Array) => {
        const from = Math.max(0, at - (range?.begin ?? 0));
        return vector.subarray(from, from + Math.min(SLICE_LENGTH, parameters.length - at));
      };
      const views = gradients.map(view);
      return {
        parameters: view(parameters),
        gradients: views,
        sum: ranks ? inRange(ranks.sum) : views[0],
        state: optimizerState.map(view),
        received: ranks ? ranks.received.map(inRange) : [],
      };
    });
  }

  get #count(): number {
    return Math.ceil(this.#member.parameters.length / SLICE_LENGTH);
  }

  /** First and end of this thread's slices, of those that this process updates. */
  #ownRange(threads: number): [number, number] {
    const { ranks } = this.#training;
    if (!ranks) return this.#sharedOut(0, this.#count, threads);
    const { firstSlice, endSlice } = rangeOf(ranks.rank, ranks.cut.ranks, this.#member.parameters.length);
    return this.#sharedOut(firstSlice, endSlice, threads);
  }

  #sharedOut(first: number, end: number, threads: number): [number, number] {
    const { from, to } = shareOf(first, end, this.#member.index, threads);
    return [from, to];
  }
}
