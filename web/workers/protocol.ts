/**
 * Messages between the page and the recognition worker; each is about one drawing. In shapes, K is the number of
 * classes, T of steps, I of inputs per step, U of hidden units, M of moments.
 */
import type { Scan } from '#src/data/images/image-preprocessing.js';
import type { Regrouping, SymbolCorrection, SymbolReading } from '#src/recognize/symbols/read-symbols.js';

/** One stroke: its points, x to the right, y downwards, in any unit. */
export interface Stroke {
  xs: number[];
  ys: number[];
}

/** What computes. `auto`: the GPU for models that answer faster there, otherwise the processor. */
export type BackendWish = 'auto' | 'wasm' | 'webgpu';

/** Loads a model. */
export interface OpenRequest {
  type: 'open';
  model: string;
  /** URL, or the bytes. */
  checkpoint: string | Uint8Array;
  backend: BackendWish;
}
/** Recognises a drawing with each of these models. */
export interface RecognizeRequest {
  type: 'recognize';
  id: number;
  models: string[];
  strokes: Stroke[];
}
/** Computes hidden states, gradients and trace of one model for a drawing. */
export interface InspectRequest {
  type: 'inspect';
  id: number;
  model: string;
  strokes: Stroke[];
}
/** A drawing of several symbols to read, or a reading of it to change. */
export interface SymbolQuestion {
  strokes: Stroke[];
  /** What is decided. */
  corrections: SymbolCorrection[];
  /** The symbols to merge or split, and the reading that numbers them; null: reads. */
  change: { reading: SymbolReading; regrouping: Regrouping } | null;
}
/** Reads several symbols with one model. */
export interface ReadRequest extends SymbolQuestion {
  type: 'read';
  model: string;
}
export type Request = OpenRequest | RecognizeRequest | InspectRequest | ReadRequest;

/** One model's answer for a drawing. */
export interface ModelAnswer {
  model: string;
  /** [K]; null: nothing to recognise, or an error. */
  probabilities: Float32Array | null;
  /** What computed them. */
  backend: 'wasm' | 'webgpu';
  /** Why this model cannot answer, as one that reads no drawings; null on success. */
  error: string | null;
}

/** The networks' input. */
export interface Shown {
  /** [height, width] 0 is paper, 255 is ink. */
  picture: Uint8Array | null;
  width: number;
  height: number;
  /** [N, 4] the moves that a stroke model reads; null if no model reads strokes. */
  moves: Int16Array | null;
}

export interface OpenedReply {
  type: 'opened';
  model: string;
  /** Null on success. */
  error: string | null;
}
export interface RecognizedReply {
  type: 'recognized';
  id: number;
  answers: ModelAnswer[];
  shown: Shown | null;
  /** Computing time in the worker. */
  milliseconds: number;
}
export interface InspectedReply {
  type: 'inspected';
  id: number;
  inspection: DrawingInspection | null;
  error: string | null;
}
/** Inspection of a drawing; see Inspection in src/recognize. */
export interface DrawingInspection {
  probabilities: Float32Array;
  /** T */
  steps: number;
  /** [T, U] hidden states by layer, forward before backward. */
  hidden: Float32Array;
  units: number;
  /** [T, I] gradient of the answer's cross-entropy. */
  inputGradient: Float32Array;
  inputSize: number;
  /** [height, width] for models that read images; else null. */
  pixelGradient: Float32Array | null;
  /** [M] steps after which `trace` has an answer. */
  moments: Int32Array;
  /** [M, K] probabilities if the input ended after that step. */
  trace: Float32Array;
  shown: Shown;
  /** The order in which a picture is read; null for permuted pixels, and for strokes. */
  scan: Scan | null;
  layers: LayerShape;
}
export interface LayerShape {
  numLayers: number;
  hiddenSize: number;
  bidirectional: boolean;
}
export interface ReadReply {
  type: 'read';
  /** Null after an error. */
  reading: SymbolReading | null;
  error: string | null;
}
export type Reply = OpenedReply | RecognizedReply | InspectedReply | ReadReply;
