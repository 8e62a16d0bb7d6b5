/**
 * Writes an imported network as a run folder: config.json, best.safetensors, and last.safetensors, from which a training
 * goes on, with the optimiser's state if the file had one. Node.js only.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Preprocessing } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import {
  type ImportChoices,
  type ImportedNetwork,
  type ImportedOptimizer,
  networkOf,
} from '../../exchange/import.js';
import { filesBeside } from '../../exchange/read-beside.js';
import { readForeignModel } from '../../exchange/read-model.js';
import { lookAt } from '../../formats/file-errors.js';
import { prepareFolder, removeEmptyFolders, writeFileAtomically } from '../../formats/files.js';
import { readFileBounded } from '../../formats/read-files.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { type Checkpoint, encodeCheckpoint } from '../../runs/checkpoint.js';
import { MAX_EPOCHS, MAX_FOREIGN_BYTES } from '../../runs/limits.js';
import { writeConfig } from '../../runs/run-files.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import { lockRun, type RunLock } from '../../runs/run-lock.js';
import { holdsRun, newRunFolder, removeUnusedFolder } from '../../runs/run-path.js';
import { UserError } from '../../user-error.js';
import type { TrainConfig } from '../config/options.js';
import { configToDisk, defaultConfig, givenOptions } from '../config/run-config.js';
import { initialState } from '../loop.js';

/**
 * Reads a model file of another tool, and the files beside it that it names.
 * @throws UserError if it cannot be read, and as importModel
 */
export async function readNetwork(path: string, choices: ImportChoices): Promise<ImportedNetwork> {
  const bytes = await readFileBounded(path, 'the model', MAX_FOREIGN_BYTES);
  return networkOf(await readForeignModel(bytes, path, filesBeside(path)), path, choices);
}

/** Where a run is written, and on which data it trains. */
export interface NewRun {
  /** The run folder; null for a new one in runs/. */
  out: string | null;
  /** Of a new folder in runs/, before the time. */
  name: string;
  /** Null for the default of its kind. */
  data: string | null;
}

/**
 * Makes a run folder of a network. After a failure nothing is left.
 * @returns the folder
 * @throws UserError for a network that a run cannot have, and if the folder holds a run or cannot be written
 */
export async function writeNewRun(network: ImportedNetwork, { out, name, data }: NewRun): Promise<string> {
  const config = configOfImport(network, data);
  const made = out === null ? [] : await prepareFolder(out);
  const folder = out ?? newRunFolder(name, new Date());
  try {
    refuseRun(folder);
    const lock = await lockRun(folder);
    try {
      await writeImportedRun(folder, network, config, lock);
    } finally {
      await lock.release();
    }
    return folder;
  } catch (error) {
    removeUnusedFolder(folder);
    await removeEmptyFolders(made);
    throw error;
  }
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

function inputSettings(preprocessing: Preprocessing): Partial<TrainConfig> {
  if (preprocessing.kind === 'strokes') {
    const { order, scale, position = false, deslant = false } = preprocessing;
    return { strokeOrder: order, strokeScale: scale, strokePosition: position, deslant };
  }
  const { channels, sequenceLength, permutationSeed: permute, scan = 'rows', mean, std } = preprocessing;
  const { deslant = false } = preprocessing;
  return { channelsImg: channels, sequenceLength, permute, scan, deslant, pixelMean: mean, pixelStd: std };
}

function modelSettings(model: ResolvedClassifierConfig): Partial<TrainConfig> {
  const { inputSize, hiddenSize, numLayers, bidirectional, head, dropout, layerDropout } = model;
  const { forgetBias, chronoInit } = model;
  return {
    inputSize,
    hiddenSize,
    numLayers,
    bidirectional,
    head,
    dropoutRate: dropout,
    layerDropout,
    forgetBias: forgetBias === 0 ? null : forgetBias,
    chronoInit,
  };
}

function optimizerSettings(optimizer: ImportedOptimizer | null): Partial<TrainConfig> {
  if (optimizer === null) return FRESH;
  const { name, lr, weightDecay, momentum, nesterov, betas, eps } = optimizer.config;
  const shared = { optimizer: name, learningRate: lr, weightDecay, maxNorm: null };
  if (name === 'sgd') return { ...shared, momentum, nesterov };
  return { ...shared, beta1: betas?.[0], beta2: betas?.[1], eps };
}

/**
 * Writes the files of the run. After a failure the folder is as before.
 * @param folder locked by `lock`
 * @throws UserError if the folder holds a run, or cannot be written
 */
async function writeImportedRun(
  folder: string,
  network: ImportedNetwork,
  config: TrainConfig,
  lock: RunLock,
): Promise<void> {
  const { parameters, model, preprocessing, classes, temperature } = network;
  const best: Checkpoint = { parameters, model, preprocessing, classes, temperature };
  // In this order a killed import leaves no folder from which a training would begin with random weights.
  const files = [
    [RUN_FILES.best, encodeCheckpoint(best)],
    [RUN_FILES.last, encodeCheckpoint({ ...best, ...trainingOf(network, config) })],
  ] as const;
  refuseRun(folder);
  const written: string[] = [];
  try {
    for (const [name, bytes] of files) {
      await lock.check();
      written.push(name);
      await writeFileAtomically(join(folder, name), bytes);
    }
    await lock.check();
    written.push(RUN_FILES.config);
    const { preset: _, ...settings } = configToDisk(config);
    await writeConfig(folder, settings);
  } catch (error) {
    for (const name of written) await rm(join(folder, name), { force: true }).catch(() => {});
    throw error;
  }
}

/** @throws UserError if the folder holds a run or a checkpoint: an import never overwrites one */
function refuseRun(folder: string): void {
  if (!holdsRun(folder) && lookAt(join(folder, RUN_FILES.best)) === 'nothing') return;
  throw new UserError(`import: ${folder} holds a run already; choose another folder`, { settings: ['out'] });
}

/** What last.safetensors says of the training, as run/resume.ts reads it; nothing without an optimiser. */
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
