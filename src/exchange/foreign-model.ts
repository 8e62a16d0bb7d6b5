/** A model on its way into scanstroke: what a file of another tool says, before it is known which network it is. */
import type { Preprocessing } from '../data/input-kind.js';
import type { Head, ResolvedClassifierConfig } from '../model/classifier-config.js';
import type { StateDict } from '../state-dict.js';

/** The content of a file. Readers fill in what the file says, and null for the rest. */
export interface ForeignModel {
  /** The kind of file, for messages: `a PyTorch state dict`. */
  format: string;
  /**
   * Tensors by the names in the file, in the file's order, as float32. An ONNX file's have PyTorch's names, shapes and
   * order of gates (i f g o), whatever the file calls them.
   */
  tensors: StateDict;
  /** What the linear layer reads, if the file tells. */
  head: Head | null;
  /** T of every sequence, if the file tells. */
  sequenceLength: number | null;
  /** The model's configuration, of a file that scanstroke wrote. */
  config: ResolvedClassifierConfig | null;
  preprocessing: Preprocessing | null;
  classes: string[] | null;
  /** The logits are divided by this before the softmax; null if the file does not tell. */
  temperature: number | null;
  /** The state of the optimiser, of a PyTorch checkpoint. */
  optimizer: ForeignOptimizer | null;
  /** Epochs that were trained, if the file tells. */
  epoch: number | null;
  /** Lines for the user: what was left out, and why. */
  notices: string[];
}

/** Vectors of torch.optim's Adam, AdamW and SGD for each parameter; other optimisers have others. */
export const OPTIMIZER_VECTORS = ['exp_avg', 'exp_avg_sq', 'momentum_buffer'];

/** The state dict of a torch.optim optimiser with one group of parameters. */
export interface ForeignOptimizer {
  /** The settings of the group: `lr`, `betas`, `eps`, `momentum` … under PyTorch's names; numbers, booleans, null, lists of numbers. */
  settings: Record<string, unknown>;
  /** The state of each parameter, in the order of `params`: `step`, `exp_avg`, `exp_avg_sq`, `momentum_buffer`. */
  states: { step: number | null; vectors: StateDict }[];
}

/** Reads a file that lies beside the model, by its name there. @throws UserError if it must not be read */
export type ReadBeside = (name: string) => Uint8Array;
