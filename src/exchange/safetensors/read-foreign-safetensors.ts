/**
 * Reads tensors of any safetensors file as float32. A file that scanstroke wrote also gives the model's configuration,
 * preprocessing, classes and temperature, from its metadata.
 */

import { MAX_CLASSES } from '../../data/class-names.js';
import { readPreprocessing } from '../../data/kinds.js';
import { isPlainObject, parseJson } from '../../formats/json.js';
import { camelCaseKeys } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import { type FloatType, floatsOf } from '../../formats/safetensors/float-types.js';
import { type Dtype, headerOf, tensorIn } from '../../formats/safetensors/safetensors.js';
import { list, readAs, text } from '../../formats/shape.js';
import { ParameterLayout } from '../../model/parameters.js';
import { readClassifierConfig } from '../../model/read-config.js';
import { isOfTraining } from '../../runs/checkpoint/checkpoint.js';
import { readTemperature } from '../../runs/checkpoint/temperature.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { ForeignModel } from '../foreign-model.js';
import { isModelMetadata, readModelMetadata } from '../model-metadata.js';
import { OPTIMIZER_PREFIX, readOptimizerTensors } from './optimizer-tensors.js';

const FLOAT_TYPES = ['F16', 'BF16', 'F32', 'F64'] as const satisfies readonly (Dtype & FloatType)[];
const MAX_LISTED_NAMES = 5;
const classList = list(text, MAX_CLASSES);

/**
 * @param bytes the whole file
 * @param name of the file, for messages
 * @throws UserError if the file is damaged, or holds no floating-point numbers; or for metadata of scanstroke's that are
 * wrong
 */
export function readForeignSafetensors(bytes: Uint8Array, name: string): ForeignModel {
  const header = headerOf(bytes, name);
  const isOurs = header.metadata.format === 'scanstroke';
  const isExport = isModelMetadata(header.metadata);
  const tensors: StateDict = new Map();
  const optimizer: StateDict = new Map();
  const notices: string[] = [];
  const others: string[] = [];
  let hasTraining = Object.hasOwn(header.metadata, 'training') && isOurs;
  for (const entry of header.entries) {
    if (isOurs && isOfTraining(entry.name)) {
      hasTraining = true;
      continue;
    }
    const type = FLOAT_TYPES.find((each) => each === entry.dtype);
    if (type === undefined) {
      others.push(entry.name);
      continue;
    }
    const { shape, data } = tensorIn(bytes, header, entry);
    const values = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const tensor = { shape, data: floatsOf(values, type, data.length) };
    if (isExport && entry.name.startsWith(OPTIMIZER_PREFIX)) {
      optimizer.set(entry.name.slice(OPTIMIZER_PREFIX.length), tensor);
    } else tensors.set(entry.name, tensor);
  }
  if (tensors.size === 0) {
    throw new UserError(`${name}: none of its ${header.entries.length} tensors holds floating-point numbers`);
  }
  if (others.length > 0) {
    const shown = others.slice(0, MAX_LISTED_NAMES).map((label) => quote(label));
    notices.push(
      `left out, because they hold no floating-point numbers: ${shown.join(', ')}${others.length > shown.length ? ' …' : ''}`,
    );
  }
  if (hasTraining) {
    notices.push('the state of the training is left out; to go on with it, use train --load-cp on its run');
  }
  if (isExport) return exportedModel(header.metadata, { tensors, optimizer, notices }, name);
  return {
    format: isOurs ? 'a checkpoint of scanstroke (safetensors)' : 'a safetensors file',
    tensors,
    head: null,
    sequenceLength: null,
    config: null,
    preprocessing: null,
    classes: null,
    temperature: null,
    optimizer: null,
    epoch: null,
    notices,
    ...(isOurs ? aboutOurs(header.metadata, name) : null),
  };
}

/** A file that scanstroke exported. Its tensors come in the order of `module.parameters()`, as the optimiser's state. */
function exportedModel(
  metadata: Record<string, string>,
  read: { tensors: StateDict; optimizer: StateDict; notices: string[] },
  name: string,
): ForeignModel {
  const { config, preprocessing, classes, temperature } = readModelMetadata(metadata, name);
  const layout = new ParameterLayout(config);
  layout.check(read.tensors, `the tensors of ${name}`);
  const names = layout.places.map((place) => place.name);
  const epoch = Object.hasOwn(metadata, 'epoch') && /^\d{1,9}$/.test(metadata.epoch);
  return {
    format: 'a safetensors file of scanstroke',
    tensors: new Map(names.map((each) => [each, read.tensors.get(each)!])),
    head: config.head,
    sequenceLength: config.sequenceLength,
    config,
    preprocessing,
    classes,
    temperature,
    optimizer: readOptimizerTensors(metadata, read.optimizer, names, name),
    epoch: epoch ? Number(metadata.epoch) : null,
    notices: read.notices,
  };
}

/** What the metadata of a file of scanstroke's say. An export of a program's classifier may have fewer of them. */
function aboutOurs(
  metadata: Record<string, string>,
  name: string,
): Pick<ForeignModel, 'config' | 'head' | 'sequenceLength' | 'preprocessing' | 'classes' | 'temperature'> {
  const model = objectIn(metadata, 'model', name);
  const preprocessing = objectIn(metadata, 'preprocessing', name);
  const config = model && readClassifierConfig(model, `${name}: model`);
  const classes = jsonIn(metadata, 'classes', name);
  const temperature = jsonIn(metadata, 'temperature', name);
  return {
    config,
    head: config?.head ?? null,
    sequenceLength: config?.sequenceLength ?? null,
    preprocessing: preprocessing && readPreprocessing(preprocessing, name),
    classes: classes === null ? null : readAs(classList, classes, `${name}: metadata "classes"`),
    temperature:
      temperature === null ? null : readTemperature(temperature, `${name}: metadata "temperature"`),
  };
}

/** null if there is none. */
function jsonIn(metadata: Record<string, string>, key: string, name: string): unknown {
  return Object.hasOwn(metadata, key) ? parseJson(metadata[key], `${name}: metadata "${key}"`) : null;
}

function objectIn(
  metadata: Record<string, string>,
  key: string,
  name: string,
): Record<string, unknown> | null {
  const value = jsonIn(metadata, key, name);
  if (value === null) return null;
  const object = camelCaseKeys(value, `${name}: metadata "${key}"`);
  if (isPlainObject(object)) return object;
  throw new UserError(`${name}: metadata "${key}" must be a JSON object`);
}
