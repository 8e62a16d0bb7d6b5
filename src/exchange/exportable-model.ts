/** A trained model on its way out of scanstroke, and the files that an export makes of it. */
import type { Preprocessing } from '../data/input-kind.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import type { StateDict } from '../state-dict.js';

/** A model with all that a file for another tool can say about it. */
export interface ExportableModel {
  /** The sizes of the network. */
  config: ResolvedClassifierConfig;
  /** The parameters, under PyTorch's names: `lstm.weight_ih_l0` [4H, I] …, `fc.weight` [K, F], `fc.bias` [K]. */
  parameters: StateDict;
  /** How an example becomes the model's input; null for a classifier of a program, whose input is sequences. */
  preprocessing: Preprocessing | null;
  /** [K] names of the classes, in the order of the logits. */
  classes: string[];
  /** The logits are divided by this before the softmax. Absent if none was fitted: as 1. */
  temperature?: number;
  /** Names the model in files, and the files: `my-run`. */
  name: string;
  /** The optimiser's vectors and the state of the training; null in a checkpoint that cannot be resumed. */
  training: { optimizer: StateDict; state: Record<string, unknown> } | null;
}

/** A file that an export makes. */
export interface ExportedFile {
  /** `model.onnx` */
  name: string;
  bytes: Uint8Array;
  /** What its user should know, a fact each: inputs and outputs of an ONNX file, the error of 8-bit weights. */
  notices: string[];
}
