/** What the page and the worker that recognises say to one another. */

/** A line drawn without lifting the pen. */
export interface Line {
  xs: number[];
  ys: number[];
}

/** Opens a model, once. */
export interface OpenRequest {
  type: 'open';
  model: string;
  url: string;
}
/** Asks what a drawing is, of all these models. */
export interface RecognizeRequest {
  type: 'recognize';
  id: number;
  models: string[];
  lines: Line[];
}
/** Asks what goes on in one model while it reads a drawing. */
export interface InspectRequest {
  type: 'inspect';
  id: number;
  model: string;
  lines: Line[];
}
export type Request = OpenRequest | RecognizeRequest | InspectRequest;

/** What a model says of a drawing. */
export interface ModelAnswer {
  model: string;
  /** [K]; null if there was nothing to recognise. */
  probabilities: Float32Array | null;
}

/** What the networks were shown. */
export interface Shown {
  /** [28, 28] 0 is paper, 255 is ink. */
  picture: Uint8Array | null;
  width: number;
  height: number;
  /** [N, 4] strokes in the order in which a stroke model reads them; null if none is asked. */
  rows: Int16Array | null;
}

export interface OpenedReply {
  type: 'opened';
  model: string;
  /** Null if it could be opened. */
  error: string | null;
}
export interface RecognizedReply {
  type: 'recognized';
  id: number;
  answers: ModelAnswer[];
  shown: Shown | null;
  /** That the worker took. */
  milliseconds: number;
  error: string | null;
}
export interface InspectedReply {
  type: 'inspected';
  id: number;
  inspection: DrawingInspection | null;
  error: string | null;
}
/** A drawing's inspection; see src/recognize. */
export interface DrawingInspection {
  probabilities: Float32Array;
  /** T */
  steps: number;
  /** [T, U] hidden states, layer by layer, forward then reverse. */
  hidden: Float32Array;
  units: number;
  /** [T, I] */
  inputGradient: Float32Array;
  inputSize: number;
  /** [height, width] for models that read rows. */
  pixelGradient: Float32Array | null;
  /** [M] and [M, K] what the network would answer if what it reads ended there. */
  moments: Int32Array;
  trace: Float32Array;
  shown: Shown;
  layers: LayerShape;
}
export interface LayerShape {
  numLayers: number;
  hiddenSize: number;
  bidirectional: boolean;
}
export type Reply = OpenedReply | RecognizedReply | InspectedReply;
