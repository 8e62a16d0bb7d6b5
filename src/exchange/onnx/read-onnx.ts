/** Reads an ONNX model. */
import type { ForeignModel, ReadBeside } from '../foreign-model.js';

export function readOnnx(_bytes: Uint8Array, _name: string, _readBeside: ReadBeside): ForeignModel {
  throw new Error('to be written');
}
