/** A training's state in a checkpoint: written after every epoch, and taken up again, bit for bit. */
import { z } from 'zod';
import { quote } from '../formats/quotation.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import type { Checkpoint } from '../runs/checkpoint.js';
import { RUN_FILES } from '../runs/run-folder.js';
import { UserError } from '../user-error.js';
import type { TrainConfig } from './config/options.js';
import { initialState, type TrainState } from './loop.js';
import type { Team } from './team/team.js';

/** What must be the same for the steps of an epoch to be the same. */
export interface StepConditions {
  batchSize: number;
  trainCount: number;
  seed: number;
  optimizer: TrainConfig['optimizer'];
  useAmp: boolean;
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
});

/**
 * Puts parameters and optimiser where the checkpoint has them. A checkpoint without a training state (`best`) gives
 * its parameters to a new training.
 *
 * @throws UserError if it is of another architecture, or was written in the midst of an epoch under other conditions
 */
export function resume(
  team: Team,
  checkpoint: Checkpoint,
  path: string,
  model: ResolvedClassifierConfig,
  conditions: StepConditions,
): TrainState {
  refuseOtherModel(checkpoint, path, model);
  team.layout.fromStateDict(checkpoint.parameters, team.parameters);
  if (!checkpoint.training) return initialState(conditions.useAmp);
  const parsed = savedSchema.safeParse(checkpoint.training.state);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`${path}: the training state is damaged: ${issue.path.join('.')}: ${issue.message}`);
  }
  const { batchSize, trainCount, seed, optimizer, useAmp, ...state } = parsed.data;
  if (optimizer !== conditions.optimizer) {
    throw new UserError(
      `train: ${path} was written with optimiser ${optimizer}, but ${conditions.optimizer} is asked for; ` +
        `use --optimizer ${optimizer}, or begin anew from its weights with --load-cp ${RUN_FILES.best}`,
    );
  }
  const changed = Object.entries({ batchSize, trainCount, seed, useAmp }).find(
    ([name, value]) => conditions[name as keyof StepConditions] !== value,
  );
  if (changed && state.losses.length > 0) {
    const [name, value] = changed;
    throw new UserError(
      `train: ${path} stands in the midst of epoch ${state.epoch}, with ${name} ${value}; ` +
        `now it would be ${conditions[name as keyof StepConditions]}; go on with what it began with`,
    );
  }
  for (const [name, vector] of team.optimizerState) {
    const saved = checkpoint.training.optimizer.get(name);
    if (saved?.length !== vector.length) {
      throw new UserError(
        `${path}: optimiser vector ${quote(name)} should have ${vector.length} numbers, found ${saved?.length ?? 'none'}`,
      );
    }
    vector.set(saved);
  }
  // Between two epochs the precision may change.
  return useAmp === conditions.useAmp
    ? state
    : { ...state, lossScale: initialState(conditions.useAmp).lossScale };
}

function refuseOtherModel(checkpoint: Checkpoint, path: string, model: ResolvedClassifierConfig): void {
  const shape = [
    'inputSize',
    'hiddenSize',
    'numLayers',
    'bidirectional',
    'numClasses',
    'head',
    'sequenceLength',
  ] as const;
  const differences = shape.flatMap((name) => {
    const [saved, wanted] = [checkpoint.model[name], model[name]];
    return saved === wanted ? [] : [`${name} ${saved}, not ${wanted}`];
  });
  if (differences.length > 0) {
    throw new UserError(
      `train: ${path} is of another architecture: it has ${differences.join('; ')}; ` +
        'give the settings that it was trained with, or begin a new run',
    );
  }
}
