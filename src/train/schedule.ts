/**
 * Learning-rate schedules: the closed forms of PyTorch's schedulers, as pure functions of the index of an epoch or an
 * update. A resumed run needs no scheduler state. Every schedule can start with a linear warm-up.
 */

import { optionNames, requireAtLeastZero, requireNumber, requireOptions } from '../formats/argument.js';
import { UserError } from '../user-error.js';

/** The linear warm-up, a setting of every schedule. */
export interface WarmUp {
  /** The first warmupSteps rates are multiplied by 1/warmupSteps, 2/warmupSteps … 1. Default 0: no warm-up. */
  warmupSteps?: number;
}

/** The same rate at every index. */
export interface ConstantSchedule extends WarmUp {
  name: 'constant';
  /** The rate, at least 0. */ lr: number;
}
/** torch.optim.lr_scheduler.StepLR: lr · gamma^⌊index / stepSize⌋. */
export interface StepSchedule extends WarmUp {
  name: 'step';
  /** The first rate, at least 0. */ lr: number;
  /** Indices between two decreases, at least 1. */ stepSize: number;
  /** Factor of each decrease, at least 0. Default 0.1. */ gamma?: number;
}
/** CosineAnnealingLR (Loshchilov & Hutter 2017, without restarts): half a cosine from lr to etaMin in tMax, and back. */
export interface CosineSchedule extends WarmUp {
  name: 'cosine';
  /** The first and highest rate, at least 0. */ lr: number;
  /** Index of the lowest rate, at least 1. */ tMax: number;
  /** The lowest rate, at least 0. Default 0. */ etaMin?: number;
}
/** CosineAnnealingWarmRestarts: the cosine restarts after t0, then after t0·tMult, t0·tMult² … more. */
export interface CosineWarmRestartsSchedule extends WarmUp {
  name: 'cosine-warm-restarts';
  /** The rate at the start of each period, at least 0. */ lr: number;
  /** Length of the first period, at least 1. */ t0: number;
  /** Each period is this many times as long as the one before, at least 1. Default 1. */ tMult?: number;
  /** The lowest rate, at least 0. Default 0. */ etaMin?: number;
}
/**
 * OneCycleLR (Smith & Topin 2018), cosine annealing in two phases: from maxLr/divFactor up to maxLr, then down to
 * maxLr/divFactor/finalDivFactor.
 */
export interface OneCycleSchedule extends WarmUp {
  name: 'one-cycle';
  /** The highest rate, at least 0. */ maxLr: number;
  /** Number of rates, at least 1: the updates of the whole training. */ totalSteps: number;
  /** Share of the updates in which the rate rises, 0 to 1. Default 0.3. */ pctStart?: number;
  /** First rate = maxLr / divFactor; above 0. Default 25. */ divFactor?: number;
  /** Last rate = first rate / finalDivFactor; above 0. Default 10,000. */ finalDivFactor?: number;
}

/** The settings of a schedule; `name` chooses it. */
export type ScheduleConfig =
  | ConstantSchedule
  | StepSchedule
  | CosineSchedule
  | CosineWarmRestartsSchedule
  | OneCycleSchedule;

/** Of all schedules: a program may hand on the settings of several. */
const SETTINGS = [
  ...optionNames<ConstantSchedule>({ name: true, lr: true, warmupSteps: true }),
  ...optionNames<StepSchedule>({ name: true, lr: true, stepSize: true, gamma: true, warmupSteps: true }),
  ...optionNames<CosineSchedule>({ name: true, lr: true, tMax: true, etaMin: true, warmupSteps: true }),
  ...optionNames<CosineWarmRestartsSchedule>({
    name: true,
    lr: true,
    t0: true,
    tMult: true,
    etaMin: true,
    warmupSteps: true,
  }),
  ...optionNames<OneCycleSchedule>({
    name: true,
    maxLr: true,
    totalSteps: true,
    pctStart: true,
    divFactor: true,
    finalDivFactor: true,
    warmupSteps: true,
  }),
];

/** A learning-rate schedule; it keeps no state. */
export interface Schedule {
  /**
   * The learning rate at an index.
   *
   * @param index number of an epoch or of an update, from 0; the caller decides which of the two it counts
   * @throws UserError if index is no whole number of at least 0
   * @throws UserError for 'one-cycle' if index is not below totalSteps. (PyTorch answers once more, at
   * index = totalSteps, with a rate that rises again; there is no such update.)
   */
  at(index: number): number;
}

/** The names that `createSchedule` takes. */
export const scheduleNames = ['constant', 'step', 'cosine', 'cosine-warm-restarts', 'one-cycle'] as const;

/**
 * Creates a learning-rate schedule with PyTorch's values (the closed forms of torch.optim.lr_scheduler).
 *
 * @param config name and settings; what is left out takes PyTorch's default
 * @throws UserError for an unknown name, a misspelt setting, and for values out of range
 *
 * @example
 * import { createOptimizer, createSchedule } from 'scanstroke';
 *
 * const optimizer = createOptimizer({ name: 'sgd' });
 * const schedule = createSchedule({ name: 'cosine', lr: 0.1, tMax: 100, warmupSteps: 5 });
 * for (let update = 0; update < 100; update++) {
 *   optimizer.lr = schedule.at(update); // then optimizer.step(parameters, gradients)
 * }
 */
export function createSchedule(config: ScheduleConfig): Schedule {
  const rate = rateOf(config);
  requireOptions(`schedule ${config.name}`, config, SETTINGS);
  const { warmupSteps = 0 } = config;
  requireWhole(config, 'warmupSteps', warmupSteps, 0);
  return {
    at(index) {
      requireWhole(config, 'the index', index, 0);
      return rate(index) * warmUpFactor(index, warmupSteps);
    },
  };
}

/**
 * The factor of the linear warm-up at `index`, from 0: min(1, (index + 1) / warmupSteps). For loops whose warm-up
 * counts updates while the schedule counts epochs.
 */
export function warmUpFactor(index: number, warmupSteps: number): number {
  return index + 1 < warmupSteps ? (index + 1) / warmupSteps : 1;
}

function rateOf(config: ScheduleConfig): (index: number) => number {
  switch (config.name) {
    case 'constant':
      requireRate(config, 'lr', config.lr);
      return () => config.lr;
    case 'step':
      return step(config);
    case 'cosine':
      return cosine(config);
    case 'cosine-warm-restarts':
      return cosineWarmRestarts(config);
    case 'one-cycle':
      return oneCycle(config);
    default: {
      const { name } = config as { name: unknown };
      throw new UserError(`schedule: unknown name ${JSON.stringify(name)}; use ${scheduleNames.join(', ')}`);
    }
  }
}

function step(config: StepSchedule): (index: number) => number {
  const { lr, stepSize, gamma = 0.1 } = config;
  requireRate(config, 'lr', lr);
  requireWhole(config, 'stepSize', stepSize, 1);
  requireRate(config, 'gamma', gamma);
  return (index) => lr * gamma ** Math.floor(index / stepSize);
}

function cosine(config: CosineSchedule): (index: number) => number {
  const { lr, tMax, etaMin = 0 } = config;
  requireRate(config, 'lr', lr);
  requireWhole(config, 'tMax', tMax, 1);
  requireRate(config, 'etaMin', etaMin);
  return (index) => annealed(lr, etaMin, index / tMax);
}

function cosineWarmRestarts(config: CosineWarmRestartsSchedule): (index: number) => number {
  const { lr, t0, tMult = 1, etaMin = 0 } = config;
  requireRate(config, 'lr', lr);
  requireWhole(config, 't0', t0, 1);
  requireWhole(config, 'tMult', tMult, 1);
  requireRate(config, 'etaMin', etaMin);
  return (index) => {
    let current = tMult === 1 ? index % t0 : index;
    let period = t0;
    while (current >= period) {
      current -= period;
      period *= tMult;
    }
    return annealed(lr, etaMin, current / period);
  };
}

/** PyTorch's order of operations, which decides the last bit. */
function annealed(lr: number, etaMin: number, share: number): number {
  return etaMin + ((lr - etaMin) * (1 + Math.cos(Math.PI * share))) / 2;
}

function oneCycle(config: OneCycleSchedule): (index: number) => number {
  const { maxLr, totalSteps, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = config;
  requireRate(config, 'maxLr', maxLr);
  requireWhole(config, 'totalSteps', totalSteps, 1);
  const isShare = (n: number) => n >= 0 && n <= 1;
  requireNumber('schedule one-cycle: pctStart', pctStart, 'between 0 and 1', isShare);
  requirePositive(config, 'divFactor', divFactor);
  requirePositive(config, 'finalDivFactor', finalDivFactor);
  const initial = maxLr / divFactor;
  const final = initial / finalDivFactor;
  const peak = pctStart * totalSteps - 1;
  const last = totalSteps - 1;
  const anneal = (start: number, end: number, share: number) =>
    end + ((start - end) / 2) * (Math.cos(Math.PI * share) + 1);
  return (index) => {
    if (index > last) {
      throw new UserError(
        `schedule one-cycle: index ${index} asked for, but it ends after totalSteps = ${totalSteps}, at index ${last}; raise totalSteps`,
      );
    }
    if (index > peak) return anneal(maxLr, final, (index - peak) / (last - peak));
    // A rise of one update is the peak itself; PyTorch divides by zero here.
    return peak === 0 ? maxLr : anneal(initial, maxLr, index / peak);
  };
}

function requireRate(config: ScheduleConfig, name: string, value: number): void {
  requireAtLeastZero(`schedule ${config.name}: ${name}`, value);
}

function requirePositive(config: ScheduleConfig, name: string, value: number): void {
  const fits = (n: number) => n > 0 && n < Number.POSITIVE_INFINITY;
  requireNumber(`schedule ${config.name}: ${name}`, value, 'a number above 0', fits);
}

function requireWhole(config: ScheduleConfig, name: string, value: number, least: number): void {
  const fits = (n: number) => Number.isInteger(n) && n >= least;
  requireNumber(`schedule ${config.name}: ${name}`, value, `a whole number of at least ${least}`, fits);
}
