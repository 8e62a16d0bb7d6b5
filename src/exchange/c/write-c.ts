/** Writes a model as one C99 file without dependencies. */
import type { ExportableModel, ExportedFile } from '../exportable-model.js';

/** Settings of a C file. */
export interface COptions {
  /** Weights as 8-bit integers. Default false: float32. */
  quantize?: boolean;
}

export function writeC(_model: ExportableModel, _options: COptions): ExportedFile[] {
  throw new Error('to be written');
}
