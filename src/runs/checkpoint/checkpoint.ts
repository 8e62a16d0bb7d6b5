/**
 * Encodes and decodes checkpoints. A checkpoint is one safetensors file: the parameters under PyTorch's names, and as
 * JSON in the metadata the model, the preprocessing and the class names. A checkpoint to resume from also has the
 * optimiser's vectors (`optimizer.mean.lstm.weight_ih_l0` …) and the training state. docs/file-formats.md describes the format for users.
 *
 * Reading goes from the header to the values: `decodeHeader` checks everything that the header says, and only then
 * `decodeTensors` gets the values.
 */

import { checkClassNames, MAX_CLASSES } from '../../data/class-names.js';
import type { Preprocessing } from '../../data/input-kind.js';
import { kindOf, readPreprocessing } from '../../data/kinds.js';
import { formatJson, isPlainObject, parseJson } from '../../formats/json.js';
import { camelCaseKeys, snakeCaseKeys } from '../../formats/key-case.js';
import { quote } from '../../formats/quotation.js';
import {
  headerOf,
  type SafetensorsHeader,
  type Tensor,
  type TensorToWrite,
  tensorIn,
  writeSafetensors,
} from '../../formats/safetensors/safetensors.js';
import type { HeaderEntry } from '../../formats/safetensors/safetensors-header.js';
import { list, readAs, text } from '../../formats/shape.js';
import { halfToNumber, numberToHalf } from '../../half.js';
import type { ResolvedClassifierConfig } from '../../model/classifier-config.js';
import { readClassifierConfig } from '../../model/read-config.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import { MAX_EPOCH_UPDATES } from '../limits.js';
import { checkAgainstTensors, checkValues } from './checkpoint-check.js';
import { type MergedMember, readMembers } from './members.js';
import { readTemperature } from './temperature.js';

export interface Checkpoint {
  parameters: StateDict;
  /** The model's configuration. */
  model: ResolvedClassifierConfig;
  /** How an example becomes the model's input. */
  preprocessing: Preprocessing;
  /** Names of the classes, in the order of the logits. */
  classes: string[];
  /** The logits are divided by this before the softmax (temperature.ts). Absent if none was fitted: as 1. */
  temperature?: number;
  /** Of a merged network: the networks whose logits it averages (members.ts). */
  members?: MergedMember[];
  /** Only in a checkpoint to resume from. */
  training?: {
    /**
     * The optimiser's vectors by tensor: `mean.lstm.weight_ih_l0` …, in the parameters' shapes. Empty for plain SGD.
     * In checkpoints of the first version one flat vector each: `mean` [P].
     */
    optimizer: StateDict;
    /** Epoch, losses, seed, best so far …: any JSON value. */
    state: Record<string, unknown>;
  };
}

/** A checkpoint without the values of its tensors. */
export interface CheckpointHeader extends Omit<Checkpoint, 'parameters' | 'training'> {
  /** The model's tensors in the order of their values in the file. */
  tensors: { name: string; shape: number[]; count: number }[];
  /** Number of parameters. */
  parameters: number;
  /** The training state, without lists that are tensors; null if the checkpoint has none. */
  training: Record<string, unknown> | null;
}

const FORMAT = 'scanstroke';
const FORMAT_VERSION = 1;
const OPTIMIZER = 'optimizer.';
const TRAINING = 'training.';
/** Members of the training state that have an element for each update of the epoch. */
const UPDATE_LISTS = ['losses', 'correct'] as const;
/** Longer ones are tensors: as JSON, those of a million updates would not fit into a header. */
const MAX_JSON_UPDATES = 2 ** 16;
const DIVERGED = 'the training has diverged; use a lower learning rate, or clip gradients to the norm 1';
const UNUSABLE =
  'the network cannot be used; its training diverged or the file is damaged, so use another checkpoint';

/**
 * The bytes of a checkpoint file. Keys of the configuration are written in snake_case.
 * @param half whether the parameters are written as float16, rounded to nearest: half the size, and no training state
 * @throws UserError for weights and numbers in the JSON parts that are not finite, keys that are not camelCase, and a
 * parameter called `optimizer.…` or `training.…`, and a temperature out of range
 */
export function encodeCheckpoint(checkpoint: Checkpoint, { half = false } = {}): Uint8Array {
  const { parameters, model, preprocessing, classes, temperature, members, training } = checkpoint;
  const tensors = new Map<string, TensorToWrite>();
  const add = (name: string, { shape, data }: { shape: number[]; data: Float32Array }) => {
    refuseDiverged(name, data);
    tensors.set(name, { dtype: 'F32', shape, data });
  };
  for (const [name, tensor] of parameters) {
    const reserved = [OPTIMIZER, TRAINING].find((prefix) => name.startsWith(prefix));
    if (reserved) {
      throw new UserError(
        `checkpoint: the parameter ${quote(name)} cannot be saved: "${reserved}" is reserved`,
      );
    }
    if (half) tensors.set(name, halfTensor(name, tensor));
    else add(name, tensor);
  }
  const metadata: Record<string, string> = {
    format: FORMAT,
    format_version: String(FORMAT_VERSION),
    model: configurationText({ ...model }, 'model'),
    preprocessing: configurationText(
      kindOf(preprocessing).writePreprocessing(preprocessing),
      'preprocessing',
    ),
    classes: formatJson(classes, 'the checkpoint: classes'),
  };
  if (temperature !== undefined) {
    metadata.temperature = String(readTemperature(temperature, 'the checkpoint: temperature'));
  }
  if (members !== undefined) {
    const where = 'the checkpoint: members';
    metadata.members = formatJson(readMembers(members, where), where);
  }
  if (training && half) throw new Error('checkpoint: a training state is not written beside float16');
  if (training) {
    for (const [name, tensor] of training.optimizer) add(OPTIMIZER + name, tensor);
    const { state, lists } = withoutLongLists(training.state);
    for (const [name, values] of lists) {
      tensors.set(TRAINING + name, { dtype: 'F64', shape: [values.length], data: values });
    }
    metadata.training = configurationText(state, 'training');
  }
  return writeSafetensors(tensors, metadata);
}

/** @throws UserError for values that float16 does not reach */
function halfTensor(name: string, { shape, data }: { shape: number[]; data: Float32Array }): TensorToWrite {
  refuseDiverged(name, data);
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest >= 65_520) {
    throw new UserError(
      `checkpoint: tensor ${quote(name)} holds ${largest}, and float16 reaches 65,504; write float32`,
    );
  }
  return { dtype: 'F16', shape, data: Uint16Array.from(data, numberToHalf) };
}

/** A checkpoint that could not be read again must not replace a good one. */
function refuseDiverged(tensor: string, values: Float32Array): void {
  try {
    checkValues(tensor, values, 'cannot write the checkpoint', DIVERGED);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, { settings: ['learningRate', 'maxNorm'] });
  }
}

/** The training state, with lists that are too long for JSON taken out. */
function withoutLongLists(state: Record<string, unknown>): {
  state: Record<string, unknown>;
  lists: Map<string, Float64Array>;
} {
  const rest = { ...state };
  const lists = new Map<string, Float64Array>();
  for (const name of UPDATE_LISTS) {
    const values = state[name];
    if (!Array.isArray(values) || values.length <= MAX_JSON_UPDATES) continue;
    lists.set(name, Float64Array.from(values));
    delete rest[name];
  }
  return { state: rest, lists };
}

function configurationText(value: Record<string, unknown>, part: string): string {
  const what = `the checkpoint: ${part}`;
  return formatJson(snakeCaseKeys(value, what), what);
}

/**
 * Reads a checkpoint.
 * @param bytes the whole file; not kept
 * @param name of the file, for messages
 * @returns parameters in the order of their names; keys of the configuration in camelCase
 * @throws UserError for a damaged file, a safetensors file that is not a checkpoint of scanstroke's, metadata that
 * contradict the tensors, and weights that are not finite
 */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  const header = headerOf(bytes, name);
  const about = decodeHeader(header, name);
  const tensors = header.entries.map((entry) => [entry.name, tensorIn(bytes, header, entry)] as const);
  return decodeTensors(about, new Map(tensors), name);
}

/**
 * A checkpoint from its header and its tensors.
 * @param about what decodeHeader returned
 * @param tensors those of the header; those of the training only if `about` has a training
 * @throws UserError for values that are not finite
 */
export function decodeTensors(
  { model, preprocessing, classes, temperature, members, training: state }: CheckpointHeader,
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
): Checkpoint {
  const parameters: StateDict = new Map();
  const optimizer: StateDict = new Map();
  const lists: Record<string, number[]> = {};
  for (const [tensor, { dtype, shape, data }] of tensors) {
    if (data instanceof Float64Array && tensor.startsWith(TRAINING)) {
      lists[tensor.slice(TRAINING.length)] = Array.from(data);
      continue;
    }
    const floats = data instanceof Uint16Array ? Float32Array.from(data, halfToNumber) : data;
    if (!(floats instanceof Float32Array)) throw new Error(`${name}: ${tensor} is ${dtype}`);
    checkValues(tensor, floats, name, UNUSABLE);
    if (tensor.startsWith(OPTIMIZER)) optimizer.set(tensor.slice(OPTIMIZER.length), { shape, data: floats });
    else parameters.set(tensor, { shape, data: floats });
  }
  const checkpoint: Checkpoint = { parameters, model, preprocessing, classes };
  if (temperature !== undefined) checkpoint.temperature = temperature;
  if (members !== undefined) checkpoint.members = members;
  if (state !== null) checkpoint.training = { optimizer, state: { ...state, ...lists } };
  return checkpoint;
}

/** Whether a tensor is part of a training's state. */
export function isOfTraining(tensor: string): boolean {
  return tensor.startsWith(OPTIMIZER) || tensor.startsWith(TRAINING);
}

/**
 * What the header of a checkpoint says. Everything is checked that can be checked without the values.
 * @throws UserError if it is not a checkpoint of scanstroke's, or its metadata contradict its tensors
 */
export function decodeHeader(
  { entries, metadata }: Pick<SafetensorsHeader, 'entries' | 'metadata'>,
  name: string,
): CheckpointHeader {
  const about = decodeMetadata(metadata, name);
  const parameters = new Map<string, HeaderEntry>();
  const optimizer = new Map<string, HeaderEntry>();
  for (const entry of entries) {
    const { name: tensor, dtype } = entry;
    if (tensor.startsWith(TRAINING)) {
      checkUpdateList(entry, about.training, name);
      continue;
    }
    const isOfOptimizer = tensor.startsWith(OPTIMIZER);
    if (dtype !== 'F32' && (dtype !== 'F16' || isOfOptimizer)) {
      const expected = isOfOptimizer ? 'F32' : 'F32 or F16';
      throw new UserError(`${name}: tensor ${quote(tensor)} has dtype ${dtype}, expected ${expected}`);
    }
    if (isOfOptimizer) optimizer.set(tensor.slice(OPTIMIZER.length), entry);
    else parameters.set(tensor, entry);
  }
  if (optimizer.size > 0 && about.training === null) {
    throw new UserError(
      `${name}: the checkpoint holds optimiser tensors, but its metadata has no "training"`,
    );
  }
  checkAgainstTensors(about, parameters, optimizer, name);
  checkClassNames(about.classes, `${name}: metadata "classes"`);
  const tensors = [...parameters.values()].map((entry) => ({
    name: entry.name,
    shape: entry.shape,
    count: entry.shape.reduce((product, size) => product * size, 1),
  }));
  return { ...about, tensors, parameters: tensors.reduce((sum, { count }) => sum + count, 0) };
}

/** A tensor `training.losses` or `training.correct` takes the place of the list in the JSON. */
function checkUpdateList(
  { name: tensor, dtype, shape }: HeaderEntry,
  training: Record<string, unknown> | null,
  name: string,
): void {
  const what = `${name}: tensor ${quote(tensor)}`;
  const list = UPDATE_LISTS.find((each) => TRAINING + each === tensor);
  if (list === undefined || training === null || Object.hasOwn(training, list)) {
    throw new UserError(`${what} does not belong to the training state in the metadata`);
  }
  if (dtype !== 'F64' || shape.length !== 1 || shape[0] > MAX_EPOCH_UPDATES) {
    throw new UserError(
      `${what} is ${dtype} [${shape.join(', ')}], expected F64 [updates], at most ${MAX_EPOCH_UPDATES}`,
    );
  }
}

function decodeMetadata(
  metadata: Record<string, string>,
  name: string,
): Omit<CheckpointHeader, 'tensors' | 'parameters'> {
  checkFormat(metadata, name);
  return {
    model: readClassifierConfig(configuration(metadata, 'model', name), `${name}: model`),
    preprocessing: readPreprocessing(configuration(metadata, 'preprocessing', name), name),
    classes: classNames(metadata, name),
    ...temperatureIn(metadata, name),
    ...membersIn(metadata, name),
    training: Object.hasOwn(metadata, 'training') ? configuration(metadata, 'training', name) : null,
  };
}

function checkFormat(metadata: Record<string, string>, name: string): void {
  const { format, format_version: version } = metadata;
  if (format !== FORMAT) {
    throw new UserError(
      `${name}: a safetensors file, but not a checkpoint of scanstroke's: expected metadata with format "${FORMAT}", ` +
        `found ${format === undefined ? 'none' : quote(format)}; give a best.safetensors or last.safetensors of a run`,
    );
  }
  if (version === String(FORMAT_VERSION)) return;
  const newer = /^[1-9][0-9]{0,8}$/.test(version ?? '') && Number(version) > FORMAT_VERSION;
  throw new UserError(
    `${name}: checkpoint format version ${quote(version ?? 'none')}, but this scanstroke reads version ` +
      `${FORMAT_VERSION}${newer ? '; it was written by a newer one, so update scanstroke' : ''}`,
  );
}

function temperatureIn(metadata: Record<string, string>, name: string): Pick<Checkpoint, 'temperature'> {
  if (!Object.hasOwn(metadata, 'temperature')) return {};
  const value = metadataJson(metadata, 'temperature', name);
  return { temperature: readTemperature(value, `${name}: metadata "temperature"`) };
}

function membersIn(metadata: Record<string, string>, name: string): Pick<Checkpoint, 'members'> {
  if (!Object.hasOwn(metadata, 'members')) return {};
  const value = metadataJson(metadata, 'members', name);
  return { members: readMembers(value, `${name}: metadata "members"`) };
}

function metadataJson(metadata: Record<string, string>, key: string, name: string): unknown {
  if (!Object.hasOwn(metadata, key)) {
    throw new UserError(`${name}: the checkpoint's metadata has no "${key}"`);
  }
  return parseJson(metadata[key], `${name}: metadata "${key}"`);
}

function configuration(metadata: Record<string, string>, key: string, name: string): Record<string, unknown> {
  const value = camelCaseKeys(metadataJson(metadata, key, name), `${name}: metadata "${key}"`);
  if (!isPlainObject(value)) throw new UserError(`${name}: metadata "${key}" must be a JSON object`);
  return value;
}

const classList = list(text, MAX_CLASSES);

function classNames(metadata: Record<string, string>, name: string): string[] {
  return readAs(classList, metadataJson(metadata, 'classes', name), `${name}: metadata "classes"`);
}
