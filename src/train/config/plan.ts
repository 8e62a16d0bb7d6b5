/** From a run's configuration to what the loop needs: model, optimiser, and the learning rate of every step. */
import type { Augmentation } from '../../data/augmentation.js';
import type { Dataset, InputSettings, Preprocessing } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import { type ResolvedClassifierConfig, resolveClassifierConfig } from '../../model/classifier-config.js';
import { UserError } from '../../user-error.js';
import { type ResolvedOptimizer, resolveOptimizer } from '../optimizer.js';
import { createSchedule, type Schedule, warmUpFactor } from '../schedule.js';
import { flagName, type TrainConfig } from './options.js';

/**
 * How the data set's examples become sequences.
 * @throws UserError when they do not become what the configuration says of the model
 */
export function preprocessingOf(config: TrainConfig, dataset: Dataset): Preprocessing {
  const kind = kindOf(dataset);
  for (const [key, idle] of Object.entries(kind.idleSettings)) {
    if (config[key as keyof InputSettings] !== idle) {
      throw new UserError(`train: --${flagName(key)} has no effect on ${dataset.kind}; leave it out`);
    }
  }
  return kind.preprocessingFor(dataset, config);
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
