/**
 * The configuration of a run: validates what files and flags say against the table in options.ts and lays it over
 * preset and defaults. The validator is a zod schema made from that table; the JSON Schema for editors
 * (config.schema.json) falls out of it.
 */
import { z } from 'zod';
import { kindNamed } from '../../data/dataset-name.js';
import type { KindName } from '../../data/input-kind.js';
import { snakeCase } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import { UserError } from '../../user-error.js';
import type { ConfigFile } from './config-file.js';
import { nearest } from './nearest.js';
import {
  expectation,
  flagName,
  OPTION_KEYS,
  OPTIONS,
  type Option,
  type OptionKey,
  optionNamed,
  type TrainConfig,
} from './options.js';
import { PRESETS } from './presets.js';

export type { OptionKey, TrainConfig } from './options.js';

function rangeSchema(option: Option & { kind: 'integer' | 'number' | 'fraction' }): z.ZodNumber {
  const { from, to, above, below } = option.range;
  let schema: z.ZodNumber = option.kind === 'integer' ? z.number().int() : z.number();
  if (from !== undefined) schema = schema.gte(from);
  if (above !== undefined) schema = schema.gt(above);
  if (to !== undefined) schema = schema.lte(to);
  if (below !== undefined) schema = schema.lt(below);
  return schema;
}

function valueSchema(option: Option): z.ZodType {
  switch (option.kind) {
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
        .max(4096)
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

/** Every option of a run, by its name in the API; unknown names are refused. */
export const configSchema = z.strictObject(
  Object.fromEntries(OPTION_KEYS.map((key) => [key, fieldSchema(key)])) as Record<OptionKey, z.ZodType>,
);

/** What the options are when nothing is said: the `quick` preset. */
export function defaultConfig(): TrainConfig {
  return structuredClone(
    Object.fromEntries(OPTION_KEYS.map((key) => [key, OPTIONS[key].default])),
  ) as TrainConfig;
}

/** What a user gives. */
export interface GivenSources {
  file?: ConfigFile;
  /** By the option's name in any spelling. Texts are read as the command line means them: `'5'` is 5. */
  flags?: Readonly<Record<string, unknown>>;
}
/** Where a configuration comes from. */
export interface ConfigSources extends GivenSources {
  /** The configuration of the run that is resumed: stands in for preset and defaults if no preset is named. */
  base?: TrainConfig;
  preset?: string;
}

/** A value that a user gave, and how to name it in a message. */
interface Given {
  value: unknown;
  label: string;
}

/**
 * What file and flags say, flags over file, every value checked for itself but not against the others. Throws
 * UserError for an unknown option and a value that is not what the option expects; it begins with `command`.
 */
export function givenOptions({ file, flags = {} }: GivenSources, command = 'train'): Partial<TrainConfig> {
  return { ...values(validated(fromFile(file))), ...values(validated(fromFlags(flags, command))) };
}

/** The preset where none is named, by the kind of data; a folder does not tell its kind. */
const PRESET_FOR: Readonly<Record<KindName, TrainConfig['preset']>> = { images: 'quick', strokes: 'strokes' };

/**
 * The configuration of a run: flags over file over preset over defaults. Throws UserError for an unknown option, a
 * value that is not what the option expects, and options that contradict each other.
 */
export function resolveConfig(sources: ConfigSources): TrainConfig {
  const file = validated(fromFile(sources.file));
  const flags = validated(fromFlags({ ...(sources.preset && { preset: sources.preset }), ...sources.flags }));
  const preset = (flags.get('preset') ?? file.get('preset'))?.value as TrainConfig['preset'] | undefined;
  const data = (flags.get('data') ?? file.get('data'))?.value as string | undefined;
  const kind = data === undefined ? null : kindNamed(data);
  const fallback = PRESET_FOR[kind ?? 'images'];

  const start =
    sources.base && preset === undefined
      ? structuredClone(sources.base)
      : {
          ...defaultConfig(),
          ...structuredClone(PRESETS[preset ?? fallback].settings),
          preset: preset ?? fallback,
        };
  const written = { ...start, ...values(file) };
  const config = { ...written, ...values(flags) };

  for (const [key, given] of file) {
    if (!isDefault(key, given.value)) refuseVain(key, given, written, snakeCase);
  }
  for (const [key, given] of flags) refuseVain(key, given, config, (name) => `--${flagName(name)}`);
  refuseContradictions(config);
  return settled(config);
}

/** Options without an effect at their defaults, so that config.json does not seem to say what it does not. */
function settled(config: TrainConfig): TrainConfig {
  const idle = OPTION_KEYS.filter((key) => !hasEffect(key, config));
  return { ...config, ...Object.fromEntries(idle.map((key) => [key, OPTIONS[key].default])) };
}

function hasEffect(key: OptionKey, config: TrainConfig): boolean {
  const { only } = OPTIONS[key];
  return only === undefined || only.is.includes(config[only.with]);
}

function values(layer: ReadonlyMap<OptionKey, Given>): Partial<TrainConfig> {
  return Object.fromEntries([...layer].map(([key, given]) => [key, given.value]));
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
    layer.set(key, { value, label: `${where}${spelling}` });
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

function unknownOption(where: string, spelling: string, names: readonly string[]): UserError {
  const meant = nearest(spelling, names);
  const way = meant ? `did you mean ${meant}?` : '`scanstroke train --help` lists the options';
  return new UserError(`${where}unknown option ${quote(spelling, 60).slice(1, -1)}; ${way}`);
}

/** What a text on the command line means for the option; the text itself if it means nothing. */
function readText(option: Option, text: string): unknown {
  const word = text.toLowerCase();
  if (option.none !== undefined && (word === 'none' || word === 'null')) return null;
  switch (option.kind) {
    case 'integer':
    case 'number':
    case 'fraction':
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(word) ? Number(word) : text;
    case 'switch':
      return readSwitch(word) ?? text;
    case 'list':
      return word === 'none' ? [] : text.split(',').map((item) => item.trim());
    case 'text':
      return option.alone === undefined ? text : (readSwitch(word) ?? text);
    default:
      return text;
  }
}

function readSwitch(word: string): boolean | undefined {
  return { true: true, yes: true, '1': true, false: false, no: false, '0': false }[word];
}

function validated(layer: Map<OptionKey, Given>): Map<OptionKey, Given> {
  for (const [key, given] of layer) {
    const option = OPTIONS[key];
    const result = configSchema.shape[key].safeParse(given.value);
    if (!result.success) {
      const meant =
        option.kind === 'choice' && typeof given.value === 'string'
          ? nearest(given.value, option.choices)
          : undefined;
      throw new UserError(
        `${given.label} must be ${expectation(option)}, found ${found(given.value)}` +
          (meant ? `; did you mean ${meant}?` : ''),
      );
    }
    layer.set(key, { ...given, value: result.data });
  }
  return layer;
}

function found(value: unknown): string {
  if (typeof value === 'string') return quote(value, 60);
  if (Array.isArray(value)) return `the list ${quote(value.join(', '), 60)}`;
  return value !== null && typeof value === 'object' ? 'a mapping' : String(value);
}

/** Refuses an option that does nothing beside the others. */
function refuseVain(key: OptionKey, given: Given, config: TrainConfig, name: (key: string) => string): void {
  const { only } = OPTIONS[key];
  if (!only || hasEffect(key, config)) return;
  throw new UserError(
    `${given.label} has no effect with ${name(only.with)} ${config[only.with]}; ` +
      `leave it out, or use ${name(only.with)} ${only.is.join(' or ')}`,
  );
}

function refuseContradictions(config: TrainConfig): void {
  const refuse = (message: string): never => {
    throw new UserError(`train: ${message}`);
  };
  if (config.layerDropout > 0 && config.numLayers === 1) {
    refuse(
      `--layer-dropout ${config.layerDropout} acts between layers, but there is one; use --num-layers 2 or more`,
    );
  }
  if (config.optimizer === 'sgd' && config.nesterov && config.momentum === 0) {
    refuse("--nesterov needs a momentum above 0, found 0; use --momentum 0.9, or leave Nesterov's out");
  }
  if (config.seedNumber + config.seeds > 2 ** 32) {
    refuse(
      `--seed-number ${config.seedNumber} and --seeds ${config.seeds} go past the last seed, ${2 ** 32 - 1}`,
    );
  }
}

/**
 * The configuration as config.json holds it: snake_case, in the order of the table, without the places (saving_path,
 * load_cp), so that it says what was trained and serves as a `--config` for another run.
 */
export function configToDisk(config: TrainConfig): Record<string, unknown> {
  const keys = OPTION_KEYS.filter((key) => key !== 'savingPath' && key !== 'loadCp');
  return Object.fromEntries(keys.map((key) => [snakeCase(key), config[key]]));
}

/** The JSON Schema of a configuration file, which config.schema.json holds for editors. */
export function configJsonSchema(): Record<string, unknown> {
  const fields = OPTION_KEYS.map((key) => [snakeCase(key), fieldSchema(key).optional()] as const);
  const schema = z.strictObject({ $schema: z.string().optional(), ...Object.fromEntries(fields) }).meta({
    title: 'A training run of scanstroke',
    description: 'The file of `scanstroke train --config FILE`. What it leaves out comes from the preset.',
  });
  const { properties = {}, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  const described = OPTION_KEYS.map((key) => {
    const { description, default: value } = OPTIONS[key];
    return [snakeCase(key), { description, default: value, ...(properties[snakeCase(key)] as object) }];
  });
  return { ...rest, properties: { $schema: properties.$schema, ...Object.fromEntries(described) } };
}
