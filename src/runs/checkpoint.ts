/**
 * Encodes and decodes checkpoints. A checkpoint is one safetensors file: the parameters under PyTorch's names, and as
 * JSON in the metadata the model, the preprocessing and the class names. A checkpoint to resume from also has the
 * optimiser's vectors (`optimizer.mean.lstm.weight_ih_l0` …) and the training state. docs/file-formats.md describes the format for users.
 */

import type { Preprocessing } from '../data/input-kind.js';
import { kindOf, readPreprocessing } from '../data/kinds.js';
import { formatJson, isPlainObject, parseJson } from '../formats/json.js';
import { camelCaseKeys, snakeCaseKeys } from '../formats/key-case.js';
import { quote } from '../formats/quotation.js';
import { readSafetensors, type TensorToWrite, writeSafetensors } from '../formats/safetensors.js';
import type { HeaderEntry } from '../formats/safetensors-header.js';
import type { ResolvedClassifierConfig } from '../model/classifier-config.js';
import { readClassifierConfig } from '../model/read-config.js';
import type { StateDict } from '../state-dict.js';
import { UserError } from '../user-error.js';

export interface Checkpoint {
  parameters: StateDict;
  /** The model's configuration. */
  model: ResolvedClassifierConfig;
  /** How an example becomes the model's input. */
  preprocessing: Preprocessing;
  /** Names of the classes, in the order of the logits. */
  classes: string[];
  /** Only in a checkpoint to resume from. */
  training?: {
    /**
     * The optimiser's vectors by tensor: `mean.lstm.weight_ih_l0` …, in the parameters' shapes. Empty for plain SGD.
     * In checkpoints of the first version one flat vector each: `mean` [P].
     */
    optimizer: StateDict;
    /** Epoch, step, seed, best so far …: any JSON value. */
    state: Record<string, unknown>;
  };
}

/** A checkpoint without the values of its tensors. */
export interface CheckpointHeader extends Omit<Checkpoint, 'parameters' | 'training'> {
  /** The model's tensors in the order of the header. */
  tensors: { name: string; shape: number[]; count: number }[];
  /** Number of parameters. */
  parameters: number;
  /** The training state; null if the checkpoint has none. */
  training: Record<string, unknown> | null;
}

const FORMAT = 'scanstroke';
const FORMAT_VERSION = 1;
const OPTIMIZER = 'optimizer.';

/**
 * The bytes of a checkpoint file. Keys of the configuration are written in snake_case.
 * @throws UserError for numbers in the JSON parts that are not finite, keys that are not camelCase, and a parameter
 * called `optimizer.…`
 */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { parameters, model, preprocessing, classes, training } = checkpoint;
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, { shape, data }] of parameters) {
    if (name.startsWith(OPTIMIZER)) {
      throw new UserError(
        `checkpoint: the parameter ${quote(name)} cannot be saved: "${OPTIMIZER}" is reserved`,
      );
    }
    tensors.set(name, { dtype: 'F32', shape, data });
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
  if (training) {
    for (const [name, { shape, data }] of training.optimizer) {
      tensors.set(OPTIMIZER + name, { dtype: 'F32', shape, data });
    }
    metadata.training = configurationText(training.state, 'training');
  }
  return writeSafetensors(tensors, metadata);
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
 * @throws UserError for a damaged file, or a safetensors file that is not a checkpoint of scanstroke's
 */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  const { tensors, metadata } = readSafetensors(bytes, name);
  const about = decodeMetadata(metadata, name);

  const parameters: StateDict = new Map();
  const optimizer: StateDict = new Map();
  for (const [tensor, { dtype, shape, data }] of tensors) {
    if (!(data instanceof Float32Array)) {
      throw new UserError(`${name}: tensor ${quote(tensor)} has dtype ${dtype}, expected F32`);
    }
    if (tensor.startsWith(OPTIMIZER)) optimizer.set(tensor.slice(OPTIMIZER.length), { shape, data });
    else parameters.set(tensor, { shape, data });
  }
  if (parameters.size === 0) throw new UserError(`${name}: the checkpoint holds no parameters`);

  const { training: state, ...rest } = about;
  const checkpoint: Checkpoint = { parameters, ...rest };
  if (state !== null) checkpoint.training = { optimizer, state };
  else if (optimizer.size > 0) {
    throw new UserError(
      `${name}: the checkpoint holds optimiser tensors, but its metadata has no "training"`,
    );
  }
  return checkpoint;
}

/**
 * The header of a checkpoint.
 * @throws UserError if it is not a checkpoint of scanstroke's
 */
export function decodeHeader(
  { entries, metadata }: { entries: readonly HeaderEntry[]; metadata: Record<string, string> },
  name: string,
): CheckpointHeader {
  const about = decodeMetadata(metadata, name);
  const tensors = entries
    .filter((entry) => !entry.name.startsWith(OPTIMIZER))
    .map((entry) => ({
      name: entry.name,
      shape: entry.shape,
      count: entry.shape.reduce((product, size) => product * size, 1),
    }));
  if (tensors.length === 0) throw new UserError(`${name}: the checkpoint holds no parameters`);
  return { ...about, tensors, parameters: tensors.reduce((sum, { count }) => sum + count, 0) };
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

function classNames(metadata: Record<string, string>, name: string): string[] {
  const value = metadataJson(metadata, 'classes', name);
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) {
    throw new UserError(`${name}: metadata "classes" must be a JSON list of texts`);
  }
  return value;
}
