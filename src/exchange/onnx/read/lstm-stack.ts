/** The LSTM layers of a graph, as far as the analysis has met them: weights, and the labels of their hidden states. */
import type { Block, Labels } from './labels.js';

/** One direction of a layer, in our order: gates i f g o, inputs as the layer below gives them. */
export interface LayerDirection {
  /** Labels of its hidden states. */
  states: Block;
  /** [4H, I], [4H, H], [4H], [4H] */
  weightIh: Float32Array;
  weightHh: Float32Array;
  biasIh: Float32Array;
  biasHh: Float32Array;
}

export interface Layer {
  /** I */
  inputSize: number;
  /** Forward, reverse; undefined if the graph has none. */
  directions: [LayerDirection?, LayerDirection?];
}

/** What a label of a hidden state stands for. */
export interface StateLabel {
  layer: number;
  direction: 0 | 1;
  /** T: the sum over all steps; T + 1: the mean. */
  step: number;
  batch: number;
  unit: number;
}

export class LstmStack {
  readonly layers: Layer[] = [];
  /** T, B, H; 0 before the first LSTM. */
  steps = 0;
  batch = 0;
  units = 0;
  /** [B] lengths of the sequences, 1 to T. */
  lengths: readonly number[] = [];
  /** [T, B, I] labels of the sequence, in the order in which the first layer's forward direction reads it. */
  sequence: Int32Array | null = null;

  constructor(readonly labels: Labels) {}

  /** Labels of a direction's hidden states, with sum and mean. */
  get labelsOfDirection(): number {
    return (this.steps + 2) * this.batch * this.units;
  }

  /** The label of the hidden state after a step. */
  labelOf({ states }: LayerDirection, step: number, batch: number, unit: number): number {
    return states.base + (step * this.batch + batch) * this.units + unit;
  }

  /** The label of the mean over a sequence's steps. With one step it is that step's output. */
  meanLabel(direction: LayerDirection, batch: number, unit: number): number {
    return this.labelOf(direction, this.lengths[batch] === 1 ? 0 : this.steps + 1, batch, unit);
  }

  /** Null for a label of another kind. @param label not 0 */
  stateOf(label: number): StateLabel | null {
    const block = this.labels.blockOf(label);
    if (block.kind !== 'state') return null;
    const place = label - block.base;
    const row = Math.floor(place / this.units);
    return {
      layer: block.layer,
      direction: block.direction,
      step: Math.floor(row / this.batch),
      batch: row % this.batch,
      unit: place % this.units,
    };
  }

  /**
   * The label of a sum.
   * @param group labels; 0 where a sequence has ended
   * @returns null unless they are the outputs of one unit after every step of one sequence; 0 of zeros
   */
  sumOver(group: ArrayLike<number>): number | null {
    let first: StateLabel | null = null;
    let start = 0;
    let count = 0;
    const rowLabels = this.batch * this.units;
    const seen = new Uint8Array(this.steps);
    for (let n = 0; n < group.length; n++) {
      const label = group[n];
      if (label === 0) continue;
      if (first === null) {
        first = this.stateOf(label);
        if (first === null) return null;
        start = label - first.step * rowLabels;
      }
      const step = (label - start) / rowLabels;
      if (!Number.isInteger(step) || step < 0 || step >= this.steps || seen[step]) return null;
      seen[step] = 1;
      count++;
    }
    if (first === null) return 0;
    const length = this.lengths[first.batch];
    if (count !== length || seen.subarray(0, length).includes(0)) return null;
    return length === 1 ? start : start + this.steps * rowLabels;
  }

  /** The mean that belongs to a sum, and the steps to divide by; null if the label stands for no sum. */
  meanOfSum(label: number): { label: number; steps: number } | null {
    const state = label === 0 ? null : this.stateOf(label);
    if (state === null) return null;
    const steps = this.lengths[state.batch];
    if (steps === 1 && state.step === 0) return { label, steps };
    return state.step === this.steps ? { label: label + this.batch * this.units, steps } : null;
  }
}
