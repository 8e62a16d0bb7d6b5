/** Writes a model as an ONNX file. */
import type { ExportableModel, ExportedFile } from '../exportable-model.js';

/** Settings of an ONNX file. */
export interface OnnxOptions {
  /** Version of the standard operators, 13 to 22. Default 13. */
  opset?: number;
  /** Adds the output `probabilities` [batch, classes]: softmax of the logits. Default false. */
  probabilities?: boolean;
  /** The model takes pictures: `images` uint8 [batch, channels, height, width]. Default false. */
  withPreprocessing?: boolean;
  /** One step at a time: states go in and come out. Default false. */
  streaming?: boolean;
  /** Adds inputs for the initial states. Default false. */
  initialStates?: boolean;
}

export function writeOnnx(_model: ExportableModel, _options: OnnxOptions): ExportedFile[] {
  throw new Error('to be written');
}
