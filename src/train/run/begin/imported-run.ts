/** Writes an imported network as a run, with the optimiser's state if the file had one. Node.js only. */
import { kindOf } from '../../../data/kinds.js';
import {
  type ImportChoices,
  type ImportedNetwork,
  type ImportedOptimizer,
  networkOf,
} from '../../../exchange/import.js';
import { filesBeside } from '../../../exchange/read-beside.js';
import { readForeignModel } from '../../../exchange/read-model.js';
import { readFileBounded } from '../../../formats/read-files.js';
import type { Checkpoint } from '../../../runs/checkpoint/checkpoint.js';
import { MAX_EPOCHS, MAX_FOREIGN_BYTES } from '../../../runs/limits.js';
import type { TrainConfig } from '../../config/options.js';
import { configToDisk, defaultConfig, givenOptions } from '../../config/run-config.js';
import { initialState } from '../../loop.js';
import { inputSettings, modelSettings } from './network-settings.js';
import { type NewRunPlace, writeNewRun } from './new-run.js';

/**
 * Reads a model file of another tool, and the files beside it that it names.
 * @throws UserError if it cannot be read, and as importModel
 */
export async function readNetwork(path: string, choices: ImportChoices): Promise<ImportedNetwork> {
  const bytes = await readFileBounded(path, 'the model', MAX_FOREIGN_BYTES);
  return networkOf(await readForeignModel(bytes, path, filesBeside(path)), path, choices);
}

/**
 * Makes a run folder of a network. After a failure nothing is left.
 * @param data the run's data set; null for the default of its kind
 * @returns the folder
 * @throws UserError for a network that a run cannot have, and if the folder holds a run or cannot be written
 */
export async function writeImportedRun(
  network: ImportedNetwork,
  { data, ...place }: NewRunPlace & { data: string | null },
): Promise<string> {
  const config = configOfImport(network, data);
  const { parameters, model, preprocessing, classes, temperature } = network;
  const best: Checkpoint = { parameters, model, preprocessing, classes, temperature };
  const last = { ...best, ...trainingOf(network, config) };
  // The name of a preset would not say where the network comes from.
  const { preset: _, ...settings } = configToDisk(config);
  return writeNewRun({ command: 'import', folderSetting: 'out', config: settings, best, last }, place);
}

/** A training that goes on makes as many epochs more, unless it is told otherwise. */
const MORE_EPOCHS = 10;
/** Of a training that begins from imported weights. */
const FRESH = { optimizer: 'adam', learningRate: 1e-3, maxNorm: 1 } as const;

/**
 * The configuration of the run: the network's sizes, its inputs, and the optimiser's settings; defaults for the rest.
 * @param data the run's data set; null for the default of its kind
 * @throws UserError for a network or inputs that a run cannot have
 */
function configOfImport(network: ImportedNetwork, data: string | null): TrainConfig {
  const { model, preprocessing, optimizer } = network;
  const settings: Partial<TrainConfig> = {
    ...inputSettings(preprocessing),
    ...modelSettings(model),
    ...optimizerSettings(optimizer),
    data: data ?? kindOf(preprocessing).defaultData,
    schedule: 'constant',
    numEpochs: epochsDone(network) + MORE_EPOCHS,
  };
  return { ...defaultConfig(), ...givenOptions({ flags: settings }, 'import') };
}

/** Epochs before the training that goes on; 0 for a new one, and for more than a run can have. */
function epochsDone({ optimizer, epoch }: ImportedNetwork): number {
  return optimizer !== null && epoch !== null && epoch + MORE_EPOCHS <= MAX_EPOCHS ? epoch : 0;
}

function optimizerSettings(optimizer: ImportedOptimizer | null): Partial<TrainConfig> {
  if (optimizer === null) return FRESH;
  const { name, lr, weightDecay, momentum, nesterov, betas, eps } = optimizer.config;
  const shared = { optimizer: name, learningRate: lr, weightDecay, maxNorm: null };
  if (name === 'sgd') return { ...shared, momentum, nesterov };
  return { ...shared, beta1: betas?.[0], beta2: betas?.[1], eps };
}

/** What last.safetensors says of the training, as resume.ts reads it; nothing without an optimiser. */
function trainingOf(
  network: ImportedNetwork,
  { batchSize, seedNumber }: TrainConfig,
): Pick<Checkpoint, 'training'> {
  const { optimizer } = network;
  if (optimizer === null) return {};
  const state = {
    ...initialState('float32'),
    epoch: epochsDone(network) + 1,
    updates: optimizer.state.step,
    batchSize,
    trainCount: batchSize,
    seed: seedNumber,
    optimizer: optimizer.config.name,
    precision: 'float32',
    data: null,
  };
  return { training: { optimizer: optimizer.state.tensors, state } };
}
