/** The sweep that flags ask for: a new one, or one that goes on in its folder. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lookAt, PATH_WORDS } from '../../formats/file-errors.js';
import { checkChartFormats } from '../../report/charts/chart-packages.js';
import { plural } from '../../report/text.js';
import { NEWEST, newRunFolder, prepareRunFolder, RUNS } from '../../runs/run-path.js';
import {
  holdsSweep,
  isTrialFolder,
  readSweep,
  SWEEP_FILES,
  type Sweep,
} from '../../runs/sweep/sweep-folder.js';
import { flagName } from '../../train/config/option.js';
import type { TrainConfig } from '../../train/config/options.js';
import { givenOptions } from '../../train/config/run-config.js';
import { UserError } from '../../user-error.js';
import { shellQuote } from '../terminal/terminal.js';
import { resolveTrial, searchSpace } from './search-space.js';
import type { SweepFlags } from './sweep-flags.js';
import { planSweep } from './sweep-plan.js';

export interface OpenedSweep {
  folder: string;
  sweep: Sweep;
  /** Whether the folder does not hold it yet. */
  isNew: boolean;
  /** Threads of each trial, where they are chosen anew. */
  threads?: number | null;
}

type GivenFlags = SweepFlags & Record<string, unknown>;

/**
 * The sweep that the flags ask for: a new one, or one that goes on in its folder.
 * @throws UserError for flags that a training would refuse, and for a folder that holds something else
 */
export async function openSweep(given: GivenFlags): Promise<OpenedSweep> {
  refuseOnly(given);
  if (given.loadCp !== undefined) return continued(given);
  const file =
    given.config === undefined
      ? undefined
      : await (await import('../../train/config/config-file.js')).readConfigFile(given.config);
  const space = searchSpace({ file, flags: given });
  const sweep = planSweep({
    space,
    engine: given.engine,
    trials: given.trials ?? null,
    seed: given.samplingSeed ?? null,
    halving: given.earlyStop ?? null,
    storage: given.storage ?? null,
    study: given.study ?? null,
  });
  const config = sharedConfig(sweep);
  checkChartFormats(space.options.chartFormat ?? []); // now, not after the first training
  checkOnly(sweep, given.only);
  const savingPath = given.savingPath ?? space.savingPath;
  if (given.list) return { folder: String(savingPath ?? ''), sweep, isNew: true };
  if (typeof savingPath === 'string') {
    // Looked for first: another part of this sweep writes sweep.json before its trials.
    const trials = existsSync(savingPath) ? readdirSync(savingPath).filter(isTrialFolder) : [];
    if (holdsSweep(savingPath))
      return { folder: savingPath, sweep: await sameSweep(savingPath, sweep), isNew: false };
    if (trials.length > 0) {
      throw new UserError(
        `sweep: ${savingPath} holds trials (${trials.sort()[0]}), but no ${SWEEP_FILES.sweep} that says what they are; choose another folder`,
      );
    }
  }
  if (given.only !== undefined && typeof savingPath !== 'string') {
    throw new UserError(
      'sweep: --only trains a part of a sweep, so name its folder, the same for all parts: --saving-path runs/my-sweep',
    );
  }
  if (typeof savingPath !== 'string') {
    return { folder: newRunFolder(`sweep-${config.preset}`, new Date()), sweep, isNew: true };
  }
  await prepareRunFolder(savingPath, null);
  return { folder: savingPath, sweep, isNew: true };
}

function refuseOnly({ only, earlyStop, engine }: GivenFlags): void {
  const other = earlyStop !== undefined ? '--early-stop' : engine === 'optuna' ? '--engine optuna' : null;
  if (only === undefined || other === null) return;
  throw new UserError(
    `sweep: --only trains trials apart from the others, which ${other} compares; leave out one`,
  );
}

function checkOnly(sweep: Sweep, only: readonly number[] | undefined): void {
  const missing = only?.find((number) => number > sweep.count);
  if (missing === undefined) return;
  throw new UserError(
    `sweep: --only ${missing}: there are ${plural(sweep.count, 'trial')}; --list shows them`,
  );
}

/** Flags that say how to go on, not what to try. */
const GOING_ON = ['loadCp', 'savingPath', 'jobs', 'only', 'list', 'json', 'engine', 'threads'];

async function continued(given: GivenFlags): Promise<OpenedSweep> {
  const other = Object.keys(given).find((name) => given[name] !== undefined && !GOING_ON.includes(name));
  if (other !== undefined || given.engine !== 'own') {
    throw new UserError(
      `sweep: --load-cp goes on with what the sweep tries, so --${flagName(other ?? 'engine')} has no effect; leave it out, or begin a new sweep`,
    );
  }
  const isNamed = typeof given.loadCp === 'string' && given.loadCp !== NEWEST;
  if (isNamed && given.savingPath !== undefined) {
    throw new UserError(
      `sweep: --saving-path has no effect with --load-cp ${given.loadCp}, where the sweep goes on; leave it out`,
    );
  }
  const folder = isNamed ? String(given.loadCp) : String(given.savingPath ?? newestSweep());
  const kind = lookAt(folder);
  if (kind !== 'folder') {
    throw new UserError(`sweep: --load-cp: ${folder} ${PATH_WORDS[kind]}; name the folder of a sweep`);
  }
  if (!holdsSweep(folder)) {
    throw new UserError(
      `sweep: ${folder} holds no sweep (no ${SWEEP_FILES.sweep}); name the folder of a sweep`,
    );
  }
  const sweep = await readSweep(folder);
  if (sweep.halving !== null) refuseOnly({ ...given, earlyStop: sweep.halving.factor });
  if (sweep.study !== null) refuseOnly({ ...given, engine: 'optuna' });
  checkOnly(sweep, given.only);
  const { threads } = givenOptions({ flags: { threads: given.threads } }, 'sweep');
  return { folder, sweep, isNew: false, threads };
}

function newestSweep(): string {
  const sweeps = (existsSync(RUNS) ? readdirSync(RUNS) : [])
    .map((name) => join(RUNS, name))
    .filter(holdsSweep)
    .map((folder) => ({ folder, time: statSync(folder).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  if (sweeps.length > 0) return sweeps[0].folder;
  throw new UserError(`sweep: there is no sweep in ${RUNS}/; name the folder of a sweep`);
}

/** The sweep in a folder, which must try the same. */
async function sameSweep(folder: string, wanted: Sweep): Promise<Sweep> {
  const found = await readSweep(folder);
  const compared = ['method', 'options', 'axes', 'seed', 'halving', 'study', 'count'] as const;
  const differs = compared.find((name) => JSON.stringify(found[name]) !== JSON.stringify(wanted[name]));
  if (differs === undefined) return found;
  throw new UserError(
    `sweep: ${folder} holds another sweep (its ${DIFFERENCES[differs]}); go on with that one by --load-cp ${shellQuote(folder)}, or choose another folder`,
  );
}

const DIFFERENCES = {
  method: 'way of choosing settings differs',
  options: 'other options differ',
  axes: 'lists and ranges differ',
  seed: 'sampling seed differs',
  halving: 'early stopping differs',
  study: 'study differs',
  count: 'number of trials differs',
} as const;

/** The configuration that the first trial would have: for titles. */
export function sharedConfig(sweep: Sweep): TrainConfig {
  const first = sweep.axes.map((axis) => [axis.option, 'values' in axis ? axis.values[0] : axis.low]);
  return resolveTrial(sweep, sweep.trials[0]?.settings ?? Object.fromEntries(first), 1).config;
}
