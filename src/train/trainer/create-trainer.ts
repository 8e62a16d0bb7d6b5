/** Opens a trainer on any platform: checks the options, splits the examples, opens the engine. */
import type { Backend, DeviceBackend } from '../../backends/backend.js';
import { NO_AUGMENTATION } from '../../data/augmentation.js';
import { requireNumber, requireSmoothing } from '../../formats/argument.js';
import { shown } from '../../formats/shape.js';
import { balancedWeights, requireWeights } from '../../model/class-weights.js';
import { type ClassifierConfig, resolveClassifierConfig } from '../../model/classifier-config.js';
import { UserError } from '../../user-error.js';
import { resolveOptimizer } from '../optimizer.js';
import { Trainer } from './trainer.js';
import { type EnginePlatform, type EngineWork, openTrainerEngine } from './trainer-engine.js';
import { type Examples, trainerParts } from './trainer-examples.js';
import { requireWhole, type TrainerOptions } from './trainer-options.js';

/** What the entry points know and the trainer does not. */
export interface TrainerPlatform extends EnginePlatform {
  /** Opens a backend for `classifier`. */
  openBackend(): Promise<Backend | DeviceBackend>;
}

/** Opens a trainer; the entry points' `openTrainer` say what it throws. */
export async function createTrainer(
  config: ClassifierConfig,
  examples: Examples,
  options: TrainerOptions,
  platform: TrainerPlatform,
): Promise<Trainer> {
  try {
    const { seed = 0, batchSize = 32, maxNorm = null, labelSmoothing = 0 } = options;
    const model = resolveClassifierConfig(config);
    const optimizer = resolveOptimizer(options.optimizer ?? { name: 'adam' });
    if (maxNorm !== null) requireNumber('train: maxNorm', maxNorm, 'above 0', (norm) => norm > 0);
    requireSmoothing('train', labelSmoothing);
    requireWhole('batchSize', batchSize);
    const parts = trainerParts(examples, options.validation, model, seed);
    requireWhole('threads', platform.threads);
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
