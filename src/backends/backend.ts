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
 * **Precision.** In a call of an LSTM verb all `Stored` buffers are of one precision. Sums and states carried from step to
 * step are float32 in each; what is stored in 16 bits is rounded to nearest. In float16 products are float32. In bfloat16
 * their factors are rounded, too: weights, inputs, hidden states, and the gradients of the gates; the bias is not.
 *
 * **Packed sequences** (PyTorch's PackedSequence): sequences sorted by length, longest first, laid out time-major
 * with no padding. `batchSizes[t]` sequences are still running at step t (it never grows), and the row of sequence
 * b at step t is `batchSizes[0] + … + batchSizes[t-1] + b`.
 *
 * **LSTM** (PyTorch's definition; gate order i, f, g, o along 4H):
 *   i, f, o = sigmoid(W x + b + U h' + b'),  g = tanh(W x + b + U h' + b'),  c = f c' + i g,  h = o tanh(c)
 */
import type { HostBackendName } from './backend-names.js';
import type { Precision, Stored } from './stored.js';

export type { BackendName, HostBackendName } from './backend-names.js';
export type { Precision, Stored } from './stored.js';

/** A layer's sequences: how many, how long, and which direction and columns of the output are meant. */
export interface LstmShape {
  /** I */ inputSize: number;
  /** H */ hiddenSize: number;
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

/** Arguments of `lstmForward`. */
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

/**
 * Which gradients of the parameters are added as one sum. A batch's gradients are several sums, added one after the
 * other; each is the same additions, whether its sequences are computed alone or beside others.
 */
export interface GradientSums {
  /** [B] the number of each sequence's sum, from 0; null or left out: one sum. From `allocateInts`. */
  sumOf?: Int32Array | null;
}

/** Arguments of `lstmBackward`. */
export interface LstmBackward extends LstmShape, GradientSums {
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

/** A linear layer, outputs = inputs · weightᵀ + bias, on B rows. */
export interface Linear {
  /** B rows. */ rows: number;
  /** F */ inputSize: number;
  /** K */ outputSize: number;
  /** [B, F] */ inputs: Float32Array;
  /** [K, F] */ weight: Float32Array;
}
/** Arguments of `linearForward`. */
export interface LinearForward extends Linear {
  /** [K] */ bias: Float32Array;
  /** [B, K] out. */ outputs: Float32Array;
}
/** Arguments of `linearBackward`. */
export interface LinearBackward extends Linear, GradientSums {
  /** linearScratchLength(B, F, K) floats. */ scratch: Float32Array;
  /** [B, K] */ dOutputs: Float32Array;
  /** [B, F] out: overwritten; may be `inputs` themselves. Null: not computed. */
  dInputs: Float32Array | null;
  /** [K, F] added to. */ dWeight: Float32Array;
  /** [K] added to. */ dBias: Float32Array;
}

/**
 * Copies rows of `width` elements: target[targetOffsets[n] …] (+)= scales[n] · source[sourceOffsets[n] …]. Converts
 * where source and target differ in precision.
 */
export interface CopyRows {
  /** Number of rows that are copied. */ rows: number;
  /** Elements of a row. */ width: number;
  /** Read. */ source: Stored;
  /** [rows] in elements, not rows. */ sourceOffsets: Int32Array;
  /** Written. */ target: Stored;
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
  /** Number of rows. */ rows: number;
  /** Elements of a row. */ width: number;
  /** [rows, width] in place. */ values: Stored;
  /** Probability of dropping an element, in [0, 1). */ rate: number;
  /** [rows, 2] the words of a key, as int32. */ keys: Int32Array;
  /** [rows] first counter of the row. */ offsets: Int32Array;
  /** Which dropout of the network this is. */ stream: number;
}

/**
 * Softmax cross-entropy with label smoothing ε and weights w of the classes, PyTorch's definition: the target of class k
 * is w_k (1 - ε + ε/K) at the label and w_k ε/K elsewhere; the loss is -Σ target · log softmax.
 */
export interface CrossEntropy {
  /** B */ rows: number;
  /** K */ classes: number;
  /** [B, K] */ logits: Float32Array;
  /** [B] classes, 0 to K - 1. */ labels: Int32Array;
  /** ε, in [0, 1]. */ labelSmoothing: number;
  /** [K] w, finite and at least 0; null or left out: 1 for every class. */ classWeights?: Float32Array | null;
  /** [B] out: the loss of each row, weighted, not scaled. */ losses: Float32Array;
  /** [B, K] out: gradientScale · (softmax · Σ target - target). Null: not computed. */
  dLogits: Float32Array | null;
  /** For the gradient of the mean: 1 / B, or with weights 1 / Σ w_label over the batch. */ gradientScale: number;
}

/** What every update needs. */
export interface ParameterUpdate {
  /** [n] in place. */
  parameters: Float32Array;
  /** [n] */
  gradients: Float32Array;
  /** lr in the formulas. */
  learningRate: number;
  /** wd in the formulas. */
  weightDecay: number;
  /** Gradients are multiplied by this first, e.g. for clipping. */
  gradientScale: number;
}
/** torch.optim.SGD: g += wd·p; v = momentum·v + g; p -= lr·(nesterov ? g + momentum·v : v). */
export interface SgdUpdate extends ParameterUpdate {
  /** [n] in place; null without momentum. */ velocity: Float32Array | null;
  /** 0 without momentum. */ momentum: number;
  /** Nesterov momentum. */ nesterov: boolean;
}
/**
 * torch.optim.Adam (Kingma & Ba 2015) and AdamW (`decoupled`; Loshchilov & Hutter 2019):
 * m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²; p -= lr/(1-β₁ᵗ) · m / (√v/√(1-β₂ᵗ) + eps).
 */
export interface AdamUpdate extends ParameterUpdate {
  /** [n] m, in place. */ mean: Float32Array;
  /** [n] v, in place. */ variance: Float32Array;
  /** β₁ */ beta1: number;
  /** β₂ */ beta2: number;
  /** Added to the denominator. */ eps: number;
  /** AdamW: p -= lr·wd·p first. Adam: g += wd·p first. */ decoupled: boolean;
  /** t: the number of this update, from 1. */ update: number;
}

/** From this a worker thread opens the same backend on the same memory. Can be posted to a thread. */
export interface BackendHandle {
  /** Which backend. */ name: HostBackendName;
  /** Data of the backend's own, structured-cloneable. */ payload?: unknown;
}

/**
 * What computes: a dozen fused verbs on buffers that the backend allocates. Classifiers, optimisers and recognizers call
 * the verbs; most programs only open a backend and close it. Each verb computes at once, in the calling thread.
 */
export interface Backend {
  /** The name by which `openBackend` opens it. */
  readonly name: HostBackendName;
  /** For people: the instruction set, e.g. `AVX-512`. */
  readonly description: string;
  /** Whether it multiplies bfloat16 faster than float32. */
  readonly multipliesBfloat16: boolean;

  /** A zeroed buffer that the verbs accept and threads can share. Subarrays of it are accepted too. */
  allocate(length: number): Float32Array;
  /** A zeroed buffer of integers, as `allocate`. */
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

  /** Elements that `lstmPanels` writes. @param precision of the panels; default float32 */
  lstmPanelsLength(inputSize: number, hiddenSize: number, backward: boolean, precision?: Precision): number;
  /** Floats that lstmForward or, with `backward`, lstmBackward needs, in any precision. */
  lstmScratchLength(batchSize: number, inputSize: number, hiddenSize: number, backward: boolean): number;
  /** Floats that linearBackward needs. */
  linearScratchLength(rows: number, inputSize: number, outputSize: number): number;

  /** Writes a direction's parameters as panels: in the order in which the LSTM verbs read them. */
  lstmPanels(args: {
    /** I */ inputSize: number;
    /** H */ hiddenSize: number;
    /** Of the direction. */ weights: LstmWeights;
    /** [lstmPanelsLength(I, H, backward, precision)] out. */ panels: Stored;
    /** Also write what lstmBackward needs. */ backward: boolean;
  }): void;
  /** One direction of one layer over all steps. */
  lstmForward(args: LstmForward): void;
  /** Back-propagation through time of lstmForward. */
  lstmBackward(args: LstmBackward): void;

  /** outputs = inputs · weightᵀ + bias. */
  linearForward(args: LinearForward): void;
  /** The gradients of linearForward. */
  linearBackward(args: LinearBackward): void;

  /** Copies rows between buffers, or adds them; see CopyRows. */
  copyRows(args: CopyRows): void;
  /** Drops elements in place; see Dropout. */
  dropout(args: Dropout): void;
  /** Loss and gradient of each row; see CrossEntropy. */
  crossEntropy(args: CrossEntropy): void;

  /** The first `length` elements become 0; fill() of shared memory is several times slower. */
  clear(target: Float32Array, length: number): void;
  /** target += source. */
  add(target: Float32Array, source: Float32Array): void;
  /** The sum of squares, accumulated in float64. */
  sumSquares(values: Float32Array): number;
  /** One update in place; see SgdUpdate. */
  sgd(args: SgdUpdate): void;
  /** One update in place; see AdamUpdate. */
  adam(args: AdamUpdate): void;
}

// Here, and not beside the code for GPUs, because the package's types must need none of WebGPU's.
/** A backend on a GPU. `SequenceClassifier`, recognizers and trainers run on it; close it with `close()`. */
export interface DeviceBackend {
  /** The name by which `openBackend` opens it. */
  readonly name: 'webgpu';
  /** For people: the name of the GPU. */
  readonly description: string;
  /** Frees the GPU. Closing twice is allowed. */
  close(): void;
}
