/**
 * The configuration of a run: validates file and flags against the table in options.ts and merges them with preset and
 * defaults. The validator is a zod schema that is made from the table. The JSON Schema for editors
 * (config.schema.json) is made from the same zod schema.
 */
import { z } from 'zod';
import { kindNamed } from '../../data/dataset-name.js';
import type { KindName } from '../../data/input-kind.js';
import { snakeCase } from '../../formats/key-case.js';
import { nearest } from '../../formats/nearest.js';
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import type { ConfigFile } from './config-file.js';
import { adviceFor, flagFor } from './foreign-names.js';
import { expectation, flagName, MAX_TEXT_LENGTH, type Option } from './option.js';
import { OPTION_KEYS, OPTIONS, type OptionKey, optionNamed, type TrainConfig } from './options.js';
import { PRESETS } from './presets.js';

export type { OptionKey, TrainConfig } from './options.js';

function rangeSchema(option: Option & { type: 'integer' | 'number' | 'fraction' }): z.ZodNumber {
  const { from, to, above, below } = option.range;
  let schema: z.ZodNumber = option.type === 'integer' ? z.number().int() : z.number();
  if (from !== undefined) schema = schema.gte(from);
  if (above !== undefined) schema = schema.gt(above);
  if (to !== undefined) schema = schema.lte(to);
  if (below !== undefined) schema = schema.lt(below);
  return schema;
}

function valueSchema(option: Option): z.ZodType {
  switch (option.type) {
    case 'integer':
    case 'number':
      return rangeSchema(option);
    case 'fraction': {
      const range = rangeSchema(option);
      const quotient = z.string().regex(/^\d{1,9}\/\d{1,9}$/);
      return z.union([range, quotient.transform(divide).pipe(range)]);
    }
    case 'switch':
      return z.boolean();
    case 'choice':
      return z.enum(option.choices);
    case 'list':
      return z.array(z.enum(option.choices)).transform((items) => [...new Set(items)]);
    case 'text': {
      const text = z
        .string()
        .min(1)
        .max(MAX_TEXT_LENGTH)
        .regex(/^[^\0]*$/);
      const { alone } = option;
      return alone === undefined ? text : z.union([text, z.boolean().transform((on) => (on ? alone : null))]);
    }
  }
}

function divide(quotient: string): number {
  const [dividend, divisor] = quotient.split('/').map(Number);
  return dividend / divisor;
}

function fieldSchema(key: OptionKey): z.ZodType {
  const option = OPTIONS[key];
  const schema = valueSchema(option);
  return option.none === undefined ? schema : schema.nullable();
}

/** The schema of a whole configuration. Unknown keys are refused. */
export const configSchema = z.strictObject(
  Object.fromEntries(OPTION_KEYS.map((key) => [key, fieldSchema(key)])) as Record<OptionKey, z.ZodType>,
);

/** The default of every option: the preset `quick`. */
export function defaultConfig(): TrainConfig {
  return structuredClone(
    Object.fromEntries(OPTION_KEYS.map((key) => [key, OPTIONS[key].default])),
  ) as TrainConfig;
}

/** The options that a user sets. */
export interface GivenSources {
  file?: ConfigFile;
  /** Values by option name, in any spelling. Texts are parsed as on the command line: `'5'` is 5. */
  flags?: Readonly<Record<string, unknown>>;
}
/** All sources of a configuration. */
export interface ConfigSources extends GivenSources {
  /** The configuration of a resumed run: replaces preset and defaults unless a preset is named. */
  base?: TrainConfig;
  /** `base` replaces the settings of a preset that the file names. */
  isRecord?: boolean;
  preset?: string;
}

/** A value from the user, and its name in messages. */
interface Given {
  value: unknown;
  label: string;
}

/**
 * The options that file and flags set; flags override the file. Each value is checked alone, not against the others.
 *
 * @param command the first word of error messages
 * @throws UserError for an unknown option or an invalid value
 */
export function givenOptions({ file, flags = {} }: GivenSources, command = 'train'): Partial<TrainConfig> {
  return { ...values(validated(fromFile(file))), ...values(validated(fromFlags(flags, command))) };
}

/** The preset where none is named, by the kind of data; a folder does not tell its kind. */
const PRESET_FOR: Readonly<Record<KindName, TrainConfig['preset']>> = { images: 'quick', strokes: 'strokes' };

/**
 * The configuration of a run: flags override the file, the file overrides the preset, the preset overrides the defaults.
 *
 * @throws UserError for an unknown option, an invalid value, an option without effect, and options that contradict each
 * other
 */
export function resolveConfig(sources: ConfigSources): TrainConfig {
  const file = validated(fromFile(sources.file));
  const flags = validated(fromFlags({ ...(sources.preset && { preset: sources.preset }), ...sources.flags }));
  const { preset, data } = { ...values(file), ...values(flags) };
  const kind = data === undefined ? null : kindNamed(data);
  const fallback = PRESET_FOR[kind ?? 'images'];

  const start =
    sources.base && (preset === undefined || sources.isRecord)
      ? structuredClone(sources.base)
      : {
          ...defaultConfig(),
          ...structuredClone(PRESETS[preset ?? fallback].settings),
          preset: preset ?? fallback,
        };
  const written = {
    ...start,
    ...(isUndecided(values(file))
      ? values(file)
      : withPrecision(values(file), 'train: the configuration file')),
  };
  const config = { ...written, ...withPrecision(values(flags), 'train') };

  for (const [key, given] of file) {
    if (isDefault(key, given.value) || sources.isRecord) continue;
    // Flags may unset what an option has no effect beside, and a run of an older version may have kept both.
    const { unless } = OPTIONS[key];
    if (unless && (config[unless] === null || isOfRun(sources.file))) continue;
    refuseNoEffect(key, given, written, inFile);
  }
  for (const [key, given] of flags) refuseNoEffect(key, given, config, asFlag);
  refuseContradictions(config);
  return withoutIdle(config);
}

/**
 * The configuration of a run from its config.json, which has all options but those that are newer than the run. These
 * have their defaults, whatever the run's preset has today: a run stays what it was.
 *
 * @throws UserError as resolveConfig
 */
export function recordedConfig(file: ConfigFile): TrainConfig {
  return resolveConfig({ file, base: defaultConfig(), isRecord: true });
}

/**
 * Mixed precision in a precision that is chosen when the training begins: what config.json of several seeds holds, whose
 * trainings choose.
 */
export function isUndecided({ precision, useAmp }: Partial<TrainConfig>): boolean {
  return precision === 'float32' && useAmp === true;
}

/** Of `precision` and `useAmp`, the one that a layer gives sets the other. */
function withPrecision(given: Partial<TrainConfig>, where: string): Partial<TrainConfig> {
  const { precision, useAmp } = given;
  if (precision === undefined) return useAmp === undefined ? given : { ...given, precision: 'float32' };
  const mixed = precision !== 'float32';
  if (useAmp !== undefined && useAmp !== mixed) {
    throw new UserError(
      `${where}: precision ${precision} contradicts mixed precision ${useAmp ? 'on' : 'off'}; leave out one of the two`,
      { settings: ['precision', 'useAmp'] },
    );
  }
  return { ...given, useAmp: mixed };
}

/** Resets options without an effect to their defaults, so that config.json does not mislead. */
function withoutIdle(config: TrainConfig): TrainConfig {
  const idle = OPTION_KEYS.filter((key) => !hasEffect(key, config));
  return { ...config, ...Object.fromEntries(idle.map((key) => [key, OPTIONS[key].default])) };
}

function hasEffect(key: OptionKey, config: TrainConfig): boolean {
  const { only } = OPTIONS[key];
  return only === undefined || only.is.includes(config[only.with]);
}

/** The values of a validated layer. */
function values(layer: ReadonlyMap<OptionKey, Given>): Partial<TrainConfig> {
  return Object.fromEntries([...layer].map(([key, given]) => [key, given.value]));
}

/** Whether a run has written a file. */
function isOfRun(file: ConfigFile | undefined): boolean {
  return /(^|[\\/])config\.json$/.test(file?.path ?? '');
}

function isDefault(key: OptionKey, value: unknown): boolean {
  return JSON.stringify(value) === JSON.stringify(OPTIONS[key].default);
}

function fromFile(file: ConfigFile | undefined): Map<OptionKey, Given> {
  const layer = new Map<OptionKey, Given>();
  for (const [spelling, { value, line }] of file?.entries ?? []) {
    if (spelling === '$schema') continue;
    const where = `train: ${file?.path}, line ${line}: `;
    const key = optionNamed(spelling);
    if (key === undefined) throw unknownOption(where, spelling, OPTION_KEYS.map(snakeCase));
    if (layer.has(key))
      throw new UserError(`${where}${spelling} is given twice; keep one of the two spellings`);
    layer.set(key, { value: readNone(OPTIONS[key], value), label: `${where}${spelling}` });
  }
  return layer;
}

function fromFlags(flags: Readonly<Record<string, unknown>>, command = 'train'): Map<OptionKey, Given> {
  const layer = new Map<OptionKey, Given>();
  for (const [spelling, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const key = optionNamed(spelling);
    if (key === undefined) {
      const flag = `--${flagName(spelling)}`;
      throw unknownOption(
        `${command}: `,
        flag,
        OPTION_KEYS.map((name) => `--${flagName(name)}`),
      );
    }
    const read = typeof value === 'string' ? readText(OPTIONS[key], value) : value;
    layer.set(key, { value: read, label: `${command}: --${flagName(key)}` });
  }
  return layer;
}

/** @param names the known options, in the spelling of the unknown one */
function unknownOption(where: string, spelling: string, names: readonly string[]): UserError {
  const kebab = (name: string) => flagName(name.replace(/^--/, '').replaceAll('-', '_')).replace(/-+/g, '-');
  const flag = flagFor(kebab(spelling), names.map(kebab));
  const meant = flag === undefined ? nearest(spelling, names) : names.find((name) => kebab(name) === flag);
  const advice = meant ? `did you mean ${meant}?` : '`scanstroke train --help` lists the options';
  return new UserError(`${where}unknown option ${quote(spelling, 60).slice(1, -1)}; ${advice}`);
}

/** Parses a text from the command line for the option. Returns the text itself if it has no such meaning. */
function readText(option: Option, text: string): unknown {
  const word = text.toLowerCase();
  const value = readNone(option, text);
  if (value !== text) return value;
  switch (option.type) {
    case 'integer':
    case 'number':
    case 'fraction':
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(word) ? Number(word) : text;
    case 'switch':
      return readSwitch(word) ?? text;
    case 'list':
      return text.split(',').map((item) => item.trim());
    case 'text':
      return option.alone === undefined ? text : (readSwitch(word) ?? text);
    default:
      return text;
  }
}

/** The word none as the value that it means, if the option has one. */
function readNone(option: Option, value: unknown): unknown {
  const word = typeof value === 'string' ? value.toLowerCase() : null;
  if (option.none !== undefined && (word === 'none' || word === 'null')) return null;
  return option.type === 'list' && word === 'none' ? [] : value;
}

function readSwitch(word: string): boolean | undefined {
  return { true: true, yes: true, '1': true, false: false, no: false, '0': false }[word];
}

function validated(layer: Map<OptionKey, Given>): Map<OptionKey, Given> {
  for (const [key, given] of layer) {
    const option = OPTIONS[key];
    const result = configSchema.shape[key].safeParse(given.value);
    if (!result.success) {
      const advice =
        option.type === 'choice' && typeof given.value === 'string'
          ? adviceOn(key, given.value, option.choices)
          : undefined;
      throw new UserError(
        `${given.label} must be ${expectation(option)}, found ${found(given.value)}` +
          (advice ? `; ${advice}` : ''),
      );
    }
    layer.set(key, { ...given, value: result.data });
  }
  return layer;
}

function adviceOn(key: OptionKey, value: string, choices: readonly string[]): string | undefined {
  const meant = nearest(value.toLowerCase(), choices);
  return adviceFor(flagName(key), value) ?? (meant && `did you mean ${meant}?`);
}

/** A rejected value, as messages show it. */
function found(value: unknown): string {
  if (typeof value === 'string') return quote(value, 60);
  if (Array.isArray(value)) return `the list ${quote(value.join(', '), 60)}`;
  return value !== null && typeof value === 'object' ? 'a mapping' : String(value);
}

/** Refuses an option that has no effect with the other options. */
function refuseNoEffect(
  key: OptionKey,
  given: Given,
  config: TrainConfig,
  written: (key: string, values: readonly (string | boolean)[]) => string,
): void {
  const { only, unless } = OPTIONS[key];
  const other = unless && config[unless];
  if (unless && other) {
    const shown = written(unless, [quote(other, 60).slice(1, -1)]);
    throw new UserError(
      `${given.label} has no effect with ${shown}; leave it out, or use ${written(unless, ['none'])}`,
    );
  }
  if (!only || hasEffect(key, config)) return;
  throw new UserError(
    `${given.label} has no effect with ${written(only.with, [config[only.with]])}; ` +
      `leave it out, or use ${written(only.with, only.is)}`,
  );
}

/** An option and its values as a configuration file has them: `stroke_sort false`. */
function inFile(key: string, values: readonly (string | boolean)[]): string {
  return `${snakeCase(key)} ${values.join(' or ')}`;
}

/** An option and its values as flags: `--no-stroke-sort`. */
function asFlag(key: string, values: readonly (string | boolean)[]): string {
  const [value] = values;
  if (typeof value === 'boolean') return `--${value ? '' : 'no-'}${flagName(key)}`;
  return `--${flagName(key)} ${values.join(' or ')}`;
}

function refuseContradictions(config: TrainConfig): void {
  const refuse = (message: string): never => {
    throw new UserError(`train: ${message}`);
  };
  if (config.layerDropout > 0 && config.numLayers === 1) {
    refuse(
      `--layer-dropout ${config.layerDropout} acts between layers, but there is only one layer; use --num-layers 2 or more, or --layer-dropout 0`,
    );
  }
  if (config.chronoInit !== null && (config.forgetBias ?? 0) !== 0) {
    refuse(
      `--chrono-init ${config.chronoInit} and --forget-bias ${config.forgetBias} both set the bias of the forget gate; leave out one of the two`,
    );
  }
  if (config.optimizer === 'sgd' && config.nesterov && config.momentum === 0) {
    refuse('--nesterov needs a momentum above 0, found 0; use --momentum 0.9, or leave out --nesterov');
  }
  if (config.seedNumber + config.seeds > 2 ** 32) {
    refuse(
      `--seed-number ${config.seedNumber} with --seeds ${config.seeds} exceeds the largest seed, ${2 ** 32 - 1}`,
    );
  }
}

/**
 * The contents of config.json: snake_case keys in the order of the table, without the paths (saving_path, load_cp). So
 * the file can be the `--config` of another run.
 */
export function configToDisk(config: TrainConfig): Record<string, unknown> {
  const keys = OPTION_KEYS.filter((key) => key !== 'savingPath' && key !== 'loadCp');
  return Object.fromEntries(keys.map((key) => [snakeCase(key), config[key]]));
}

/** The JSON Schema of a configuration file. Editors read it from config.schema.json. */
export function configJsonSchema(): Record<string, unknown> {
  const fields = OPTION_KEYS.map((key) => [snakeCase(key), fieldSchema(key).optional()] as const);
  const schema = z.strictObject({ $schema: z.string().optional(), ...Object.fromEntries(fields) }).meta({
    title: 'A training run of scanstroke',
    description:
      'The file of `scanstroke train --config FILE`. Options that are left out come from the preset.',
  });
  const { properties = {}, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  const described = OPTION_KEYS.map((key) => {
    const { description, default: value } = OPTIONS[key];
    return [snakeCase(key), { description, default: value, ...(properties[snakeCase(key)] as object) }];
  });
  return { ...rest, properties: { $schema: properties.$schema, ...Object.fromEntries(described) } };
}
