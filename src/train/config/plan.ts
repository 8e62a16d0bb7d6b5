/** From a run's configuration to settings: preprocessing, model, updates, loop. */
import type { Augmentation } from '../../data/augmentation.js';
import { EDGES_PER_PIXEL } from '../../data/images/edges.js';
import type { Dataset, InputSettings, Preprocessing } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import type { LoadOptions } from '../../data/open-dataset.js';
import { parsePerClass } from '../../data/per-class.js';
import { balancedWeights } from '../../model/class-weights.js';
import { type ResolvedClassifierConfig, resolveClassifierConfig } from '../../model/classifier-config.js';
import { UserError } from '../../user-error.js';
import type { UpdateSettings } from '../engine.js';
import type { RateSettings } from '../learning-rates.js';
import type { LoopSettings } from '../loop.js';
import { type ResolvedOptimizer, resolveOptimizer } from '../optimizer.js';
import { flagName } from './option.js';
import type { TrainConfig } from './options.js';
import { PRESETS } from './presets.js';

/**
 * How the data set's examples become sequences.
 * @throws UserError when they do not become what the configuration says of the model
 */
export function preprocessingOf(config: TrainConfig, dataset: Dataset): Preprocessing {
  const kind = kindOf(dataset);
  for (const [key, idle] of Object.entries(kind.idleSettings)) {
    const value = config[key as keyof InputSettings];
    // Strokes come from grey images. Older runs, whose default was 1, say so.
    if (key === 'channelsImg' && value === 1) continue;
    // It never had an effect: a run that has it goes on.
    if (key === 'perClass' && config.loadCp !== null) continue;
    if (value !== idle) {
      if (PRESETS[config.preset].settings[key as keyof InputSettings] === value) {
        throw presetOfOtherKind(config, dataset);
      }
      throw new UserError(`train: --${flagName(key)} has no effect on ${dataset.kind}; leave it out`);
    }
  }
  return kind.preprocessingFor(dataset, config);
}

/** Nobody gave the option that has no effect: it is one of the preset's. */
function presetOfOtherKind({ preset, data }: TrainConfig, dataset: Dataset): UserError {
  const [meant, way] =
    dataset.kind === 'images'
      ? ['strokes', `name the data as ${data === 'mnist' ? 'strokes' : `strokes:${data}`}`]
      : ['images', 'name images as the data'];
  return new UserError(
    `train: the preset ${preset} is for ${meant}, but ${dataset.name} has ${dataset.kind}; ${way}, or choose another preset`,
    { settings: ['data', 'preset'] },
  );
}

/** Values of MNIST's images, for which presets divide their steps, and of a row of one. */
const MNIST_VALUES = 784;
const MNIST_ROW = 28;

/**
 * The configuration with steps that hold the values of people's own pictures, where its steps are those of MNIST's: as
 * many pixel rows a step, or one value. Other steps and other data stay as they are.
 */
export function withFittingSteps<C extends TrainConfig>(config: C, dataset: Dataset): C {
  if (dataset.kind !== 'images' || dataset.collected === undefined) return config;
  const { width, height, channels } = dataset.train;
  const { sequenceLength, inputSize, scan, edges } = config;
  const times = (scan === 'both' ? 2 : 1) * (edges ? 1 + EDGES_PER_PIXEL : 1);
  const values = width * height * channels;
  if (values === MNIST_VALUES || sequenceLength * inputSize !== times * MNIST_VALUES) return config;
  const [lines, line] = scan === 'columns' ? [width, height * channels] : [height, width * channels];
  if (inputSize === 1) return { ...config, sequenceLength: values };
  const rows = inputSize / times / MNIST_ROW;
  if (!Number.isInteger(rows)) return config;
  // With edges, a step has rows of cells, which are two pixels high.
  const least = edges ? 2 : 1;
  const fitting = lines % rows === 0 ? rows : least;
  return { ...config, sequenceLength: lines / fitting, inputSize: times * fitting * line };
}

/** What a run adds to its training data: negatives, if it has the class `none`, drawn digits, changed copies. */
export function additionsOf({
  noneShare,
  drawnShare,
  changedShare,
  seedNumber: seed,
}: TrainConfig): Required<Pick<LoadOptions, 'negatives' | 'drawn' | 'changed'>> {
  return {
    negatives: noneShare > 0 ? { share: noneShare, seed } : null,
    drawn: drawnShare > 0 ? { share: drawnShare, seed } : null,
    changed: changedShare > 0 ? { share: changedShare, seed } : null,
  };
}

/** How the run's data are loaded: these settings belong to its own data alone. */
export function divisionOf({ perClass }: TrainConfig): Pick<LoadOptions, 'perClass'> {
  return { perClass: perClass === null ? null : parsePerClass(perClass) };
}

export function augmentationOf(config: TrainConfig): Augmentation {
  return {
    rotation: config.augmentRotation,
    scale: config.augmentScale,
    shear: config.augmentShear,
    shift: config.augmentShift,
    elastic: config.augmentElastic,
    thickness: config.augmentThickness,
    jitter: config.augmentJitter,
    drop: config.augmentDrop,
    resample: config.augmentResample,
    reverse: config.augmentReverse,
    shuffle: config.augmentShuffle,
    flip: config.augmentFlip,
    until: firstPlain(config) - 1,
  };
}

/** The first of the epochs without augmentation; Infinity: there is none. */
function firstPlain({ numEpochs, plainEpochs }: TrainConfig): number {
  return plainEpochs > 0 ? numEpochs - plainEpochs + 1 : Number.POSITIVE_INFINITY;
}

export function classifierOf(config: TrainConfig, numClasses: number): ResolvedClassifierConfig {
  return resolveClassifierConfig({
    inputSize: config.inputSize,
    hiddenSize: config.hiddenSize,
    numLayers: config.numLayers,
    bidirectional: config.bidirectional,
    numClasses,
    head: config.head,
    sequenceLength: config.head === 'flatten' ? config.sequenceLength : undefined,
    dropout: config.dropoutRate,
    layerDropout: config.layerDropout,
    forgetBias: config.forgetBias ?? 0,
    chronoInit: config.chronoInit,
  });
}

/** The optimiser's settings. */
export function optimizerOf(config: TrainConfig): ResolvedOptimizer {
  const { optimizer: name, learningRate: lr, weightDecay, momentum, nesterov, beta1, beta2, eps } = config;
  return name === 'sgd'
    ? resolveOptimizer({ name, lr, weightDecay, momentum, nesterov })
    : resolveOptimizer({ name, lr, weightDecay, betas: [beta1, beta2], eps });
}

/** What the training loop needs to know. */
export function loopSettingsOf(config: TrainConfig, batchSize: number): LoopSettings {
  return {
    epochs: config.numEpochs,
    firstPlain: firstPlain(config),
    batchSize,
    rate: rateOf(config),
    seed: config.seedNumber,
    monitor: config.monitor,
    patience: config.patience,
    targetAccuracy: config.targetAccuracy,
    maxMs: config.maxMinutes === null ? null : 60_000 * config.maxMinutes,
    checkpointMs: config.checkpointMinutes === null ? null : 60_000 * config.checkpointMinutes,
    checkpointUpdates: config.checkpointUpdates,
  };
}

/** The learning rate's settings. */
export function rateOf(config: TrainConfig): RateSettings {
  const { schedule: name, learningRate: lr, warmupSteps, etaMin } = config;
  switch (name) {
    case 'constant':
      return { name, lr, warmupSteps };
    case 'step':
      return { name, lr, warmupSteps, stepSize: config.stepSize, gamma: config.gamma };
    case 'cosine':
      return { name, lr, warmupSteps, tMax: config.tMax, etaMin };
    case 'cosine-warm-restarts':
      return { name, lr, warmupSteps, t0: config.t0, tMult: config.tMult, etaMin };
    case 'one-cycle': {
      const { pctStart, divFactor, finalDivFactor } = config;
      return { name, lr, pctStart, divFactor, finalDivFactor };
    }
  }
}

/**
 * How parameters are updated.
 * @param batchSize sequences of an update
 * @param labels of the training samples, by which classes are weighted
 */
export function updateSettingsOf(
  config: TrainConfig,
  batchSize: number,
  labels: Iterable<number>,
  classes: number,
): UpdateSettings & { augmentation: Augmentation } {
  return {
    optimizer: optimizerOf(config),
    batchSize,
    maxNorm: config.maxNorm,
    labelSmoothing: config.labelSmoothing,
    classWeights: config.classWeights === 'balanced' ? balancedWeights(labels, classes) : null,
    seed: config.seedNumber,
    augmentation: augmentationOf(config),
  };
}
