/** A training's state in a checkpoint: written after every epoch, and taken up again, bit for bit. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Dataset } from '../../data/input-kind.js';
import { kindOf } from '../../data/kinds.js';
import { quote } from '../../formats/quotation.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { ParameterLayout } from '../../model/parameters.js';
import type { Checkpoint } from '../../runs/checkpoint.js';
import { RUN_FILES } from '../../runs/run-folder.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { TrainConfig } from '../config/options.js';
import type { Engine } from '../engine.js';
import { initialState, type TrainState } from '../loop.js';

/** The settings on which the updates of an epoch depend. */
export interface UpdateConditions {
  batchSize: number;
  trainCount: number;
  seed: number;
  optimizer: TrainConfig['optimizer'];
  useAmp: boolean;
  /** The training data's fingerprint. */
  data: string;
}

/** Examples of which the fingerprint takes more than the label. */
const SAMPLED_EXAMPLES = 64;

/** SHA-256 of all labels and of evenly spaced examples of the training set: tells other data of the same size. */
export function fingerprintOf(dataset: Dataset): string {
  const kind = kindOf(dataset);
  const { train } = dataset;
  const hash = createHash('sha256').update(train.labels);
  const samples = Math.min(SAMPLED_EXAMPLES, train.count);
  for (let n = 0; n < samples; n++) {
    const example = kind.exampleAt(train, Math.floor((n * train.count) / samples));
    const values = 'moves' in example ? example.moves : example.pixels;
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}

const whole = z.int().nonnegative();
const savedSchema = z.object({
  epoch: z.int().positive(),
  losses: z.array(z.number()),
  correct: z.array(whole),
  updates: whole,
  epochSeconds: z.number().nonnegative(),
  trainSeconds: z.number().nonnegative(),
  best: z.object({ accuracy: z.number(), loss: z.number(), epoch: whole }).nullable(),
  lossScale: z
    .object({ scale: z.number().positive(), steadySteps: whole, skippedSteps: whole })
    .nullable()
    .default(null),
  batchSize: z.int().positive(),
  trainCount: z.int().positive(),
  seed: whole,
  optimizer: z.enum(['adam', 'adamw', 'sgd']),
  useAmp: z.boolean().default(false),
  /** Checkpoints of older versions have none. */
  data: z.string().nullable().default(null),
});

/**
 * Loads parameters and optimiser from a checkpoint. A checkpoint without a training state (`best`) gives its
 * parameters to a new training.
 *
 * @throws UserError if it is damaged, of another architecture, or was written within an epoch under other conditions
 */
export async function resume(
  engine: Engine,
  checkpoint: Checkpoint,
  path: string,
  model: ResolvedClassifierConfig,
  conditions: UpdateConditions,
): Promise<TrainState> {
  refuseOtherModel(checkpoint, path, model);
  const { parameters, training } = checkpoint;
  if (!training) {
    await engine.load({ parameters, optimizer: new Map() });
    return initialState(conditions.useAmp);
  }
  const damaged = (how: string) => new UserError(`${path}: the training state is damaged: ${how}`);
  const parsed = savedSchema.safeParse(training.state);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw damaged(`${issue.path.join('.')}: ${issue.message}`);
  }
  const { batchSize, trainCount, seed, optimizer, useAmp, data, ...state } = parsed.data;
  const [losses, counts] = [state.losses.length, state.correct.length];
  if (losses !== counts) throw damaged(`${losses} losses, but ${counts} counts of correct answers`);
  const batches = Math.ceil(trainCount / batchSize);
  if (losses > batches) throw damaged(`${losses} losses, but an epoch has ${batches} updates`);
  if (optimizer !== conditions.optimizer) {
    throw new UserError(
      `train: ${path} was written with optimizer ${optimizer}, but ${conditions.optimizer} was requested; ` +
        `use optimizer ${optimizer}, or begin a new training from the weights in ${RUN_FILES.best}`,
      { settings: ['optimizer', 'loadCp'] },
    );
  }
  const changed = Object.entries({ batchSize, trainCount, seed, useAmp }).find(
    ([name, value]) => conditions[name as keyof UpdateConditions] !== value,
  );
  if (changed && state.losses.length > 0) {
    const [name, value] = changed;
    throw new UserError(
      `train: ${path} was written within epoch ${state.epoch}, with ${name} ${value}; ` +
        `now ${name} is ${conditions[name as keyof UpdateConditions]}; continue with ${name} ${value}`,
    );
  }
  if (data !== null && data !== conditions.data && state.losses.length > 0) {
    throw new UserError(
      `train: ${path} was written within epoch ${state.epoch}, on other training data of the same size; ` +
        'go on with the data that the epoch began with',
      { settings: ['data', 'loadCp'] },
    );
  }
  await engine.load({ parameters, optimizer: optimizerTensors(training.optimizer, model, path) });
  // Between two epochs the precision may change.
  return useAmp === conditions.useAmp
    ? state
    : { ...state, lossScale: initialState(conditions.useAmp).lossScale };
}

/**
 * The optimiser's vectors by tensor. Checkpoints of the first version hold each as one flat vector (`mean`), with the
 * tensors in the order of ParameterLayout.
 */
function optimizerTensors(saved: StateDict, model: ResolvedClassifierConfig, path: string): StateDict {
  const layout = new ParameterLayout(model);
  const tensors: StateDict = new Map();
  for (const [name, tensor] of saved) {
    if (name.includes('.')) {
      tensors.set(name, tensor);
      continue;
    }
    if (tensor.data.length !== layout.length) {
      throw new UserError(
        `${path}: optimiser vector ${quote(name)} should have ${layout.length} numbers, found ${tensor.data.length}`,
      );
    }
    for (const [parameter, part] of layout.toStateDict(tensor.data))
      tensors.set(`${name}.${parameter}`, part);
  }
  return tensors;
}

function refuseOtherModel(checkpoint: Checkpoint, path: string, model: ResolvedClassifierConfig): void {
  const differences = differencesOf(checkpoint.model, model);
  if (differences.length > 0) {
    throw new UserError(
      `train: ${path} is of another architecture: it has ${differences.join('; ')}; ` +
        'give the settings that it was trained with, or begin a new run',
    );
  }
}

/** The settings in which two architectures differ, `hiddenSize 12, not 13`; none if they have the same parameters. */
export function differencesOf(saved: ResolvedClassifierConfig, wanted: ResolvedClassifierConfig): string[] {
  const shape = [
    'inputSize',
    'hiddenSize',
    'numLayers',
    'bidirectional',
    'numClasses',
    'head',
    'sequenceLength',
  ] as const;
  return shape.flatMap((name) =>
    saved[name] === wanted[name] ? [] : [`${name} ${saved[name]}, not ${wanted[name]}`],
  );
}
