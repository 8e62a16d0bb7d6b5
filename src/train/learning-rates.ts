/** The learning rate of every update, from the settings of a schedule. */
import { shown } from '../formats/shape.js';
import { sharedBytes } from '../shared-memory.js';
import { UserError } from '../user-error.js';
import { createSchedule, type Schedule, scheduleNames, warmUpFactor } from './schedule.js';

/**
 * How the learning rate changes over a training, without the rate itself:
 * - `constant`: not at all;
 * - `step`: is multiplied by `gamma` (default 0.1) every `stepSize` epochs;
 * - `cosine`: half a cosine from the rate to `etaMin` (default 0) in `tMax` epochs (default: all);
 * - `cosine-warm-restarts`: the same, restarted after `t0` epochs; each period is `tMult` (default 1) times as long as
 *   the last;
 * - `one-cycle`: rises in the share `pctStart` (default 0.3) of all updates, then falls. The first rate is the highest
 *   divided by `divFactor` (default 25), the last is the first divided by `finalDivFactor` (default 10,000).
 */
export type TrainerSchedule = {
  /** Updates in which the rate first rises linearly from 0; not for one-cycle. Default 0. */
  warmupSteps?: number;
} & (
  | { name: 'constant' }
  | { name: 'step'; stepSize: number; gamma?: number }
  | { name: 'cosine'; tMax?: number | null; etaMin?: number }
  | { name: 'cosine-warm-restarts'; t0: number; tMult?: number; etaMin?: number }
  | { name: 'one-cycle'; pctStart?: number; divFactor?: number; finalDivFactor?: number }
);

/** A schedule with its rate. */
export type RateSettings = TrainerSchedule & {
  /** The learning rate; for one-cycle its peak. */
  lr: number;
};

/**
 * The learning rates of an epoch's updates.
 * @param epoch from 1
 * @returns [batchesPerEpoch]
 * @throws UserError for an unknown schedule, and for settings out of range
 */
export function learningRates(
  settings: RateSettings,
  epochs: number,
  batchesPerEpoch: number,
  epoch: number,
): Float64Array {
  if (!scheduleNames.includes(settings.name)) {
    throw new UserError(
      `train: unknown schedule ${JSON.stringify(settings.name)}; use ${scheduleNames.join(', ')}`,
    );
  }
  const rates = new Float64Array(sharedBytes(8 * batchesPerEpoch));
  const schedule = scheduleOf(settings, epochs, batchesPerEpoch);
  const { warmupSteps = 0 } = settings;
  if (!(Number.isSafeInteger(warmupSteps) && warmupSteps >= 0)) {
    throw new UserError(`train: warmupSteps must be a whole number from 0, got ${shown(warmupSteps)}`);
  }
  for (let batch = 0; batch < batchesPerEpoch; batch++) {
    const updates = (epoch - 1) * batchesPerEpoch + batch;
    rates[batch] =
      settings.name === 'one-cycle'
        ? schedule.at(updates)
        : schedule.at(epoch - 1) * warmUpFactor(updates, warmupSteps);
  }
  return rates;
}

function scheduleOf(settings: RateSettings, epochs: number, batchesPerEpoch: number): Schedule {
  switch (settings.name) {
    case 'constant':
      return createSchedule({ name: 'constant', lr: settings.lr });
    case 'step':
      return createSchedule({
        name: 'step',
        lr: settings.lr,
        stepSize: settings.stepSize,
        gamma: settings.gamma,
      });
    case 'cosine': {
      const { lr, tMax, etaMin } = settings;
      return createSchedule({ name: 'cosine', lr, tMax: tMax ?? epochs, etaMin });
    }
    case 'cosine-warm-restarts': {
      const { lr, t0, tMult, etaMin } = settings;
      return createSchedule({ name: 'cosine-warm-restarts', lr, t0, tMult, etaMin });
    }
    case 'one-cycle': {
      const { lr, pctStart, divFactor, finalDivFactor } = settings;
      const totalSteps = batchesPerEpoch * epochs;
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
