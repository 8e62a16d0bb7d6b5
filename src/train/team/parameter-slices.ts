/**
 * Last part of an update, in slices of the parameters of fixed length: the units' gradients are added, their norm is
 * computed and the parameters are updated. Each thread takes a range of the slices. Gradients are added in the order of
 * units and norms in the order of slices, so the result is the same for any number of threads.
 */
import type { Backend } from '../../backends/backend.js';
import { clipScale, updateSlice } from '../optimizer.js';
import type { Control } from './control.js';
import { SLICE_LENGTH, type TeamMember, type TrainingMember } from './team-protocol.js';

/** Views of a slice. `gradients`: of each buffer; the first one holds the sum. */
interface Slice {
  parameters: Float32Array;
  gradients: Float32Array[];
  state: Float32Array[];
}

/** Buffers `from` … `to - 1` hold units; each `unitsPerPass` of them are added first. */
export interface AddedBuffers {
  from: number;
  to: number;
  unitsPerPass: number;
}

export class ParameterSlices {
  readonly #member: TeamMember;
  readonly #training: TrainingMember;
  readonly #backend: Backend;
  readonly #control: Control;
  /** Of how many threads `#own` are this thread's slices. */
  #ownOf = 0;
  #own: Slice[] = [];

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

  /**
   * The norm of the summed gradients. Waits for the other threads.
   * @param needed false: nothing depends on the norm, so it is not computed
   * @returns 0 where it is not computed
   */
  norm(threads: number, needed: boolean): number {
    if (!needed) return 0;
    const { partialNorms } = this.#training;
    const first = firstSlice(this.#member, threads);
    this.#slices(threads).forEach(({ gradients: [sum] }, n) => {
      partialNorms[first + n] = this.#backend.sumSquares(sum);
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
    for (const { parameters, gradients, state } of this.#slices(threads)) {
      const slice = { parameters, gradients: gradients[0], state, lr, gradientScale, update };
      updateSlice(this.#backend, optimizer, slice);
    }
  }

  /** This thread's. The views are made once. */
  #slices(threads: number): Slice[] {
    if (this.#ownOf !== threads) {
      const { parameters } = this.#member;
      const { gradients, optimizerState } = this.#training;
      const first = firstSlice(this.#member, threads);
      const last = firstSlice({ ...this.#member, index: this.#member.index + 1 }, threads);
      this.#own = Array.from({ length: last - first }, (_, n) => {
        const view = (vector: Float32Array) =>
          vector.subarray((first + n) * SLICE_LENGTH, (first + n + 1) * SLICE_LENGTH);
        return {
          parameters: view(parameters),
          gradients: gradients.map(view),
          state: optimizerState.map(view),
        };
      });
      this.#ownOf = threads;
    }
    return this.#own;
  }
}

/** The first slice of a thread. */
function firstSlice(
  { index, parameters }: Pick<TeamMember, 'index' | 'parameters'>,
  threads: number,
): number {
  return Math.floor((index * Math.ceil(parameters.length / SLICE_LENGTH)) / threads);
}
