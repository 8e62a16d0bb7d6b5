/** What a sweep will do: its trials with their configurations, and the epochs after which some of them end. */
import type { Halving, Settings, Sweep, Trial } from '../../runs/sweep/sweep-folder.js';
import type { TrainConfig } from '../../train/config/options.js';
import { UserError } from '../../user-error.js';
import {
  gridSettings,
  type ResolvedTrial,
  randomSettings,
  resolveTrial,
  type SearchSpace,
} from './search-space.js';

export interface SweepRequest {
  space: SearchSpace;
  engine: 'own' | 'optuna';
  /** Number of random trials; null for a grid. */
  trials: number | null;
  /** Seed of the random settings; null if it was not given. */
  seed: number | null;
  /** The factor of successive halving; null for none. */
  halving: number | null;
  storage: string | null;
  study: string | null;
}

/**
 * @throws UserError for a request that contradicts itself, and for settings that a training would refuse
 */
export function planSweep(request: SweepRequest): Sweep {
  const { space, engine, trials: count, seed } = request;
  if (space.axes.length === 0) {
    throw new UserError(
      'sweep: no option has several values; list them with commas, such as --learning-rate 1e-3,3e-3, or give a range, such as --learning-rate 1e-4..1e-2 --trials 20',
    );
  }
  const common = { options: space.options, axes: space.axes };
  if (engine === 'optuna') return { ...common, ...optunaSweep(request), trials: [] };
  for (const [given, flag] of [
    [request.storage, '--storage'],
    [request.study, '--study'],
  ]) {
    if (given !== null) throw new UserError(`sweep: ${flag} has no effect without --engine optuna`);
  }
  if (count === null && seed !== null) {
    throw new UserError('sweep: --sampling-seed has no effect on a grid; add --trials 20, or leave it out');
  }
  const keyOf = (settings: Settings, trial: number) =>
    JSON.stringify(resolveTrial(space, settings, trial).settings);
  const drawn =
    count === null ? gridSettings(space.axes) : randomSettings(space.axes, count, seed ?? 0, keyOf);
  const { trials, configs } = distinctTrials(space, drawn);
  return {
    ...common,
    method: count === null ? 'grid' : 'random',
    seed: count === null ? null : (seed ?? 0),
    halving: request.halving === null ? null : planHalving(configs, request.halving),
    study: null,
    count: trials.length,
    trials,
  };
}

function optunaSweep({ trials, seed, halving, storage, study, space }: SweepRequest) {
  if (trials === null) {
    throw new UserError('sweep: --engine optuna needs a number of trials; add --trials 20');
  }
  if (halving !== null) {
    throw new UserError(
      'sweep: --early-stop compares trials that are known from the start; leave it out with --engine optuna',
    );
  }
  if (storage === null) {
    throw new UserError(
      'sweep: --engine optuna needs --storage, such as --storage sqlite:///sweep.db; machines that share it share the study',
    );
  }
  // A mistake that all trials would have shows in the first values.
  const first = space.axes.map((axis) => [axis.option, 'values' in axis ? axis.values[0] : axis.low]);
  resolveTrial(space, Object.fromEntries(first), 1);
  return {
    method: 'optuna' as const,
    seed,
    halving: null,
    study: { storage, name: study ?? 'scanstroke' },
    count: trials,
  };
}

/** The trials with their configurations; settings that differ only in what has no effect are tried once. */
function distinctTrials(
  space: SearchSpace,
  drawn: readonly Settings[],
): { trials: Trial[]; configs: TrainConfig[] } {
  const known = new Map<string, ResolvedTrial>();
  drawn.forEach((settings, n) => {
    const resolved = resolveTrial(space, settings, n + 1);
    const key = JSON.stringify(resolved.settings);
    if (!known.has(key)) known.set(key, resolved);
  });
  const resolved = [...known.values()];
  return {
    trials: resolved.map(({ settings }, n) => ({ trial: n + 1, settings, asked: null })),
    configs: resolved.map(({ config }) => config),
  };
}

/**
 * The rungs of successive halving (Jamieson & Talwalkar 2016): after all epochs divided by `factor`, by its square …, as
 * many as there are trials for.
 * @throws UserError if trials have different numbers of epochs, or too few
 */
export function planHalving(configs: readonly Pick<TrainConfig, 'numEpochs'>[], factor: number): Halving {
  const epochs = configs[0].numEpochs;
  if (configs.some(({ numEpochs }) => numEpochs !== epochs)) {
    throw new UserError(
      'sweep: --early-stop compares trials after the same epochs, but their numbers of epochs differ; give one --num-epochs',
    );
  }
  const rungs = [epochs];
  for (let left = configs.length; left >= factor; left = Math.floor(left / factor)) {
    const rung = Math.floor(epochs / factor ** rungs.length);
    if (rung < 1) break;
    rungs.unshift(rung);
  }
  if (rungs.length === 1) {
    throw new UserError(
      `sweep: --early-stop keeps one of ${factor} trials after one of ${factor} epochs, but there are ${configs.length} trials of ${epochs} epochs; ask for at least ${factor} of both`,
    );
  }
  return { factor, rungs };
}

/** How many of `count` trials go on after a rung. */
export function survivors(count: number, factor: number): number {
  return Math.max(1, Math.floor(count / factor));
}
