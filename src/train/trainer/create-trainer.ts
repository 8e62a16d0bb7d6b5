/** Opens a trainer on any platform: checks the options, splits the examples, opens the engine. */
import type { Backend, DeviceBackend } from '../../backends/backend.js';
import { NO_AUGMENTATION } from '../../data/augmentation.js';
import {
  optionNames,
  requireNumber,
  requireOptions,
  requireSeed,
  requireSmoothing,
  requireWhole,
} from '../../formats/argument.js';
import { shown } from '../../formats/shape.js';
import { balancedWeights, requireWeights } from '../../model/class-weights.js';
import { type ClassifierConfig, requireClassifierConfig } from '../../model/classifier-config.js';
import { UserError } from '../../user-error.js';
import { MAX_BATCH_SIZE, MAX_THREADS } from '../engine.js';
import { resolveOptimizer } from '../optimizer.js';
import { Trainer } from './trainer.js';
import { type EnginePlatform, type EngineWork, openTrainerEngine } from './trainer-engine.js';
import { type Examples, trainerParts } from './trainer-examples.js';
import type { TrainerOptions } from './trainer-options.js';

/** What the entry points know and the trainer does not. */
export interface TrainerPlatform extends EnginePlatform {
  /** Opens a backend for `classifier`. */
  openBackend(): Promise<Backend | DeviceBackend>;
}

const OPTION_NAMES = optionNames<TrainerOptions & { backend?: unknown }>({
  optimizer: true,
  batchSize: true,
  seed: true,
  maxNorm: true,
  labelSmoothing: true,
  classWeights: true,
  validation: true,
  threads: true,
  backend: true,
});

/** Opens a trainer; the entry points' `openTrainer` say what it throws. */
export async function createTrainer(
  config: ClassifierConfig,
  examples: Examples,
  options: TrainerOptions,
  platform: TrainerPlatform,
): Promise<Trainer> {
  try {
    requireOptions('train', options, OPTION_NAMES);
    const { seed = 0, batchSize = 32, maxNorm = null, labelSmoothing = 0 } = options;
    requireSeed('train: seed', seed);
    const model = requireClassifierConfig(config);
    const optimizer = resolveOptimizer(options.optimizer ?? { name: 'adam' });
    if (maxNorm !== null) requireNumber('train: maxNorm', maxNorm, 'above 0', (norm) => norm > 0);
    requireSmoothing('train', labelSmoothing);
    requireWhole('train: batchSize', batchSize, MAX_BATCH_SIZE);
    const parts = trainerParts(examples, options.validation, model, seed);
    requireWhole('train: threads', platform.threads, MAX_THREADS);
    const { train } = parts.indices;
    const classWeights = weightsOf(options.classWeights, model.numClasses, () =>
      train.map((index) => parts.data.train.labels[index]),
    );
    const work: EngineWork = {
      model,
      parts: {
        train: { kind: 'arrays', ...parts.data.train },
        validation: { kind: 'arrays', ...parts.data.validation },
      },
      training: {
        optimizer,
        batchSize,
        maxNorm,
        labelSmoothing,
        classWeights,
        seed,
        augmentation: NO_AUGMENTATION,
      },
    };
    const opened = await openTrainerEngine(platform, work, parts.indices.train.length);
    const { openBackend } = platform;
    return new Trainer({ ...opened, model, optimizer, parts, seed, batchSize, openBackend });
  } catch (error) {
    platform.backend.close();
    throw error;
  }
}

/** @param labels of the training examples */
function weightsOf(
  weights: TrainerOptions['classWeights'],
  classes: number,
  labels: () => Int32Array,
): Float32Array | null {
  if (weights === undefined) return null;
  if (weights === 'balanced') return balancedWeights(labels(), classes);
  if (typeof weights !== 'object' || weights === null) {
    throw new UserError(
      `train: classWeights must be 'balanced' or a list of ${classes} weights, got ${shown(weights)}`,
    );
  }
  const floats = requireWeights('train', weights, classes);
  // A batch could have samples of such a class only, and then no mean.
  const k = floats.indexOf(0);
  if (k >= 0) {
    throw new UserError(
      `train: classWeights[${k}] must be above 0, got 0; leave the examples of a class out to ignore it`,
    );
  }
  return floats;
}
