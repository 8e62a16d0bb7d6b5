/**
 * What a run trains, and on what: follows from its configuration and its data alone. So in an MPI job every rank makes
 * the same plan.
 */
import type { Augmentation } from '../../data/augmentation.js';
import type { Dataset, Preprocessing } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import { type LoadOptions, loadDataset } from '../../data/open-dataset.js';
import { splitIntoEpochs } from '../../data/split.js';
import { checkTrainable } from '../../data/trainable.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { MAX_EPOCH_UPDATES } from '../../runs/limits.js';
import { UserError } from '../../user-error.js';
import type { TrainConfig } from '../config/options.js';
import {
  additionsOf,
  classifierOf,
  divisionOf,
  loopSettingsOf,
  preprocessingOf,
  updateSettingsOf,
  withFittingSteps,
} from '../config/plan.js';
import { defaultConfig } from '../config/run-config.js';
import type { UpdateSettings } from '../engine.js';
import type { EpochOptions, LoopSettings } from '../loop.js';

export interface RunPlan<C extends TrainConfig> {
  /** With steps that fit the data. */
  config: C;
  preprocessing: Preprocessing;
  model: ResolvedClassifierConfig;
  /** [S] indices of the training samples that an epoch reads, as for `EpochOptions`. */
  train: readonly Int32Array[];
  validation: Int32Array;
  /** Sequences of an update. */
  batchSize: number;
  batchesPerEpoch: number;
  /** Steps of a training sequence; null if all have the same number. */
  lengthOf: ((index: number) => number) | null;
  /** The block of the file that holds a training sequence; null if all are in memory. */
  blockOf: EpochOptions['blockOf'];
  settings: LoopSettings;
  training: UpdateSettings & { augmentation: Augmentation };
}

/** Loads the data set of a run. */
export function loadRunData(
  config: TrainConfig,
  hearing: Pick<LoadOptions, 'signal' | 'onProgress' | 'onNotice'> = {},
): Promise<Dataset> {
  return loadDataset(config.data, {
    channelsImg: config.channelsImg,
    pictureSize: config.imageSize,
    order: config.strokeOrder,
    ...divisionOf(config),
    isWeighted: config.classWeights === 'balanced',
    ...additionsOf(config),
    madeSets: config.madeSets,
    ...hearing,
  });
}

/** A line for each setting that is given and changes nothing for these data. */
export function withoutEffect({ trainSplit }: TrainConfig, { name, validation }: Dataset): string[] {
  if (validation === undefined || trainSplit === defaultConfig().trainSplit) return [];
  return [
    `--train-split ${trainSplit} changes nothing: the files of ${name} say which ${validation.length} samples are for validation`,
  ];
}

/** @throws UserError if the data and the configuration do not fit */
export function planRun<C extends TrainConfig>(given: C, dataset: Dataset): RunPlan<C> {
  checkTrainable(dataset, given.trainSplit, given.seedNumber);
  const config = withFittingSteps(given, dataset);
  const preprocessing = preprocessingOf(config, dataset);
  const model = classifierOf(config, dataset.classes.length);
  const { train, validation } = splitIntoEpochs(dataset, config.trainSplit, config.seedNumber);
  const batchSize = Math.min(train[0].length, config.batchSize * config.accumulationSteps);
  const batchesPerEpoch = Math.ceil(train[0].length / batchSize);
  if (batchesPerEpoch > MAX_EPOCH_UPDATES) {
    throw new UserError(
      `train: an epoch would have ${batchesPerEpoch} updates; at most ${MAX_EPOCH_UPDATES} are supported; use larger batches`,
      { settings: ['batchSize'] },
    );
  }
  return {
    config,
    preprocessing,
    model,
    train,
    validation,
    batchSize,
    batchesPerEpoch,
    lengthOf: kindOf(dataset).lengthsIn(dataset.train),
    blockOf: kindOf(dataset).blockOf(dataset.train),
    settings: loopSettingsOf(config, batchSize),
    training: updateSettingsOf(config, batchSize, labelsOf(dataset, train[0]), model.numClasses),
  };
}

/** Labels of training samples, one after the other: there may be millions. */
function* labelsOf({ train: { labels } }: Dataset, indices: Int32Array): Generator<number> {
  for (const index of indices) yield labels[index];
}
