/**
 * Reads a model file of PyTorch's: torch.save in the ZIP form and the older form (state dicts, checkpoints, whole
 * modules), TorchScript archives, and the weights of torch.export (`.pt2`). Nothing in the file is executed: classes and
 * functions are only names.
 */
import { isPlainObject, parseJson } from '../../formats/json.js';
import type { PickleValue } from '../../formats/pickle/pickle-values.js';
import { quote } from '../../formats/quotation.js';
import { MAX_HEADER_BYTES } from '../../formats/safetensors/safetensors.js';
import { ParameterLayout } from '../../model/parameters.js';
import type { StateDict } from '../../state-dict.js';
import { UserError } from '../../user-error.js';
import type { ForeignModel } from '../foreign-model.js';
import { isModelMetadata, type ModelMetadata, readModelMetadata } from '../model-metadata.js';
import { METADATA_ENTRY } from './metadata-entry.js';
import { checkpointParts, epochOf, withoutWrappers } from './read/checkpoint-parts.js';
import { readExportedProgram } from './read/exported-program.js';
import { FloatReader, type StorageBytes } from './read/float-reader.js';
import { isLegacyFile, readLegacyFile } from './read/legacy-file.js';
import type { NamedTensors } from './read/module-tensors.js';
import { readOptimizer } from './read/optimizer-state.js';
import { readTorchArchive, torchRoot } from './read/torch-archive.js';
import { ZipArchive } from './read/zip-archive.js';

const MAX_LISTED_NAMES = 5;
/** As the header of a safetensors file, which holds the same. */
const MAX_METADATA_BYTES = MAX_HEADER_BYTES;

/**
 * @param bytes the whole file
 * @param name of the file, for messages
 * @returns tensors under the names of `state_dict()`, without the prefixes of DataParallel, torch.compile and Lightning
 * @throws UserError if the file is damaged, holds no model, or something that is not read
 */
export function readPytorch(bytes: Uint8Array, name: string): ForeignModel {
  const notices: string[] = [];
  const { value, bytesOf, damaged, format, about } = contentOf(bytes, name);
  const parts = checkpointParts(value, name);
  const reader = new FloatReader(bytesOf, bytes.length, name);
  const tensors = readTensors(withoutWrappers(parts.tensors), reader, notices);
  if (tensors.size === 0) {
    throw new UserError(`${name}: none of its ${parts.tensors.size} tensors holds floating-point numbers`);
  }
  if (about) new ParameterLayout(about.config).check(tensors, `the tensors of ${name}`);
  const optimizer = readOptimizer(parts.optimizer, reader, notices);
  const bad = damaged();
  if (bad > 0) {
    notices.push(
      `the checksums of ${bad} parts of the file do not match: the file is damaged, or PyTorch wrote it without checksums`,
    );
  }
  return {
    format: format ?? parts.format,
    tensors,
    head: about?.config.head ?? null,
    sequenceLength: about?.config.sequenceLength ?? null,
    config: about?.config ?? null,
    preprocessing: about?.preprocessing ?? null,
    classes: about?.classes ?? null,
    temperature: about?.temperature ?? null,
    optimizer,
    epoch: epochOf(parts.epoch),
    notices: [...parts.notices, ...notices],
  };
}

interface Content {
  value: PickleValue;
  bytesOf: StorageBytes;
  damaged: () => number;
  /** Of a file that scanstroke wrote. */
  about: ModelMetadata | null;
  /** Where the archive tells the format; null if its content does. */
  format: string | null;
}

function contentOf(bytes: Uint8Array, name: string): Content {
  if (isLegacyFile(bytes))
    return { ...readLegacyFile(bytes, name), damaged: () => 0, format: null, about: null };
  const archive = new ZipArchive(bytes, name);
  const program = readExportedProgram(archive, name);
  if (program !== null) return { ...program, format: 'a program of torch.export', about: null };
  const root = torchRoot(archive);
  if (root === null) throw new UserError(`${name}: ${describeArchive(archive.names)}`);
  return { ...readTorchArchive(archive, root, name), format: null, about: aboutIn(archive, root, name) };
}

/** What scanstroke wrote about the model; null in files of others. */
function aboutIn(archive: ZipArchive, root: string, name: string): ModelMetadata | null {
  const entry = root + METADATA_ENTRY;
  if (!archive.has(entry)) return null;
  const where = `${name}: ${METADATA_ENTRY}`;
  const bytes = archive.read(entry);
  if (bytes.length > MAX_METADATA_BYTES) {
    throw new UserError(`${where}: ${bytes.length} bytes; at most ${MAX_METADATA_BYTES} are accepted`);
  }
  const metadata = parseJson(new TextDecoder().decode(bytes), where);
  return isPlainObject(metadata) && isModelMetadata(metadata) ? readModelMetadata(metadata, where) : null;
}

/** What an archive without a pickle of PyTorch's is, and the way out. */
function describeArchive(names: readonly string[]): string {
  if (names.some((entry) => entry.endsWith('.weights.h5'))) {
    return 'a Keras model (.keras), which is not read; convert it to ONNX with tf2onnx, and import that';
  }
  if (names.some((entry) => entry.endsWith('.npy'))) {
    return 'an archive of NumPy arrays (.npz); save the tensors as safetensors, with safetensors.numpy.save_file';
  }
  if (names.some((entry) => entry.includes('data/aotinductor/'))) {
    return 'a compiled package of AOTInductor; export the model with torch.export.save, or save its state dict';
  }
  const shown = names.slice(0, MAX_LISTED_NAMES).map((entry) => quote(entry, 40));
  return (
    `a ZIP archive, but not of PyTorch's: expected an entry data.pkl, found ${shown.join(', ') || 'no entries'}; ` +
    'give a file of torch.save, torch.jit.save or torch.export.save'
  );
}

/** Tensors of whole numbers, such as `num_batches_tracked`, are no weights. */
function readTensors(named: NamedTensors, reader: FloatReader, notices: string[]): StateDict {
  const tensors: StateDict = new Map();
  const others: string[] = [];
  for (const [label, tensor] of named) {
    if (reader.isFloat(tensor)) tensors.set(label, reader.read(tensor, label));
    else others.push(label);
  }
  if (others.length > 0) {
    const shown = others.slice(0, MAX_LISTED_NAMES).map((label) => quote(label));
    notices.push(
      `left out, because they hold no floating-point numbers: ${shown.join(', ')}${others.length > shown.length ? ' …' : ''}`,
    );
  }
  return tensors;
}
