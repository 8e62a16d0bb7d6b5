/**
 * What the verbs of the GPU take and give. A verb returns the dispatches that compute a whole layer, loss or update;
 * the files beside this one implement them, a verb a file.
 *
 * Letters in shapes: B sequences of a batch, T steps, N rows (batch-layout.ts), I input size, H hidden size,
 * D directions, K classes, F features, P parameters, S splits. A dash marks a size that is rounded up to a multiple of
 * 16, with zeros in the padding: I', H'. A kernel then reads whole vectors and needs no check at the edges; the
 * parameters [P] themselves have PyTorch's shapes, without padding.
 *
 * Buffers of activations, row-major:
 *   inputs  [N, I'] of the first layer, else the outputs [N, D·H'] of the layer below
 *   outputs [N, D·H'] hidden states
 *   cells   [N, D·H'] cell states
 *   gates   [N, D·H', 4] i, f, g, o of each unit together; lstmBackward replaces them by the gradients before the
 *           activations
 * They are floats or, in mixed precision, halves in pairs (pack2x16float). Rows past the end of a sequence are zeros.
 */
import type { BatchCapacity } from './batch-layout.js';
import type { Dispatch, Slice } from './kernel.js';
import type { TrainingState, UpdateRule } from './update/training-state.js';

/** Hidden and input sizes are rounded up to a multiple of this. */
export const PADDING = 16;

export function padded(size: number): number {
  return Math.ceil(size / PADDING) * PADDING;
}

/**
 * The columns of a matrix on the device: `parts` equal parts, each of `size` columns and padding. Column c of the
 * parameters is column `floor(c / size) · padded(size) + c % size` on the device.
 */
export interface Columns {
  parts: number;
  size: number;
}

/** Columns on the device, padding included. */
export function deviceColumns({ parts, size }: Columns): number {
  return parts * padded(size);
}

/** How activations are stored. */
export type Storage = 'float32' | 'float16';

/** Words of 32 bits that `values` activations take. */
export function storageWords(storage: Storage, values: number): number {
  return storage === 'float32' ? values : values / 2;
}

/** A layer: both directions together. */
export interface LstmLayer {
  /** Of the first layer { parts: 1, size: I }; of the others { parts: D, size: H }. */
  inputs: Columns;
  /** H */ hiddenSize: number;
  /** [D] where the tensors of each direction begin in the parameters [P]. */
  tensors: readonly {
    /** [4H, I], gate order i, f, g, o */ weightIh: number;
    /** [4H, H] */ weightHh: number;
    /** [4H] */ biasIh: number;
    /** [4H] */ biasHh: number;
  }[];
}

/** The sequences of a pass. */
export interface BatchOnDevice {
  capacity: BatchCapacity;
  /** The words of a layout: see `layOut`. */
  words: Slice;
}

/** Arguments of every LSTM verb. */
interface LstmArguments {
  layer: LstmLayer;
  batch: BatchOnDevice;
  storage: Storage;
  /** Written by `panels`. */ panels: Slice;
  /** [N, I'] or [N, D·H'] */ inputs: Slice;
  /** [N, D·H'] */ outputs: Slice;
  /** [N, D·H'] */ cells: Slice;
  /** [N, D·H', 4] */ gates: Slice;
}

export type LstmForwardArguments = LstmArguments;

export interface LstmBackwardArguments extends LstmArguments {
  /** [N, D·H'] floats; rows past the end of a sequence may hold anything. May be changed. */ dOutputs: Slice;
  /** [N, I'] or [N, D·H'] floats: overwritten. Null: not computed. */ dInputs: Slice | null;
  gradients: PartialGradients;
}

/**
 * Gradients of all parameters, in S parts that are added later, in their order: part s is the sum over the sequences
 * of blocks ⌊s · blocks / S⌋ … of the capacity. A verb overwrites its tensors in all parts.
 */
export interface PartialGradients {
  /** [S, P] */ partials: Slice;
  /** S */ splits: number;
  /** P */ parameters: number;
}

/** A way to compute LSTM layers: kernels for some shapes and devices. */
export interface LstmKernels {
  /** Words of the panels of a layer: its weights in the order in which the kernels read them. */
  panelsWords(layer: LstmLayer, backward: boolean): number;
  panels(args: {
    layer: LstmLayer;
    parameters: Slice;
    panels: Slice;
    /** Also write what `backward` reads. */ backward: boolean;
    /** Whether `backward` computes the gradient of the inputs. Default: yes. */ inputGradient?: boolean;
  }): Dispatch[];
  forward(args: LstmForwardArguments & { scratch: Slice }): Dispatch[];
  /** Words of scratch memory of `forward` and `backward`; their content before and after means nothing. */
  scratchWords(layer: LstmLayer, batch: BatchCapacity): number;
  backward(args: LstmBackwardArguments & { scratch: Slice }): Dispatch[];
}

/** How the features of the linear layer are read from the outputs: see model/head.ts. */
export interface Head {
  name: 'flatten' | 'final' | 'last' | 'mean';
  /** L */ layers: number;
  /** D */ directions: number;
  /** H */ hiddenSize: number;
  /** T of `flatten`; 1 for the others. */ steps: number;
}

/** The columns of the features [B, F']: flatten T·D, final L·D, last and mean D parts of H columns. */
export function featureColumns({ name, layers, directions, hiddenSize, steps }: Head): Columns {
  const parts = {
    flatten: steps * directions,
    final: layers * directions,
    last: directions,
    mean: directions,
  };
  return { parts: parts[name], size: hiddenSize };
}

/** Arguments of `headForward` and `headBackward` (head/head.ts). Rows of features after the last sequence are zeros. */
export interface HeadArguments {
  head: Head;
  batch: BatchOnDevice;
  storage: Storage;
  /** [B, F'] floats. headBackward: their gradient. */ features: Slice;
  /**
   * [L] each [N, D·H']. headForward: the layers' outputs, in `storage`. headBackward: null, but for the one layer whose
   * gradient [N, D·H'] in floats is written (overwritten, or added to with `accumulate`).
   */
  outputs: readonly (Slice | null)[];
  accumulate?: boolean;
}

/** Arguments of `linearForward` and `linearBackward` (head/linear.ts). */
export interface LinearArguments {
  columns: Columns;
  /** K */ classes: number;
  batch: BatchOnDevice;
  /** Where fc.weight [K, F] and fc.bias [K] begin in the parameters [P]. */
  tensors: { weight: number; bias: number };
  /** [P] */ parameters: Slice;
  /** [B, F'] */ features: Slice;
}
export interface LinearForwardArguments extends LinearArguments {
  /** [B, K] out. */ logits: Slice;
}
export interface LinearBackwardArguments extends LinearArguments {
  /** [B, K] */ dLogits: Slice;
  /** [B, F'] out: overwritten; may be the features themselves. */ dFeatures: Slice;
  gradients: PartialGradients;
}

/** Arguments of `crossEntropy` (head/cross-entropy.ts): softmax cross-entropy as `CrossEntropy` defines it. */
export interface CrossEntropyArguments {
  batch: BatchOnDevice;
  /** K */ classes: number;
  /** [B, K] */ logits: Slice;
  /** [B] of the pass, in packed order. */ labels: Slice;
  labelSmoothing: number;
  /** `classWeightWords` of the weights (head/class-weights.ts); null or left out: 1 for every class. */
  classWeights?: Slice | null;
  /**
   * [batchSequences()] out: the loss of each sequence, not scaled. In a batch of several passes they share this buffer:
   * sequence b of a pass is element firstSequence() + b.
   */
  losses: Slice;
  /** [batchSequences()] out: 1 where the largest logit (the first of equal ones) is that of the label, else 0. */
  correct: Slice;
  /** [B, K] out: scale · (softmax · Σ target - target) / batchWeight(), zeros after the last sequence. Null: not computed. */
  dLogits: Slice | null;
  /** Of a training: its loss scale is read, and the batch begun. Null: the scale is 1. */ state: TrainingState | null;
}

/**
 * Arguments of `dropout` (head/dropout.ts): inverted dropout as `Dropout` defines it, element by element on true columns.
 * Row r of [rows, columns'] draws with key `keys[2k], keys[2k + 1]` and counters that begin at `offset`:
 * of features: k = b, offset 0. Of outputs: k = the sequence b of the row, offset = t · width.
 */
export interface DropoutArguments {
  of: 'features' | 'outputs';
  batch: BatchOnDevice;
  columns: Columns;
  storage: Storage;
  /** Read. */ source: Slice;
  /** Written; may be the source. */ target: Slice;
  rate: number;
  /** [B, 2] */ keys: Slice;
  stream: number;
}

/** Arguments of `sumGradients` (update/sum-gradients.ts). */
export interface SumGradientsArguments {
  gradients: PartialGradients;
  /** [P] out: ((p₀ + p₁) + p₂) + …, part by part. */ sums: Slice;
  /**
   * Add the parts to what `sums` holds. A batch of two passes with parts p₀, p₁ and p₂, p₃ gives the same bits as one
   * pass with four parts.
   */
  accumulate: boolean;
  /** [squaresWords(P)] out: sums of squares of blocks, for the norm. Null: not computed. */ squares: Slice | null;
}

/** Arguments of `update` (update/update.ts): it ends a batch. */
export interface UpdateArguments {
  rule: UpdateRule;
  /** Gradients are clipped to this norm; null: not clipped. */ maxNorm: number | null;
  /** Mixed precision: rule of the loss scale, from train/loss-scale.ts. Null in float32. */
  lossScaling: LossScaling | null;
  state: TrainingState;
  /** [batchSequences()] written by `crossEntropy`. */ losses: Slice;
  /** [batchSequences()] written by `crossEntropy`. */ correct: Slice;
  /** Of the batch's last pass. */ gradients: PartialGradients;
  /** [P] sums of the gradients of the passes before, if `accumulate`. Overwritten. */ sums: Slice;
  accumulate: boolean;
  /** [squaresWords(P)] overwritten. */ squares: Slice;
  /** [P] in place. */ parameters: Slice;
  /** [V, P] in place: velocity of SGD with momentum; mean and variance of Adam. Null: the rule has none. */
  vectors: Slice | null;
}

/** When the loss scale changes. */
export interface LossScaling {
  /** The scale is doubled after this many updates without an overflow. */ growthInterval: number;
  /** Gradients that overflow even with this scale mean divergence. */ least: number;
}

/**
 * The loop over time of a layer, both directions together. Before it, a product has put W x + b + b' of every row into
 * the gates, unless the loop reads the inputs itself; after its backward pass, products take the gradients from the
 * gates to inputs and weights.
 */
export interface Recurrence {
  /** Whether `forward` computes W x + b + b' itself, whatever the gates hold. Default: no. */
  readsInputs?(layer: LstmLayer): boolean;
  /** Words of the weights in the order in which the loop reads them. Those of `forward` come first. */
  panelsWords(layer: LstmLayer, backward: boolean): number;
  panels(args: { layer: LstmLayer; parameters: Slice; panels: Slice; backward: boolean }): Dispatch[];
  /** Gates after their activations, cells, outputs. */
  forward(args: LstmArguments & { scratch: Slice }): Dispatch[];
  /** Words of scratch memory of `forward` and `backward`. */
  scratchWords(layer: LstmLayer, batch: BatchCapacity): number;
  /** Replaces the gates by the gradients before the activations. */
  backward(args: Omit<LstmArguments, 'inputs'> & { dOutputs: Slice; scratch: Slice }): Dispatch[];
}
