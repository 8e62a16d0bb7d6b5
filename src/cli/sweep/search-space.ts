/**
 * What a sweep tries: the values and ranges that flags give, and the settings of each trial. Every value is validated
 * before anything trains.
 */

import { inOneLine } from '../../formats/quotation.js';
import { Random } from '../../random.js';
import { formatSetting } from '../../report/text.js';
import { MAX_TRIALS } from '../../runs/limits.js';
import type { Axis, Settings, SettingValue } from '../../runs/sweep/sweep-folder.js';
import { flagName, type Option } from '../../train/config/option.js';
import { OPTION_KEYS, OPTIONS, type OptionKey, type TrainConfig } from '../../train/config/options.js';
import {
  type GivenSources,
  givenOptions,
  isUndecided,
  resolveConfig,
} from '../../train/config/run-config.js';
import { UserError } from '../../user-error.js';

export interface SearchSpace {
  /** The options that all trials share. */
  options: Readonly<Partial<TrainConfig>>;
  axes: readonly Axis[];
}

/** A search space, and the folder that a configuration file or a flag names. */
export interface PlacedSpace extends SearchSpace {
  savingPath: string | null;
}

/** Options that name places, or are lists themselves, and so have one value. */
const NO_AXES: readonly OptionKey[] = [
  'savingPath',
  'loadCp',
  'seeds',
  'data',
  'chartFormat',
  'log',
  'perClass',
];
/** A range whose ends differ by this factor is logarithmic if it does not say what it is. */
const LOG_FACTOR = 10;
/** Letters of a value that are shown; a sweep.json may have longer ones. */
const MAX_SHOWN = 60;
/** Random settings that were drawn before are drawn again, this often at most. */
const MAX_DRAWS = 1000;

/**
 * The search space that a configuration file and flags give: `1e-3,3e-3` are two values, `1e-4..1e-2` is a range.
 * @throws UserError for an unknown option, an empty list and a value that the option refuses
 */
export function searchSpace({ file, flags = {} }: GivenSources): PlacedSpace {
  const axes: Axis[] = [];
  const fixed: Record<string, unknown> = {};
  for (const key of OPTION_KEYS) {
    const given = flags[key];
    if (given === undefined) continue;
    if (typeof given !== 'string' || NO_AXES.includes(key) || !/,|\.\./.test(given)) fixed[key] = given;
    else axes.push(readAxis(key, given));
  }
  const above = givenOptions({ flags: fixed }, 'sweep');
  const swept = axes.map(({ option }) => option);
  const options = { ...belowFlags(givenOptions({ file }), above, swept), ...above };
  const own = Object.entries(options).filter(([key]) => !swept.includes(key) && key !== 'savingPath');
  if ((options.seeds ?? 1) > 1) {
    throw new UserError(
      'sweep: each trial is one training, so --seeds has no effect; sweep over seeds: --seed-number 0,1,2',
    );
  }
  if ((options.loadCp ?? null) !== null) {
    throw new UserError(
      `sweep: every trial begins with new weights, so load_cp has no effect${file ? ` in ${file.path}` : ''}; leave it out`,
    );
  }
  return { options: Object.fromEntries(own), axes, savingPath: options.savingPath ?? null };
}

/**
 * A file's options without those that flags replace, as in a training: then all options can be given as flags.
 * @param above the options that flags fix @param swept those that they sweep
 */
function belowFlags(
  inFile: Partial<TrainConfig>,
  above: Partial<TrainConfig>,
  swept: readonly string[],
): Partial<TrainConfig> {
  const isMixed = (['precision', 'useAmp'] as const).some((key) => key in above || swept.includes(key));
  const left = pick(inFile, (key) => {
    if (key === 'precision') return !isMixed && !isUndecided(inFile);
    if (key === 'useAmp') return !isMixed;
    const { only } = optionOf(key);
    const decisive = only && above[only.with];
    return decisive === undefined || only?.is.includes(decisive) === true;
  });
  return left as Partial<TrainConfig>;
}

function readAxis(key: OptionKey, given: string): Axis {
  const flag = `--${flagName(key)}`;
  const items = given.split(',').map((item) => item.trim());
  if (items.includes('')) {
    throw new UserError(`sweep: ${flag} has an empty value in ${given}; write values as 1,2,3`);
  }
  const range = items.find((item) => item.includes('..'));
  if (range !== undefined && items.length > 1) {
    throw new UserError(`sweep: ${flag} mixes values with the range ${range}; give either`);
  }
  const [, low, high, scale] = /^(\S+?)\.\.(\S+?)(?::(\w+))?$/.exec(given) ?? [];
  if (low !== undefined) return readRange(key, low, high, scale);
  const values = items.map((item) => valueIn(key, item));
  const twice = items.find((_, n) => values.indexOf(values[n]) < n);
  if (twice !== undefined) throw new UserError(`sweep: ${flag} has the value ${twice} twice; leave out one`);
  return { option: key, values };
}

function readRange(key: OptionKey, from: string, to: string, given: string | undefined): Axis {
  const flag = `--${flagName(key)}`;
  const { type } = OPTIONS[key];
  if (type !== 'integer' && type !== 'number' && type !== 'fraction') {
    throw new UserError(
      `sweep: ${flag} has no range, since its values are no numbers; list them with commas`,
    );
  }
  if (given !== undefined && given !== 'log' && given !== 'linear') {
    throw new UserError(`sweep: ${flag}: a range ends in :log or :linear, found :${given}`);
  }
  const [low, high] = [from, to].map((end) => valueIn(key, end));
  if (typeof low !== 'number' || typeof high !== 'number' || low >= high) {
    throw new UserError(`sweep: ${flag} ${from}..${to} must rise from one number to a larger one`);
  }
  if (given === 'log' && low <= 0) {
    throw new UserError(`sweep: ${flag}: a logarithmic range begins above 0, found ${from}`);
  }
  const scale = given ?? (low > 0 && high >= LOG_FACTOR * low ? 'log' : 'linear');
  return { option: key, low, high, scale, whole: type === 'integer' };
}

/** One value of an option, read and validated as the flag of a training. */
function valueIn(key: OptionKey, text: string): SettingValue {
  return givenOptions({ flags: { [key]: text } }, 'sweep')[key] as SettingValue;
}

/** All combinations; those of the last option follow each other. @throws UserError for a range, and for too many */
export function gridSettings(axes: readonly Axis[]): Settings[] {
  let all: Settings[] = [{}];
  for (const axis of axes) {
    if (!('values' in axis)) {
      throw new UserError(
        `sweep: --${flagName(axis.option)} is a range, and a grid needs values; list them with commas, or add --trials 20`,
      );
    }
    if (all.length * axis.values.length > MAX_TRIALS) {
      throw new UserError(
        `sweep: the grid has more than ${MAX_TRIALS} combinations; try some of them with --trials 20`,
      );
    }
    all = all.flatMap((settings) => axis.values.map((value) => ({ ...settings, [axis.option]: value })));
  }
  return all;
}

/**
 * Settings drawn at random, each a function of (seed, number); none is there twice.
 * @param keyOf the same for settings that count as the same, of which only the first are kept
 * @throws UserError if the space has fewer
 */
export function randomSettings(
  axes: readonly Axis[],
  count: number,
  seed: number,
  keyOf: (settings: Settings, trial: number) => string = (settings) => JSON.stringify(settings),
): Settings[] {
  const drawn = new Map<string, Settings>();
  for (let draw = 0, misses = 0; drawn.size < count; draw++) {
    const random = new Random(seed, draw);
    const settings = Object.fromEntries(axes.map((axis) => [axis.option, drawValue(axis, random)]));
    const key = keyOf(settings, drawn.size + 1);
    if (!drawn.has(key)) {
      misses = 0;
      drawn.set(key, settings);
    } else if (++misses === MAX_DRAWS) {
      throw new UserError(
        `sweep: --trials ${count} asks for more than there are, about ${drawn.size} combinations; ask for fewer, or leave out --trials for a grid of lists`,
      );
    }
  }
  return [...drawn.values()];
}

function drawValue(axis: Axis, random: Random): SettingValue {
  if ('values' in axis) return axis.values[random.below(axis.values.length)];
  const share = random.uniform();
  const { low, high, scale } = axis;
  // Whole numbers have equal shares: each stands for the interval around it.
  const [from, to] = axis.whole ? [low - 0.5, high + 0.5] : [low, high];
  const value = scale === 'log' ? from * (to / from) ** share : from + (to - from) * share;
  if (axis.whole) return Math.min(high, Math.max(low, Math.round(value)));
  return Math.min(high, Math.max(low, Number(value.toPrecision(4))));
}

/** The configuration of a trial, and its settings without those that have no effect in it. */
export interface ResolvedTrial {
  config: TrainConfig;
  settings: Settings;
}

/**
 * @param trial for messages
 * @throws UserError for settings that contradict each other
 */
export function resolveTrial(space: SearchSpace, settings: Settings, trial: number): ResolvedTrial {
  const all: Record<string, unknown> = { ...space.options, ...settings };
  const swept = space.axes.map(({ option }) => option);
  try {
    const isFree = (key: OptionKey) => {
      const { only, unless } = optionOf(key);
      return only === undefined && unless === undefined;
    };
    const chosen = resolveConfig({ flags: pick(all, isFree) });
    // Some options act only with one optimiser or schedule: where that is swept, trials of another go without.
    const used = pick(all, (key, value) => {
      const { only, unless } = optionOf(key);
      // A file may have the default.
      if (unless && chosen[unless] !== null) return value !== OPTIONS[key].default;
      if (only?.is.includes(chosen[only.with]) ?? true) return true;
      const varies = swept.includes(only?.with ?? '') || swept.includes('preset');
      return !varies && (swept.includes(key) || value !== OPTIONS[key].default);
    });
    return {
      config: resolveConfig({ flags: used }),
      settings: Object.fromEntries(Object.entries(settings).filter(([key]) => key in used)),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const where = `sweep: trial ${trial} (${describeSettings(settings)}): `;
    throw new UserError(error.message.replace(/^(train|sweep): /, where), { settings: error.settings });
  }
}

/** What an option acts with. A sweep.json may have any keys; resolveConfig refuses those that are no options. */
function optionOf(key: OptionKey): Pick<Option, 'only' | 'unless'> {
  return Object.hasOwn(OPTIONS, key) ? OPTIONS[key] : {};
}

function pick(
  values: Readonly<Record<string, unknown>>,
  keep: (key: OptionKey, value: unknown) => boolean,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key, value]) => keep(key as OptionKey, value)));
}

/** `learning-rate 0.001, hidden-size 64` */
export function describeSettings(settings: Settings): string {
  return Object.entries(settings)
    .map(([key, value]) => `${inOneLine(flagName(key))} ${settingText(value)}`)
    .join(', ');
}

/** A value as on the command line; long fractions are rounded. */
export function settingText(value: SettingValue | undefined): string {
  if (value === undefined) return '–';
  if (typeof value === 'number') return formatSetting(value);
  return value === null ? 'none' : inOneLine(String(value).slice(0, MAX_SHOWN));
}
