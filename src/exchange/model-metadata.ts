/**
 * What scanstroke knows about a model besides its tensors, as texts for the metadata of a file: configuration,
 * preprocessing, classes and temperature, in the JSON of a checkpoint. An import restores them.
 */
import { checkClassNames, MAX_CLASSES } from '../data/class-names.js';
import type { Preprocessing } from '../data/input-kind.js';
import { kindOf, readPreprocessing } from '../data/kinds.js';
import { formatJson, isPlainObject, parseJson } from '../formats/json.js';
import { camelCaseKeys, snakeCaseKeys } from '../formats/key-case.js';
import { list, readAs, text } from '../formats/shape.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import { readClassifierConfig } from '../model/read-config.js';
import { checkSizes } from '../runs/checkpoint/checkpoint-check.js';
import { readTemperature } from '../runs/checkpoint/temperature.js';
import { UserError } from '../user-error.js';
import type { ExportableModel } from './exportable-model.js';

/** The member of the metadata by which an import recognises them, and its value. */
export const WRITER = { key: 'written_by', value: 'scanstroke' } as const;

/** The members of `modelMetadata`, read. */
export interface ModelMetadata {
  config: ResolvedClassifierConfig;
  /** Null for a classifier of a program, whose input is sequences. */
  preprocessing: Preprocessing | null;
  classes: string[];
  /** Null if none was fitted. */
  temperature: number | null;
}

/** The metadata of a model: texts by name. @throws UserError for numbers that JSON cannot hold */
export function modelMetadata({
  config,
  preprocessing,
  classes,
  temperature,
}: Pick<ExportableModel, 'config' | 'preprocessing' | 'classes' | 'temperature'>): Record<string, string> {
  const metadata: Record<string, string> = {
    [WRITER.key]: WRITER.value,
    model: jsonOf({ ...config }, 'model'),
    classes: jsonOf(classes, 'classes'),
  };
  if (preprocessing !== null) {
    metadata.preprocessing = jsonOf(kindOf(preprocessing).writePreprocessing(preprocessing), 'preprocessing');
  }
  if (temperature !== undefined) metadata.temperature = jsonOf(temperature, 'temperature');
  return metadata;
}

/** Whether metadata are those of `modelMetadata`. */
export function isModelMetadata(metadata: Record<string, unknown>): boolean {
  return Object.hasOwn(metadata, WRITER.key) && metadata[WRITER.key] === WRITER.value;
}

/**
 * Reads what `modelMetadata` wrote. Whether it fits the tensors is not checked.
 * @param where names the metadata in messages: `digits.pt`
 * @throws UserError naming what is missing, impossible, or contradicts another part
 */
export function readModelMetadata(metadata: Record<string, unknown>, where: string): ModelMetadata {
  const model = objectIn(metadata, 'model', where);
  const preprocessing = Object.hasOwn(metadata, 'preprocessing')
    ? objectIn(metadata, 'preprocessing', where)
    : null;
  const classes = readAs(list(text, MAX_CLASSES), valueIn(metadata, 'classes', where), `${where}: "classes"`);
  checkClassNames(classes, `${where}: "classes"`);
  const read: ModelMetadata = {
    config: readClassifierConfig(model, `${where}: model`),
    preprocessing: preprocessing && readPreprocessing(preprocessing, where),
    classes,
    temperature: Object.hasOwn(metadata, 'temperature')
      ? readTemperature(valueIn(metadata, 'temperature', where), `${where}: metadata "temperature"`)
      : null,
  };
  checkSizes({ ...read, model: read.config }, where);
  return read;
}

function jsonOf(value: unknown, part: string): string {
  const what = `the metadata: ${part}`;
  return formatJson(snakeCaseKeys(value, what), what);
}

function valueIn(metadata: Record<string, unknown>, key: string, where: string): unknown {
  const member = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  return parseJson(readAs(text, member, `${where}: metadata "${key}"`), `${where}: metadata "${key}"`);
}

function objectIn(metadata: Record<string, unknown>, key: string, where: string): Record<string, unknown> {
  const value = camelCaseKeys(valueIn(metadata, key, where), `${where}: metadata "${key}"`);
  if (isPlainObject(value)) return value;
  throw new UserError(`${where}: metadata "${key}" must be a JSON object`);
}
