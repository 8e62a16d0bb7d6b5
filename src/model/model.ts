/**
 * Parameters and passes of a classifier, wherever its numbers are: `HostModel` on a backend's memory (host-model.ts),
 * `DeviceModel` on a GPU (device-model.ts). A pass has sequences sorted by length, in the order that suits the backend.
 */
import type { Stored } from '../backends/backend.js';
import type { PaddedBatch } from '../data/sequences/batch.js';
import { deriveKey } from '../random.js';
import type { SequenceStepper } from './stepper.js';

/** Where the sequences of a pass are. */
export interface PassRows {
  /** [B] sequence b of the pass is the caller's sequence order[b]. */
  order: Int32Array;
  /** [B] of the pass's sequences, longest first. */
  lengths: Int32Array;
  /** Row of sequence b at step t, in all matrices with a row for every step. */
  rowOf(b: number, t: number): number;
}

/** What a layer computed. */
export interface LayerStates {
  /** [rows, D·H] */ outputs: Stored;
  /** [direction] [rows, H] */ cells: Stored[];
}

/** A forward pass. */
export interface ForwardPass extends PassRows {
  /** [B, K] */ logits: Float32Array;
  /** [L]; empty unless asked for. */ layers: LayerStates[];
}

/** A forward and backward pass. */
export interface GradientPass extends PassRows {
  /** [B, K] */ logits: Float32Array;
  /** [B] */ losses: Float32Array;
  /** [P] gradient of the mean loss. */ gradients: Float32Array;
  /** [rows, I]; null unless asked for. */ dInputs: Float32Array | null;
}

export interface PassOptions {
  labelSmoothing: number;
  /** [K]; null: 1 for every class. */
  classWeights: Float32Array | null;
  /** Sum of the weights of the batch's sequences. */
  weight: number;
  inputGradient: boolean;
  /** Null: no dropout. */
  dropoutSeed: number | null;
}

export interface Model {
  /** [P] in the parameters' layout. */
  readonly parameters: Float32Array;
  /** Must be called after `parameters` have changed; passes that began before compute with the old ones. */
  parametersChanged(): void;
  /**
   * @param batch checked
   * @param states also give outputs and cells of all layers
   * @param use makes the result; the arrays of the pass are overwritten afterwards
   */
  forward<R>(batch: PaddedBatch, states: boolean, use: (pass: ForwardPass) => R): Promise<R>;
  /** As `forward`. */
  gradients<R>(batch: PaddedBatch, options: PassOptions, use: (pass: GradientPass) => R): Promise<R>;
  /** @throws UserError for a model that cannot be stepped, or where it cannot */
  stepper(): SequenceStepper;
  close(): void;
}

/** Writes the key of each sequence's dropout, in the order of a pass, into `keys` [B, 2] and returns them. */
export function dropoutKeys(seed: number, order: Int32Array, keys: Int32Array): Int32Array {
  order.forEach((sequence, b) => {
    keys.set(deriveKey(seed, sequence), 2 * b);
  });
  return keys;
}
