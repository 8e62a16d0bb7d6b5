/**
 * Last part of an update: the norm of the summed gradients and the update of the parameters, in slices of fixed length.
 * Each thread takes a range of the slices. Norms are added in the order of slices, so the result is the same for any
 * number of threads.
 */
import type { Backend } from '../../backends/backend.js';
import { clipScale, type SliceUpdate, updateSlice } from '../optimizer.js';
import type { Control } from './control.js';
import { SLICE_LENGTH, type TeamMember, type TrainingMember } from './team-protocol.js';

/** Views of a slice. */
type Slice = Pick<SliceUpdate, 'parameters' | 'gradients' | 'state'>;

export class ParameterSlices {
  readonly #index: number;
  readonly #training: TrainingMember;
  readonly #backend: Backend;
  readonly #control: Control;
  readonly #slices: Slice[];

  constructor(member: TeamMember, training: TrainingMember, backend: Backend, control: Control) {
    this.#index = member.index;
    this.#training = training;
    this.#backend = backend;
    this.#control = control;
    const { total, optimizerState } = training;
    const count = Math.ceil(member.parameters.length / SLICE_LENGTH);
    this.#slices = Array.from({ length: count }, (_, slice) => {
      const view = (vector: Float32Array) =>
        vector.subarray(slice * SLICE_LENGTH, (slice + 1) * SLICE_LENGTH);
      return { parameters: view(member.parameters), gradients: view(total), state: optimizerState.map(view) };
    });
  }

  /**
   * The norm of the summed gradients. Waits for the other threads.
   * @param needed false: nothing depends on the norm, so it is not computed
   * @returns 0 where it is not computed
   */
  norm(threads: number, needed: boolean): number {
    if (!needed) return 0;
    const { partialNorms } = this.#training;
    this.#each(threads, ({ gradients }, slice) => {
      partialNorms[slice] = this.#backend.sumSquares(gradients);
    });
    this.#control.barrier(threads);
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
    this.#each(threads, (slice) => {
      updateSlice(this.#backend, optimizer, { ...slice, lr, gradientScale, update });
    });
  }

  #each(threads: number, visit: (slice: Slice, index: number) => void): void {
    const { length } = this.#slices;
    const last = Math.floor(((this.#index + 1) * length) / threads);
    for (let slice = Math.floor((this.#index * length) / threads); slice < last; slice++) {
      visit(this.#slices[slice], slice);
    }
  }
}
