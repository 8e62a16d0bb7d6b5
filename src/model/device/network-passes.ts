/** The passes of a network on a GPU, as lists of dispatches. */
import type { Dispatch, Slice } from '../../backends/webgpu/kernel.js';
import type { TrainingState } from '../../backends/webgpu/update/training-state.js';
import type { PartialGradients } from '../../backends/webgpu/verbs.js';

export interface ForwardOptions {
  /** Drop features and layers' outputs at the rates of the configuration, by `dropoutKeys`. */
  dropout: boolean;
}

export interface LossOptions {
  /** ε, in [0, 1). */
  labelSmoothing: number;
  /** `classWeightWords` of the weights; null or left out: 1 for every class. */
  classWeights?: Slice | null;
  /** [sequences of the batch] out: the loss of each. */
  losses: Slice;
  /** [sequences of the batch] out: 1 where the answer is correct, else 0. */
  correct: Slice;
}

export interface TrainingOptions extends ForwardOptions, LossOptions {
  /** Of a training: gives the loss scale. Null: the scale is 1. */
  state: TrainingState | null;
  /** Overwritten: the caller adds up the parts, and those of several passes. */
  gradients: PartialGradients;
}

/** A way to compute a network. */
export interface NetworkPasses {
  /** Writes the panels; needed after the parameters have changed. */
  panels(): Dispatch[];
  /** From the inputs to the logits. */
  forward(options: ForwardOptions): Dispatch[];
  /** From inputs and labels to losses, correct answers and the gradients of all parameters. */
  trainingPass(options: TrainingOptions): Dispatch[];
}
