/**
 * Named sets of options, each with what is known to come out of it. A preset lists what differs from the options'
 * defaults (options.ts); flags and configuration files go over it.
 */
import type { TrainConfig } from './options.js';

export interface Preset {
  description: string;
  /** What it reached, where, and in what time. */
  result: string;
  settings: Partial<Omit<TrainConfig, 'preset'>>;
}

export const PRESETS: Readonly<Record<TrainConfig['preset'], Preset>> = {
  /** The defaults of every option, so nothing to list. */
  quick: {
    description:
      'MNIST row by row in under a minute: one bidirectional layer of 128, three epochs of one-cycle Adam',
    result: '98.97 % test accuracy, 36 s of training on two cores',
    settings: {},
  },
  /** The published settings, every one that matters written out: they must not move when a default does. */
  'mnist-lstm': {
    description:
      'the mnist-lstm project: three bidirectional layers of 256 (3,883,018 parameters), ten epochs of Adam at 1e-4',
    result: '97.64 % test accuracy as published, 44 s and 1.7 GB on an RTX 4090',
    settings: {
      data: 'mnist',
      channelsImg: 1,
      sequenceLength: 28,
      inputSize: 28,
      permute: null,
      trainSplit: 5 / 6,
      hiddenSize: 256,
      numLayers: 3,
      bidirectional: true,
      head: 'flatten',
      dropoutRate: 0.2,
      layerDropout: 0,
      forgetBias: null,
      optimizer: 'adam',
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      weightDecay: 0,
      maxNorm: null,
      schedule: 'constant',
      warmupSteps: 0,
      batchSize: 1024,
      numEpochs: 10,
      accumulationSteps: 1,
      labelSmoothing: 0,
      seedNumber: 0,
    },
  },
  strokes: {
    description:
      'MNIST as pen strokes, with augmentation: two bidirectional layers of 64, recognised whichever way it was drawn',
    result: '98.16 % test accuracy, 98.10 % drawn in reverse, 2 min 27 s of training on two cores',
    settings: {
      data: 'strokes',
      inputSize: 4,
      hiddenSize: 64,
      numLayers: 2,
      head: 'mean',
      dropoutRate: 0.1,
      numEpochs: 12,
      learningRate: 8e-3,
      augmentRotation: 8,
      augmentScale: 0.1,
      augmentShear: 0.1,
      augmentShift: 1,
      augmentJitter: 0.1,
      augmentReverse: 0.5,
      augmentShuffle: 0.5,
      augmentFlip: 0.1,
    },
  },
  /** The published settings, all of them, as above. */
  'sequential-mnist': {
    description:
      'the stroke project: six layers of 32 (49,034 parameters), SGD by the sample; it applied softmax twice, this does not',
    result: '96.54 % test accuracy; 93.1 % as published',
    settings: {
      data: 'strokes',
      inputSize: 4,
      hiddenSize: 32,
      numLayers: 6,
      bidirectional: false,
      head: 'final',
      dropoutRate: 0,
      layerDropout: 0,
      forgetBias: null,
      trainSplit: 5 / 6,
      optimizer: 'sgd',
      learningRate: 0.01,
      momentum: 0.9,
      nesterov: false,
      weightDecay: 0,
      maxNorm: null,
      schedule: 'constant',
      warmupSteps: 0,
      batchSize: 1,
      numEpochs: 50,
      accumulationSteps: 1,
      labelSmoothing: 0,
      seedNumber: 0,
    },
  },
};
