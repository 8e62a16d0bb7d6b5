import type { Head, LstmLayer } from '../verbs.js';

/** A network, and where its tensors begin in the parameters [P]. */
export interface StackNetwork {
  /** [L] of one direction and one hidden size. */
  layers: readonly LstmLayer[];
  head: Head;
  /** K */ classes: number;
  /** fc.weight [K, F] and fc.bias [K] */
  tensors: { weight: number; bias: number };
  /** P */ parameters: number;
  /** Rates in training. */ dropout: { features: number; outputs: number };
}
