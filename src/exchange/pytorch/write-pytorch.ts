/** Writes a model for PyTorch: its tensors as `.pt` or safetensors, and a Python file that builds the module and loads them. */
import { formatJson } from '../../formats/json.js';
import { type TensorToWrite, writeSafetensors } from '../../formats/safetensors/safetensors.js';
import { ParameterLayout } from '../../model/parameters.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { ExportableModel, ExportedFile } from '../exportable-model.js';
import { modelMetadata } from '../model-metadata.js';
import { OPTIMIZER_KEY, OPTIMIZER_PREFIX, STEP } from '../safetensors/optimizer-tensors.js';
import {
  inOrder,
  type OptimizerSettings,
  optimizerStateDict,
  type TorchTraining,
  torchTraining,
} from './write/optimizer-export.js';
import type { PythonValue } from './write/pickle-writer.js';
import { pythonModule } from './write/python-module.js';
import { writeTorchArchive } from './write/torch-archive-writer.js';

/** Settings of files for PyTorch. */
export interface PytorchOptions {
  /** Adds the state of the optimiser, so that a training of PyTorch's goes on. Needs a checkpoint with a training state. */
  withOptimizer?: boolean;
  /** Settings of the training's optimiser, which a checkpoint does not have. `withOptimizer` needs them. */
  optimizer?: OptimizerSettings;
  /** With `withOptimizer`, `.pt`: mean training loss of each epoch, for the member `loss`. Default none. */
  losses?: readonly number[];
  /** The model file's name, which the Python file loads. Default NAME.pt or NAME.safetensors. */
  fileName?: string;
}

/**
 * Writes the model file and the Python file.
 *
 * `.pt` is a state dict, or with the optimiser a dict of `epoch`, `model_state_dict`, `optimizer_state_dict` and `loss`;
 * `torch.load(file, weights_only=True)` reads a state dict from PyTorch 1.13 on.
 *
 * @param format `pytorch` for `.pt`
 * @throws UserError if there is no training state to write, its optimiser and the settings do not fit, or both files
 * would have one name
 */
export function writePytorch(
  model: ExportableModel,
  format: 'pytorch' | 'safetensors',
  options: PytorchOptions,
): ExportedFile[] {
  const { name, config } = model;
  const layout = new ParameterLayout(config);
  layout.check(model.parameters);
  const parameters = inOrder(model.parameters, layout);
  const training = options.withOptimizer ? torchTraining(model, options.optimizer) : null;
  const fileName = options.fileName ?? `${name}.${format === 'pytorch' ? 'pt' : 'safetensors'}`;
  const pythonName = `${name}.py`;
  if (fileName === pythonName) {
    throw new UserError(
      `export: ${fileName} is the name of the Python file that reads the parameters; give them another name, such as ${name}.${format === 'pytorch' ? 'pt' : 'safetensors'}`,
    );
  }
  const bytes =
    format === 'pytorch'
      ? archiveOf(model, parameters, training, options.losses ?? [])
      : safetensorsOf(model, parameters, training);
  const python = pythonModule({ model, format, fileName, optimizer: training?.settings ?? null });
  return [
    { name: fileName, bytes, notices: [] },
    { name: pythonName, bytes: new TextEncoder().encode(python), notices: [] },
  ];
}

function archiveOf(
  model: ExportableModel,
  parameters: StateDict,
  training: TorchTraining | null,
  losses: readonly number[],
): Uint8Array {
  const storages = new Map<string, Float32Array>();
  const save = ({ shape, data }: { shape: number[]; data: Float32Array }): PythonValue => {
    const storage = String(storages.size);
    storages.set(storage, data);
    return { tensor: { storage, shape } };
  };
  const names = [...parameters.keys()];
  const stateDict: PythonValue = {
    orderedDict: [...parameters].map(([name, tensor]) => [name, save(tensor)]),
  };
  const value: PythonValue =
    training === null
      ? stateDict
      : {
          dict: [
            ['epoch', { int: training.epoch }],
            ['model_state_dict', stateDict],
            ['optimizer_state_dict', optimizerStateDict(training, names, save)],
            ['loss', { list: losses.map((float) => ({ float })) }],
          ],
        };
  return writeTorchArchive(value, storages, formatJson(modelMetadata(model), 'the metadata'));
}

/** `format` is what Hugging Face's transformers asks for in files of PyTorch tensors. */
function safetensorsOf(
  model: ExportableModel,
  parameters: StateDict,
  training: TorchTraining | null,
): Uint8Array {
  const tensors = new Map<string, TensorToWrite>(parameters);
  const metadata: Record<string, string> = { format: 'pt', ...modelMetadata(model) };
  if (training !== null) {
    const { epoch, updates, vectors, settings } = training;
    tensors.set(OPTIMIZER_PREFIX + STEP, { shape: [], data: Float32Array.of(updates) });
    for (const [vector, values] of vectors) {
      for (const [name, tensor] of values) tensors.set(`${OPTIMIZER_PREFIX}${vector}.${name}`, tensor);
    }
    metadata[OPTIMIZER_KEY] = formatJson(torchSettings(settings), 'the metadata: optimizer');
    metadata.epoch = String(epoch);
  }
  return writeSafetensors(tensors, metadata);
}

/** The settings that torch.optim keeps, under its names. */
function torchSettings(settings: OptimizerSettings): Record<string, unknown> {
  const { name, lr, momentum, nesterov, betas, eps, weightDecay } = settings;
  const shared = { lr, weight_decay: weightDecay };
  return name === 'sgd'
    ? { ...shared, momentum, dampening: 0, nesterov }
    : { ...shared, betas: [...betas], eps, amsgrad: false, decoupled_weight_decay: name === 'adamw' };
}
