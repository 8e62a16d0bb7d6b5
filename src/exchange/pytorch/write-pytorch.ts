/** Writes a model for PyTorch: its tensors as `.pt` or safetensors, and a Python file that builds the module and loads them. */
import type { ExportableModel, ExportedFile } from '../exportable-model.js';

/** Settings of files for PyTorch. */
export interface PytorchOptions {
  /** Adds the state of the optimiser, so that a training of PyTorch's goes on. Needs a checkpoint with a training state. */
  withOptimizer?: boolean;
}

export function writePytorch(
  _model: ExportableModel,
  _format: 'pytorch' | 'safetensors',
  _options: PytorchOptions,
): ExportedFile[] {
  throw new Error('to be written');
}
