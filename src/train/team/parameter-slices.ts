/**
 * Last part of an update, in slices of the parameters of fixed length: the units' gradients are added, their norm is
 * computed and the parameters are updated. Each thread takes a range of the slices. Gradients are added in the order of
 * the batch's tree (sum-tree.ts) and norms in the order of slices, so the result is the same for any number of threads.
 */
import type { Backend } from '../../backends/backend.js';
import { clipScale, updateSlice } from '../optimizer.js';
import type { Control } from './control.js';
import type { Exchange } from './exchange.js';
import { rangeOf, shareOf } from './shares.js';
import type { Addition } from './sum-tree.js';
import { SLICE_LENGTH, type TeamMember, type TrainingMember } from './team-protocol.js';

/** Views of a slice. */
interface Slice {
  parameters: Float32Array;
  /** Of each gradient buffer; after them, in a rank's range, of each sum received from another rank. */
  gradients: Float32Array[];
  state: Float32Array[];
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
  /** The gradient buffer with the sum of the batch. */
  sum = 0;

  constructor(member: TeamMember, training: TrainingMember, backend: Backend, control: Control) {
    this.#member = member;
    this.#training = training;
    this.#backend = backend;
    this.#control = control;
  }

  /** Of all parameters, each thread its slices. */
  add(threads: number, additions: readonly Addition[]): void {
    this.#slices(threads);
    this.#add(this.#every, additions);
  }

  /** Of those that this process updates, each thread its slices. */
  addInRange(threads: number, additions: readonly Addition[]): void {
    this.#add(this.#slices(threads), additions);
  }

  #add(slices: readonly Slice[], additions: readonly Addition[]): void {
    for (const { gradients } of slices) {
      for (const [to, from] of additions) this.#backend.add(gradients[to], gradients[from]);
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
    this.#slices(threads).forEach(({ gradients }, n) => {
      partialNorms[first + n] = this.#backend.sumSquares(gradients[this.sum]);
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
    for (const { parameters, gradients, state } of this.#slices(threads)) {
      const sum = gradients[this.sum];
      updateSlice(this.#backend, optimizer, { parameters, gradients: sum, state, lr, gradientScale, update });
    }
  }

  /** This thread's, of those that this process updates. The views are made once. */
  #slices(threads: number): Slice[] {
    if (this.#ownOf !== threads) {
      this.#own = this.#views(...this.#ownRange(threads));
      this.#every = this.#training.ranks
        ? this.#views(...this.#sharedOut(0, this.#count, threads))
        : this.#own;
      this.#ownOf = threads;
    }
    return this.#own;
  }

  /** Slices `first` … `end - 1`. */
  #views(first: number, end: number): Slice[] {
    const { gradients, optimizerState, ranks } = this.#training;
    const { parameters } = this.#member;
    const begin = ranks ? rangeOf(ranks.rank, ranks.ranks, parameters.length).begin : 0;
    return Array.from({ length: end - first }, (_, n) => {
      const at = (first + n) * SLICE_LENGTH;
      const view = (vector: Float32Array) => vector.subarray(at, at + SLICE_LENGTH);
      // These have the range alone.
      const inRange = (vector: Float32Array) => vector.subarray(at - begin, at - begin + SLICE_LENGTH);
      const received = ranks && at >= begin ? ranks.received.map(inRange) : [];
      return {
        parameters: view(parameters),
        gradients: [...gradients.map(view), ...received],
        state: optimizerState.map(view),
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
    const { firstSlice, endSlice } = rangeOf(ranks.rank, ranks.ranks, this.#member.parameters.length);
    return this.#sharedOut(firstSlice, endSlice, threads);
  }

  #sharedOut(first: number, end: number, threads: number): [number, number] {
    const { from, to } = shareOf(first, end, this.#member.index, threads);
    return [from, to];
  }
}
