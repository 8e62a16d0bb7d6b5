/** From a run's configuration to what the loop needs: model, optimiser, and the learning rate of every step. */
import type { Augmentation } from '../../data/augmentation.js';
import { checkSequenceShape } from '../../data/images/image-preprocessing.js';
import type { Dataset } from '../../data/open-dataset.js';
import type { AnyPreprocessing } from '../../data/sources.js';
import { DEFAULT_STROKE_PREPROCESSING, STROKE_INPUT_SIZE } from '../../data/strokes/stroke-sequences.js';
import { type ResolvedClassifierConfig, resolveClassifierConfig } from '../../model/classifier-config.js';
import { UserError } from '../../user-error.js';
import { type ResolvedOptimizer, resolveOptimizer } from '../optimizer.js';
import { createSchedule, type Schedule, warmUpFactor } from '../schedule.js';
import { flagName, type TrainConfig } from './options.js';

/** Pixels are normalised as the mnist-lstm project does: (x/255 - 0.5) / 0.5. */
const MEAN = 0.5;
const STD = 0.5;

/**
 * How the data set's examples become sequences.
 * @throws UserError when they do not become what the configuration says of the model
 */
export function preprocessingOf(config: TrainConfig, dataset: Dataset): AnyPreprocessing {
  refuseInVain(config, dataset.kind);
  if (dataset.kind === 'strokes') {
    if (config.inputSize !== STROKE_INPUT_SIZE || config.head === 'flatten') {
      throw new UserError(
        `train: ${dataset.name}: strokes have ${STROKE_INPUT_SIZE} values a step and differ in length, but the model has ` +
          `input size ${config.inputSize} and head ${config.head}; use --preset strokes, or --input-size 4 --head mean`,
      );
    }
    const { width, height } = dataset;
    return { ...DEFAULT_STROKE_PREPROCESSING, width, height, order: config.strokeOrder };
  }
  const preprocessing = {
    sequenceLength: config.sequenceLength,
    inputSize: config.inputSize,
    channels: dataset.train.channels,
    height: dataset.train.height,
    width: dataset.train.width,
    mean: MEAN,
    std: STD,
    permutationSeed: config.permute,
  };
  checkSequenceShape('train', dataset.name, preprocessing);
  return preprocessing;
}

/** Options that mean something for one kind of data only, with what they are when they mean nothing. */
const ONLY: Record<Dataset['kind'], Partial<TrainConfig>> = {
  images: {
    strokeOrder: 'tour',
    augmentJitter: 0,
    augmentDrop: 0,
    augmentResample: 0,
    augmentReverse: 0,
    augmentShuffle: 0,
    augmentFlip: 0,
  },
  strokes: { augmentElastic: 0, permute: null, channelsImg: 1 },
};

function refuseInVain(config: TrainConfig, kind: Dataset['kind']): void {
  for (const [key, idle] of Object.entries(ONLY[kind])) {
    if (config[key as keyof TrainConfig] !== idle) {
      throw new UserError(`train: --${flagName(key)} has no effect on ${kind}; leave it out`);
    }
  }
}

export function augmentationOf(config: TrainConfig): Augmentation {
  return {
    rotation: config.augmentRotation,
    scale: config.augmentScale,
    shear: config.augmentShear,
    shift: config.augmentShift,
    elastic: config.augmentElastic,
    jitter: config.augmentJitter,
    drop: config.augmentDrop,
    resample: config.augmentResample,
    reverse: config.augmentReverse,
    shuffle: config.augmentShuffle,
    flip: config.augmentFlip,
  };
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
  });
}

export function optimizerOf(config: TrainConfig): ResolvedOptimizer {
  const { optimizer: name, learningRate: lr, weightDecay, momentum, nesterov, beta1, beta2, eps } = config;
  return name === 'sgd'
    ? resolveOptimizer({ name, lr, weightDecay, momentum, nesterov })
    : resolveOptimizer({ name, lr, weightDecay, betas: [beta1, beta2], eps });
}

/**
 * The learning rates of an epoch's steps. One-cycle goes by the step over the whole run; the other schedules go by
 * the epoch, as PyTorch's examples step them, with a warm-up by the step.
 *
 * @param epoch from 1
 * @returns [stepsPerEpoch]
 */
export function learningRates(config: TrainConfig, stepsPerEpoch: number, epoch: number): Float64Array {
  const rates = new Float64Array(new SharedArrayBuffer(8 * stepsPerEpoch));
  const schedule = scheduleOf(config, stepsPerEpoch);
  for (let step = 0; step < stepsPerEpoch; step++) {
    const global = (epoch - 1) * stepsPerEpoch + step;
    rates[step] =
      config.schedule === 'one-cycle'
        ? schedule.at(global)
        : schedule.at(epoch - 1) * warmUpFactor(global, config.warmupSteps);
  }
  return rates;
}

function scheduleOf(config: TrainConfig, stepsPerEpoch: number): Schedule {
  const { learningRate: lr, etaMin } = config;
  switch (config.schedule) {
    case 'constant':
      return createSchedule({ name: 'constant', lr });
    case 'step':
      return createSchedule({ name: 'step', lr, stepSize: config.stepSize, gamma: config.gamma });
    case 'cosine':
      return createSchedule({ name: 'cosine', lr, tMax: config.tMax ?? config.numEpochs, etaMin });
    case 'cosine-warm-restarts':
      return createSchedule({ name: 'cosine-warm-restarts', lr, t0: config.t0, tMult: config.tMult, etaMin });
    case 'one-cycle': {
      const { pctStart, divFactor, finalDivFactor } = config;
      const totalSteps = stepsPerEpoch * config.numEpochs;
      return createSchedule({
        name: 'one-cycle',
        maxLr: lr,
        totalSteps,
        pctStart,
        divFactor,
        finalDivFactor,
      });
    }
  }
}
