/**
 * The boundary between the model and the processor: a dozen fused verbs, each a whole layer or update.
 *
 * The line runs here: above it is the order of calls (model/, train/), below it is all arithmetic on float32
 * buffers. A verb computes synchronously in the calling thread, allocates nothing and keeps nothing; train/team/
 * runs verbs in several threads on shared buffers.
 *
 * Letters in shapes: B sequences, T steps, N = sum of the sequences' lengths (rows), I input size, H hidden size,
 * D directions (1 or 2), K classes, F features. All buffers are dense, row-major float32 from `allocate`.
 *
 * **Packed sequences** (PyTorch's PackedSequence): sequences sorted by length, longest first, laid out time-major
 * with no padding. `batchSizes[t]` sequences are still running at step t (it never grows), and the row of sequence
 * b at step t is `batchSizes[0] + … + batchSizes[t-1] + b`.
 *
 * **LSTM** (PyTorch's definition; gate order i, f, g, o along 4H):
 *   i, f, o = sigmoid(W x + b + U h' + b'),  g = tanh(W x + b + U h' + b'),  c = f c' + i g,  h = o tanh(c)
 */
import type { BackendName } from './backend-names.js';

export type { BackendName } from './backend-names.js';

/**
 * Activations and the weights' working copies: float32 or, in mixed precision, halves (IEEE 754 binary16) as their
 * bits; Node.js 20 has no Float16Array. A Uint16Array over the bytes of an allocated buffer is accepted. In a call of
 * an LSTM verb all of them are of one kind; products, sums and states are float32 either way, and what is stored as a
 * half is rounded to nearest.
 */
export type Stored = Float32Array | Uint16Array;

/** A layer's sequences: how many, how long, and which direction and columns of the output are meant. */
export interface LstmShape {
  inputSize: number;
  hiddenSize: number;
  /** [T] how many sequences are still running at each step; from `allocateInts`. */
  batchSizes: Int32Array;
  /** N: the sum of batchSizes. */
  rows: number;
  /** Run from each sequence's own last step to its first. */
  reverse: boolean;
  /** Row length of `outputs` and `dOutputs`: D·H. */
  outputStride: number;
  /** First column of this direction in `outputs`: 0, or H for the reverse direction of a bidirectional layer. */
  outputColumn: number;
}

/** The parameters of one layer and direction, PyTorch's shapes. */
export interface LstmWeights {
  /** [4H, I] */ weightIh: Float32Array;
  /** [4H, H] */ weightHh: Float32Array;
  /** [4H] */ biasIh: Float32Array;
  /** [4H] */ biasHh: Float32Array;
}

export interface LstmForward extends LstmShape {
  /** Written by `lstmPanels`. */
  panels: Stored;
  /** [N, I] */ inputs: Stored;
  /** [N, D·H] out: columns outputColumn … outputColumn + H - 1 are written. */
  outputs: Stored;
  /** [N, H] out: cell states. */
  cells: Stored;
  /** [N, 4H] out: gates i, f, g, o after their activations, for lstmBackward; null for inference. */
  gates: Stored | null;
  /** lstmScratchLength(B, I, H, false) floats; their content before and after means nothing. */
  scratch: Float32Array;
  /** The states before each sequence's first step; zeros by default. They get no gradient. */
  initial?: { /** [B, H] */ hidden: Float32Array /** [B, H] */; cells: Float32Array } | null;
}

export interface LstmBackward extends LstmShape {
  /** Written by `lstmPanels` with `backward` set. */
  panels: Stored;
  /** [N, I] */ inputs: Stored;
  /** [N, D·H] written by lstmForward. */
  outputs: Stored;
  /** [N, H] written by lstmForward. */
  cells: Stored;
  /** [N, 4H] written by lstmForward; overwritten with the gradients before the activations. */
  gates: Stored;
  /** [N, D·H] gradient of the outputs (this direction's columns are read). */
  dOutputs: Float32Array;
  /** [N, I] gradient of the inputs: added to. Null: not computed. */
  dInputs: Float32Array | null;
  /** Gradients of the parameters: added to. */
  dWeights: LstmWeights;
  /** lstmScratchLength(B, I, H, true) floats; their content before and after means nothing. */
  scratch: Float32Array;
}

export interface Linear {
  /** B rows. */ rows: number;
  /** F */ inputSize: number;
  /** K */ outputSize: number;
  /** [B, F] */ inputs: Float32Array;
  /** [K, F] */ weight: Float32Array;
}
export interface LinearForward extends Linear {
  /** [K] */ bias: Float32Array;
  /** [B, K] out. */ outputs: Float32Array;
}
export interface LinearBackward extends Linear {
  /** linearScratchLength(B, F, K) floats. */ scratch: Float32Array;
  /** [B, K] */ dOutputs: Float32Array;
  /** [B, F] out: overwritten; may be `inputs` themselves. Null: not computed. */
  dInputs: Float32Array | null;
  /** [K, F] added to. */ dWeight: Float32Array;
  /** [K] added to. */ dBias: Float32Array;
}

/**
 * Copies rows of `width` elements: target[targetOffsets[n] …] (+)= scales[n] · source[sourceOffsets[n] …]. Converts
 * between floats and halves where source and target differ.
 */
export interface CopyRows {
  /** How many rows are copied. */ rows: number;
  width: number;
  source: Stored;
  /** [rows] in elements, not rows. */ sourceOffsets: Int32Array;
  target: Stored;
  /** [rows] in elements, not rows. */ targetOffsets: Int32Array;
  /** [rows], or null for 1. */ scales: Float32Array | null;
  /** Add to the target instead of overwriting it. */ accumulate: boolean;
}

/**
 * Inverted dropout in place: every element is kept with probability 1 - rate and then scaled by 1 / (1 - rate).
 *
 * Counter-based (Salmon et al. 2011): element j of row r draws a word of Threefry-2x32-20 with key
 * `keys[2r], keys[2r + 1]` and counter `(offsets[r] + (j mod ⌈width/2⌉), stream)`; word 0 for the first half of the
 * row, word 1 for the second. It is kept if word ≥ ⌊rate · 2³²⌋. The same call on the gradient is the backward pass.
 */
export interface Dropout {
  rows: number;
  width: number;
  /** [rows, width] in place. */ values: Stored;
  rate: number;
  /** [rows, 2] the words of a key, as int32. */ keys: Int32Array;
  /** [rows] first counter of the row. */ offsets: Int32Array;
  /** Which dropout of the network this is. */ stream: number;
}

/**
 * Softmax cross-entropy with label smoothing ε, PyTorch's definition: the target is 1 - ε + ε/K at the label and
 * ε/K elsewhere.
 */
export interface CrossEntropy {
  rows: number;
  classes: number;
  /** [B, K] */ logits: Float32Array;
  /** [B] */ labels: Int32Array;
  labelSmoothing: number;
  /** [B] out: the loss of each row, not scaled. */ losses: Float32Array;
  /** [B, K] out: gradientScale · (softmax - target). Null: not computed. */
  dLogits: Float32Array | null;
  /** 1 / B for the gradient of the mean. */ gradientScale: number;
}

export interface ParameterUpdate {
  /** All [n]. */
  parameters: Float32Array;
  gradients: Float32Array;
  learningRate: number;
  weightDecay: number;
  /** Gradients are multiplied by this first, e.g. for clipping. */
  gradientScale: number;
}
/** torch.optim.SGD: g += wd·p; v = momentum·v + g; p -= lr·(nesterov ? g + momentum·v : v). */
export interface SgdUpdate extends ParameterUpdate {
  /** [n] velocity; null without momentum. */ velocity: Float32Array | null;
  momentum: number;
  nesterov: boolean;
}
/**
 * torch.optim.Adam (Kingma & Ba 2015) and AdamW (`decoupled`; Loshchilov & Hutter 2019):
 * m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²; p -= lr/(1-β₁ᵗ) · m / (√v/√(1-β₂ᵗ) + eps).
 */
export interface AdamUpdate extends ParameterUpdate {
  /** [n] */ mean: Float32Array;
  /** [n] */ variance: Float32Array;
  beta1: number;
  beta2: number;
  eps: number;
  decoupled: boolean;
  /** t: the number of this update, from 1. */ update: number;
}

/** From this a worker thread opens the same backend on the same memory. Can be posted to a thread. */
export interface BackendHandle {
  name: BackendName;
  /** Data of the backend's own, structured-cloneable. */ payload?: unknown;
}

export interface Backend {
  readonly name: BackendName;
  /** For people: the instruction set, e.g. `AVX-512`. */
  readonly description: string;

  /** A zeroed buffer that the verbs accept and threads can share. Subarrays of it are accepted too. */
  allocate(length: number): Float32Array;
  allocateInts(length: number): Int32Array;
  /**
   * Frees the memory of an array from `allocate` or `allocateInts`. After `close` it does nothing.
   * @throws Error for any other array: one that was released before, a subarray, one of another backend
   */
  release(array: Float32Array | Int32Array): void;
  /** For a worker thread, which opens the same backend from it. @throws Error if the memory cannot be shared */
  handle(): BackendHandle;
  /** Ends the backend: it refuses allocations, and its buffers must not be used. Closing twice is allowed. */
  close(): void;

  /** Elements that `lstmPanels` writes. */
  lstmPanelsLength(inputSize: number, hiddenSize: number, backward: boolean): number;
  /** Floats that lstmForward or, with `backward`, lstmBackward needs, in either precision. */
  lstmScratchLength(batchSize: number, inputSize: number, hiddenSize: number, backward: boolean): number;
  linearScratchLength(rows: number, inputSize: number, outputSize: number): number;

  /** Writes a direction's parameters as panels: in the order in which the LSTM verbs read them. */
  lstmPanels(args: {
    inputSize: number;
    hiddenSize: number;
    weights: LstmWeights;
    panels: Stored;
    /** Also write what lstmBackward needs. */ backward: boolean;
  }): void;
  /** One direction of one layer over all steps. */
  lstmForward(args: LstmForward): void;
  /** Back-propagation through time of lstmForward. */
  lstmBackward(args: LstmBackward): void;

  /** outputs = inputs · weightᵀ + bias. */
  linearForward(args: LinearForward): void;
  linearBackward(args: LinearBackward): void;

  copyRows(args: CopyRows): void;
  dropout(args: Dropout): void;
  crossEntropy(args: CrossEntropy): void;

  /** The first `length` elements become 0; fill() of shared memory is several times slower. */
  clear(target: Float32Array, length: number): void;
  /** target += source. */
  add(target: Float32Array, source: Float32Array): void;
  /** The sum of squares, accumulated in float64. */
  sumSquares(values: Float32Array): number;
  sgd(args: SgdUpdate): void;
  adam(args: AdamUpdate): void;
}
